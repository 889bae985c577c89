import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { Browser } from '../support/browser.ts'
import { mfa } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { callback, type Registering, startRegistering } from './registering.ts'

describe('a relying party that registers itself', () => {
  let at: Registering
  before(async () => {
    at = await startRegistering()
  })
  after(() => at.op.close())

  it('signs people in who consent, with their second factor', async () => {
    const { op } = at
    const { secret } = await op.enrol()
    const config = await oidc.dynamicClientRegistration(
      new URL(op.issuer),
      {
        client_name: 'The shop around the corner',
        redirect_uris: [callback],
        policy_uri: 'https://shop.example/policy',
      },
      undefined,
      { initialAccessToken: await at.invite(), execute: [oidc.allowInsecureRequests] },
    )
    const verifier = oidc.randomPKCECodeVerifier()
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid email',
      state: 'the state',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const browser = new Browser()
    const code = op.nextCode(secret)
    let page = await browser.get(url)
    assert.match(page.body, /The shop around the corner/)
    assert.match(page.body, /href="https:\/\/shop\.example\/policy"/)
    page = await browser.post(page.url, {
      intent: 'sign-in',
      username: 'maria',
      password: 'due passi avanti',
    })
    assert.equal(codeOf(page), null)
    page = await browser.post(page.url, { intent: 'answer', code })
    assert.match(page.body, /Allow The shop around the corner\?/)
    assert.equal(codeOf(page), null)
    page = await browser.post(page.url, { intent: 'allow' })
    const tokens = await oidc.authorizationCodeGrant(config, page.url, {
      pkceCodeVerifier: verifier,
      expectedState: 'the state',
    })
    assert.equal(tokens.claims()?.['acr'], mfa)
    assert.equal(
      (await oidc.fetchUserInfo(config, tokens.access_token, op.maria.id)).email,
      'maria@example.org',
    )
  })

  it('is in the directory, sealed, and in the audit', async () => {
    const { op } = at
    const { status, body } = await at.register({ client_name: 'Shop' }, await at.invite())
    assert.equal(status, 201)
    const id = String(body['client_id'])
    assert.match(String(body['client_secret']), /^[\w-]{43,}$/)
    assert.equal(body['registration_client_uri'], `${op.issuer}/reg/${id}`)
    const kept = await op.duepassi.directory.clientById(id)
    assert.equal(kept?.client_secret, body['client_secret'])
    assert.equal(kept?.['self_registered'], true)
    assert.equal(kept?.['require_consent'], true)
    assert.equal(kept?.['registration_access_token'], undefined)
    assert.ok(at.audited.includes(`client.added ${id} registration`), at.audited.join('\n'))
  })

  it('needs an invitation, which is spent', async () => {
    for (const token of [undefined, '', 'guessed', 'x'.repeat(43)]) {
      const { status, body, challenge } = await at.register({}, token)
      assert.ok(status === 401 || status === 400, `${status}`)
      assert.match(String(body['error']), /^invalid_(token|request)$/)
      if (status === 401) assert.match(challenge ?? '', /Bearer/)
    }
    const token = await at.invite(2)
    const ids = new Set<unknown>()
    for (const expected of [201, 201, 401]) {
      const { status, body } = await at.register({}, token)
      assert.equal(status, expected)
      ids.add(body['client_id'])
    }
    assert.equal(ids.size, 3)
  })

  it('does not spend it by metadata that are refused', async () => {
    const token = await at.invite()
    assert.equal((await at.register({ redirect_uris: ['https://shop.example/#here'] }, token)).status, 400)
    assert.equal((await at.register({}, token)).status, 201)
  })

  it('comes too late after its days', async () => {
    const token = await at.invite(1, 60)
    at.op.clock.advance(120)
    assert.equal((await at.register({}, token)).status, 401)
  })

  it('is one, of 50 at once with an invitation for one', async () => {
    const token = await at.invite()
    const answers = await Promise.all(Array.from({ length: 50 }, () => at.register({}, token)))
    assert.equal(answers.filter(({ status }) => status === 201).length, 1)
    assert.equal(answers.filter(({ status }) => status === 401).length, 49)
    const refused = answers.flatMap(({ status, body }) => (status === 201 ? [] : [body['client_id']]))
    assert.deepEqual([...new Set(refused)], [undefined])
  })

  it('may be anybody where the configuration says so', async () => {
    const open = await startRegistering({ initialAccessToken: false })
    try {
      const { status, body } = await open.register({ require_consent: false, self_registered: false })
      assert.equal(status, 201)
      const kept = await open.op.duepassi.directory.clientById(String(body['client_id']))
      assert.deepEqual([kept?.['require_consent'], kept?.['self_registered']], [true, true])
    } finally {
      await open.op.close()
    }
  })

  it('is nobody where the configuration does not say so', async () => {
    const closed = await startRegistering({ enabled: false })
    try {
      assert.equal((await closed.register({}, await closed.invite())).status, 404)
      const discovered = (await (
        await fetch(`${closed.op.issuer}/.well-known/openid-configuration`)
      ).json()) as Record<string, unknown>
      assert.equal(discovered['registration_endpoint'], undefined)
    } finally {
      await closed.op.close()
    }
  })
})
