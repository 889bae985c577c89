import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import { mfa } from '../support/provider.ts'
import { afterLogout, answerIn, later, type Met, type Profile, startProfile, type Walk } from './profile.ts'

const bothSteps: Met[] = ['password', 'second factor']

describe('a person who comes back', function () {
  this.timeout(60_000)
  let at: Profile
  let config: oidc.Configuration
  before(async () => {
    at = await startProfile()
    config = await at.discover(at.op.clients.client)
  })
  after(() => at.close())

  const client = () => at.op.clients.client
  const tokensOf = async ({ end }: Walk) =>
    oidc.authorizationCodeGrant(config, end.url, { expectedState: 'the state', expectedNonce: 'the nonce' })
  const claimsOf = async (walk: Walk) => (await tokensOf(walk)).claims() as oidc.IDToken
  const signedIn = async () => {
    const browser = at.browser()
    const walk = await at.authorize(client(), {}, browser)
    assert.deepEqual(walk.met, bothSteps)
    return { browser, tokens: await tokensOf(walk) }
  }

  it('types a password and a code at each sign-in, and none while the session lasts', async () => {
    const { browser, tokens } = await signedIn()
    const again = await at.authorize(client(), {}, browser)
    assert.deepEqual(again.met, [])
    const claims = await claimsOf(again)
    assert.equal(claims['acr'], mfa)
    assert.equal(claims.auth_time, tokens.claims()?.auth_time)
    assert.deepEqual((await at.authorize(client())).met, bothSteps, 'in another browser')
  })

  it('is asked for both again with prompt=login, and auth_time moves on', async () => {
    const { browser, tokens } = await signedIn()
    await later(2, async () => {
      const again = await at.authorize(client(), { prompt: 'login' }, browser)
      assert.deepEqual(again.met, bothSteps)
      const claims = await claimsOf(again)
      assert.equal(claims.sub, tokens.claims()?.sub)
      assert.ok(Number(claims.auth_time) > Number(tokens.claims()?.auth_time))
    })
  })

  it('is asked for both again with max_age=1, and auth_time moves on', async () => {
    const { browser, tokens } = await signedIn()
    await later(3, async () => {
      const again = await at.authorize(client(), { max_age: '1' }, browser)
      assert.deepEqual(again.met, bothSteps)
      assert.match(again.pages[0]?.body ?? '', /current-password/)
      const claims = await claimsOf(again)
      assert.ok(Number(claims.auth_time) > Number(tokens.claims()?.auth_time))
    })
  })

  it('sees no page with max_age=10000, and auth_time is the same', async () => {
    const { browser, tokens } = await signedIn()
    await later(3, async () => {
      const again = await at.authorize(client(), { max_age: '10000' }, browser)
      assert.deepEqual(again.met, [])
      const claims = await claimsOf(again)
      assert.equal(claims.auth_time, tokens.claims()?.auth_time)
      assert.equal(claims.sub, tokens.claims()?.sub)
    })
  })

  it('is nobody with prompt=none before the sign-in, and somebody afterwards', async () => {
    const stranger = await at.authorize(client(), { prompt: 'none' })
    assert.equal(answerIn('query', stranger.end)['error'], 'login_required')
    assert.equal(answerIn('query', stranger.end)['state'], 'the state')
    const implicit = await at.authorize(client(), { prompt: 'none', response_type: 'id_token' })
    assert.equal(answerIn('fragment', implicit.end)['error'], 'login_required')

    const { browser, tokens } = await signedIn()
    const known = await at.authorize(client(), { prompt: 'none' }, browser)
    assert.deepEqual([known.met, known.pages], [[], []])
    assert.equal((await claimsOf(known)).sub, tokens.claims()?.sub)
  })

  it('has to be asked where prompt=none cannot: consent, and a second factor anew', async () => {
    const { browser } = await signedIn()
    const registered = await at.fetch(`${at.issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [redirect] }),
    })
    assert.equal(registered.status, 201)
    const { client_id } = (await registered.json()) as { client_id: string }
    const parameters = { redirect_uri: redirect }
    const silent = await at.authorize({ client_id }, { ...parameters, prompt: 'none' }, browser)
    assert.equal(silent.end.url.searchParams.get('error'), 'consent_required')
    const asked = await at.authorize({ client_id }, parameters, browser)
    assert.deepEqual(asked.met, ['consent'])
    assert.ok(asked.end.url.searchParams.get('code'))
    const allowed = await at.authorize({ client_id }, { ...parameters, prompt: 'none' }, browser)
    assert.ok(allowed.end.url.searchParams.get('code'))
    const higher = await at.authorize(
      client(),
      { prompt: 'none', claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'phr' } } }) },
      browser,
    )
    assert.match(String(answerIn('query', higher.end)['error']), /required|unmet_authentication_requirements/)
  })

  it('is who id_token_hint says, or nobody', async () => {
    const { browser, tokens } = await signedIn()
    const hint = tokens.id_token as string
    const same = await at.authorize(client(), { prompt: 'none', id_token_hint: hint }, browser)
    assert.equal((await claimsOf(same)).sub, decodeJwt(hint).sub)
    const [, paolo] = at.op.people
    const other = at.browser()
    const walk = await at.authorize(client(), {}, other, paolo)
    assert.deepEqual(walk.met, bothSteps)
    const mismatch = await at.authorize(client(), { prompt: 'none', id_token_hint: hint }, other)
    assert.equal(answerIn('query', mismatch.end)['error'], 'login_required')
    const nobody = await at.authorize(client(), { prompt: 'none', id_token_hint: hint })
    assert.equal(answerIn('query', nobody.end)['error'], 'login_required')
    const broken = await at.authorize(client(), { prompt: 'none', id_token_hint: `${hint}x` }, browser)
    assert.equal(answerIn('query', broken.end)['error'], 'invalid_request')
  })

  it('finds the user name of login_hint on the page', async () => {
    const { pages } = await at.authorize(client(), { login_hint: 'paolo@example.org' })
    assert.match(pages[0]?.body ?? '', /value="paolo@example.org"/)
  })

  it('signs out, and is nobody afterwards', async () => {
    const { browser, tokens } = await signedIn()
    const url = oidc.buildEndSessionUrl(config, {
      post_logout_redirect_uri: afterLogout,
      id_token_hint: tokens.id_token as string,
      state: 'bye',
    })
    const asking = await browser.get(url)
    const action = /action="([^"]+)"/.exec(asking.body)?.[1] as string
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(asking.body)?.[1] as string
    const gone = await browser.post(action, { xsrf, logout: 'yes' })
    assert.equal(gone.url.href, `${afterLogout}?state=bye`)
    const silent = await at.authorize(client(), { prompt: 'none' }, browser)
    assert.equal(answerIn('query', silent.end)['error'], 'login_required')
  })
})

const redirect = 'https://rp.example/callback'
