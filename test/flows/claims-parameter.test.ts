import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import type { Browser } from '../support/browser.ts'
import { mfa, startProvider, type TestProvider } from '../support/provider.ts'
import { errorOf } from '../support/relying-party.ts'

describe('the claims parameter (OIDC Core §5.5)', function () {
  this.timeout(30_000)
  let op: TestProvider
  let browser: Browser
  before(async () => {
    op = await startProvider()
    ;({ browser } = await op.enrol())
  })
  after(() => op.close())

  const begin = (claims: unknown, more: Record<string, string> = {}) =>
    op.begin(
      { scope: 'openid', claims: typeof claims === 'string' ? claims : JSON.stringify(claims), ...more },
      browser,
    )
  const signIn = async (claims: unknown, more: Record<string, string> = {}) => {
    const { tokens } = await op.redeem(await begin(claims, more))
    const { sub: _, ...userinfo } = await op.rp.userinfo(tokens.access_token, op.maria.id)
    return { idToken: decodeJwt(String(tokens.id_token)), userinfo }
  }

  it('names what goes into the ID token, and what into userinfo', async () => {
    const { idToken, userinfo } = await signIn({
      id_token: { email: { essential: true }, name: null },
      userinfo: { preferred_username: null, email_verified: { essential: true } },
    })
    assert.deepEqual([idToken['email'], idToken['name']], ['maria@example.org', 'maria Rossi'])
    assert.equal(idToken['preferred_username'], undefined)
    assert.deepEqual(userinfo, { preferred_username: 'maria', email_verified: true })
  })

  it('leaves out what nobody knows, essential or not, and what a person does not have', async () => {
    const { idToken, userinfo } = await signIn({
      id_token: { shoe_size: { essential: true }, locale: { essential: true } },
      userinfo: { shoe_size: null, locale: null, email: null, constructor: null },
    })
    assert.equal(idToken['shoe_size'], undefined)
    assert.equal(idToken['locale'], undefined)
    assert.deepEqual(userinfo, { email: 'maria@example.org' })
  })

  it('is understood with either member alone', async () => {
    assert.deepEqual((await signIn({ userinfo: { email: null } })).userinfo, { email: 'maria@example.org' })
    assert.equal((await signIn({ id_token: { email: null } })).idToken['email'], 'maria@example.org')
    assert.deepEqual((await signIn({ id_token: { email: null } })).userinfo, {})
  })

  it('takes an essential acr at its word, in whichever place it stands', async () => {
    const one = await signIn({ id_token: { acr: { essential: true, values: [mfa] } } })
    assert.equal(one.idToken['acr'], mfa)
    const { page } = await begin({ id_token: { acr: { essential: true, values: ['urn:nobody'] } } })
    assert.equal(errorOf(page), 'unmet_authentication_requirements')
    const wish = await signIn({ id_token: { acr: { values: ['urn:nobody'] } } })
    assert.equal(wish.idToken['acr'], mfa, 'a wish is no demand')
  })

  it('holds the sign-in to the person that it names', async () => {
    assert.equal((await signIn({ id_token: { sub: { value: op.maria.id } } })).idToken.sub, op.maria.id)
    const silent = await begin({ id_token: { sub: { value: 'somebody' } } }, { prompt: 'none' })
    assert.equal(errorOf(silent.page), 'login_required')
    assert.match((await begin({ id_token: { sub: { value: 'somebody' } } })).page.body, /name="password"/)
  })

  for (const [what, claims] of [
    ['no JSON', '{'],
    ['a list', []],
    ['no object within', { id_token: [] }],
    ['a text in the place of an object', { id_token: 'email' }],
    ['nothing at all', {}],
  ] as const)
    it(`refuses ${what}`, async () => {
      assert.equal(errorOf((await begin(claims)).page), 'invalid_request')
    })

  it('is asked about where consent is', async () => {
    const rp = await op.addClient({ client_id: 'foreign', require_consent: true })
    const parameters = { scope: 'openid', claims: JSON.stringify({ userinfo: { email: null } }) }
    const at = await op.begin(parameters, browser, rp)
    assert.match(at.page.body, /see your email address/)
    const { tokens } = await op.redeem(await op.submit(at, { intent: 'allow' }))
    assert.equal((await rp.userinfo(tokens.access_token, op.maria.id))['email'], 'maria@example.org')
  })

  it('is announced', async () => {
    const found = (await (await fetch(`${op.issuer}/.well-known/openid-configuration`)).json()) as Record<
      string,
      unknown
    >
    assert.equal(found['claims_parameter_supported'], true)
    assert.ok((found['claims_supported'] as string[]).includes('email'))
  })
})
