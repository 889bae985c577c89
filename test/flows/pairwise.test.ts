import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { OutboundFetch } from '../../src/outbound/guarded-fetch.ts'
import { Browser } from '../support/browser.ts'
import { collectNotices } from '../support/phones.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, discoverRelyingParty, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { addApplication, cibaGrant, nextOn, somebodyWithPhone } from './ciba-application.ts'

const api = 'https://api.example/'
const pair = { subject_type: 'pairwise' }
const farAway = 'http://far.invalid/callback'

const generateKeys = async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return {
    signing: [{ ...(await exportJWK(privateKey)), kty: 'EC', kid: 'test', use: 'sig', alg: 'ES256' }],
    cookies: [randomBytes(32).toString('base64')],
    sealing: [{ id: 'k1', key: randomBytes(32).toString('base64') }],
    pairwise: randomBytes(32).toString('base64'),
  }
}

describe('pairwise subjects', function () {
  this.timeout(60_000)
  /** What the addresses of others answer, and what was sent there. */
  const documents = new Map<string, unknown>()
  const sent: Array<{ url: string; body: string }> = []
  const outbound: OutboundFetch = async (url, init) => {
    sent.push({ url: String(url), body: String(init?.body ?? '') })
    const found = documents.get(String(url))
    return found === undefined
      ? new Response(null, { status: init?.method === 'POST' ? 200 : 404 })
      : Response.json(found)
  }
  const { delivery } = collectNotices()
  let op: TestProvider
  let browser: Browser
  let secret: string
  let one: RelyingParty
  let two: RelyingParty
  let far: RelyingParty

  before(async () => {
    op = await startProvider({
      parts: { outbound, push: delivery },
      config: {
        keys: await generateKeys(),
        push: { enabled: true },
        resources: [{ id: api, scopes: ['read'], clients: ['*'] }],
        protocol: { registration: { enabled: true, initialAccessToken: false } },
      },
    })
    ;({ browser, secret } = await op.enrol())
    const logout = { backchannel_logout_uri: 'https://one.invalid/logout' }
    one = await op.addClient({ client_id: 'one', ...pair, ...logout })
    two = await op.addClient({ client_id: 'two', ...pair })
    far = await op.addClient({ client_id: 'far', ...pair, redirect_uris: [farAway] })
  })
  after(() => op.close())

  const restart = async () => {
    await op.restart()
    // The connection of before is closed, which the first to use it finds out.
    await fetch(`${op.issuer}/jwks`).catch(() => undefined)
  }

  const signIn = async (rp: RelyingParty, more: Record<string, string> = {}, at = browser) =>
    (await op.redeem(await op.begin(more, at, rp))).tokens
  const subOf = (token: unknown) => String(decodeJwt(String(token)).sub)
  const subAt = async (rp: RelyingParty, more: Record<string, string> = {}) =>
    subOf((await signIn(rp, more)).id_token)

  it('are one within a sector, another in every other, and never the account’s own name', async () => {
    const subs = [await subAt(one), await subAt(two), await subAt(far, { redirect_uri: farAway })]
    assert.equal(subs[0], subs[1])
    assert.notEqual(subs[0], subs[2])
    assert.equal(await subAt(op.rp), op.maria.id)
    assert.ok(!subs.includes(op.maria.id))
    for (const sub of subs) assert.match(String(sub), /^[\w-]{43}$/)
    const other = await op.enrolOther('bruno')
    const { id_token } = await signIn(one, {}, other.browser)
    assert.notEqual(subOf(id_token), subs[0])
  })

  it('are the same everywhere: tokens, userinfo, introspection by whomever, after a refresh and a restart', async () => {
    const tokens = await signIn(one)
    const sub = subOf(tokens.id_token)
    assert.equal((await one.userinfo(tokens.access_token, sub)).sub, sub)
    assert.equal((await one.introspect(tokens.access_token)).sub, sub)
    assert.equal((await op.rp.introspect(tokens.access_token)).sub, sub, 'asked by another')
    const ofApi = await signIn(one, { resource: api, scope: 'openid read' })
    assert.equal(subOf(ofApi.access_token), sub)
    await restart()
    const renewed = await one.refresh(String(tokens.refresh_token))
    assert.equal(subOf(renewed.id_token), sub)
    const all = JSON.stringify(
      [tokens, ofApi, renewed].flatMap((one) => [
        decodeJwt(String(one.id_token)),
        one.access_token.includes('.') ? decodeJwt(one.access_token) : {},
      ]),
    )
    assert.ok(!all.includes(op.maria.id), 'the account’s own name is in no token')
  })

  it('serve as hints of who is meant', async () => {
    const { id_token } = await signIn(one)
    const hint = { prompt: 'none', id_token_hint: String(id_token) }
    assert.ok(codeOf((await op.begin(hint, browser, one)).page))
    const other = await op.enrolOther('carla')
    assert.equal(errorOf((await op.begin(hint, other.browser, one)).page), 'login_required')
    const claims = (value: string) => ({
      prompt: 'none',
      claims: JSON.stringify({ id_token: { sub: { value } } }),
    })
    assert.ok(codeOf((await op.begin(claims(subOf(id_token)), browser, one)).page))
    assert.equal(errorOf((await op.begin(claims(op.maria.id), browser, one)).page), 'login_required')
  })

  it('stand in logout tokens, and end sessions as hints', async () => {
    const own = new Browser()
    const { tokens } = await op.signIn(secret, {}, own)
    assert.ok(tokens)
    const { id_token } = await signIn(one, {}, own)
    sent.length = 0
    const asked = await own.get(
      `${op.issuer}/session/end?${new URLSearchParams({ id_token_hint: String(id_token) })}`,
    )
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(asked.body)?.[1] ?? ''
    await own.post(`${op.issuer}/session/end/confirm`, { xsrf, logout: 'yes' })
    const told = sent.find(({ url }) => url === 'https://one.invalid/logout')
    const token = new URLSearchParams(told?.body).get('logout_token')
    assert.equal(subOf(token), subOf(id_token))
    assert.ok(!JSON.stringify(decodeJwt(String(token))).includes(op.maria.id))
  })

  describe('of an application that asks people on their phones', () => {
    const keysAt = 'https://bank.invalid/keys'
    let application: Awaited<ReturnType<typeof addApplication>>
    let authenticate: () => Promise<Record<string, string>>
    before(async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      documents.set(keysAt, { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' }] })
      application = await addApplication(op, {
        client_id: 'bank',
        ...pair,
        jwks_uri: keysAt,
        token_endpoint_auth_method: 'private_key_jwt',
        client_secret: undefined,
      })
      const now = () => Math.floor(op.clock.now() / 1000)
      authenticate = async () => ({
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await new SignJWT({})
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuer('bank')
          .setSubject('bank')
          .setAudience(op.issuer)
          .setJti(randomBytes(8).toString('hex'))
          .setIssuedAt(now())
          .setExpirationTime(now() + 60)
          .sign(privateKey),
      })
    })

    const post = async (path: string, fields: Record<string, string>) => {
      const body = { client_id: 'bank', ...fields, ...(await authenticate()) }
      const response = await fetch(`${op.issuer}${path}`, { method: 'POST', body: new URLSearchParams(body) })
      return (await response.json()) as Record<string, unknown>
    }
    const ask = (hint: Record<string, string>) =>
      post('/backchannel', { scope: 'openid', binding_message: 'Order 4817', ...hint })

    it('are what it is told, and by which it may ask again', async () => {
      const person = await somebodyWithPhone(op)
      const redeem = async ({ auth_req_id }: Record<string, unknown>) => {
        const { status } = await person.phone.decide(await nextOn(person.phone))
        assert.equal(status, 200)
        return post('/token', { grant_type: cibaGrant, auth_req_id: String(auth_req_id) })
      }
      const first = await redeem(await ask({ login_hint: person.account.username }))
      const sub = subOf(first['id_token'])
      assert.notEqual(sub, person.account.id)
      const second = await redeem(await ask({ id_token_hint: String(first['id_token']) }))
      assert.equal(subOf(second['id_token']), sub)
      const { id_token } = await signIn(one)
      assert.equal((await ask({ id_token_hint: String(id_token) }))['error'], 'invalid_request')
      assert.equal(application.clientId, 'bank')
    })
  })

  describe('of a sector with a document', () => {
    const uri = 'https://sector.invalid/list.json'
    const metadata = {
      redirect_uris: ['https://a.invalid/cb', 'https://b.invalid/cb'],
      ...pair,
      sector_identifier_uri: uri,
    }
    const register = async (over: object = {}) => {
      const response = await fetch(`${op.issuer}/reg`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...metadata, ...over }),
      })
      return { status: response.status, body: (await response.json()) as Record<string, string> }
    }

    for (const [what, document] of [
      ['cannot be had', undefined],
      ['is no list', { redirect_uris: metadata.redirect_uris }],
      ['lists something else than addresses', [1, ...metadata.redirect_uris]],
      ['does not list them all', metadata.redirect_uris.slice(1)],
    ] as const)
      it(`are for nobody whose document ${what}`, async () => {
        if (document === undefined) documents.delete(uri)
        else documents.set(uri, document)
        const { status, body } = await register()
        assert.deepEqual([status, body['error']], [400, 'invalid_client_metadata'])
      })

    it('are shared by those that it lists, and it is read when they register and never again', async () => {
      documents.set(uri, [...metadata.redirect_uris, 'https://c.invalid/cb'])
      const clients = [await register(), await register({ redirect_uris: ['https://c.invalid/cb'] })]
      assert.deepEqual(
        clients.map(({ status }) => status),
        [201, 201],
      )
      documents.delete(uri)
      await restart()
      op.clock.advance(5)
      const subs: string[] = []
      for (const { body } of clients) {
        const client = { client_id: String(body['client_id']), client_secret: String(body['client_secret']) }
        const rp = await discoverRelyingParty(op.issuer, client)
        const at = await op.begin({ redirect_uri: String(body['redirect_uris']?.[0]) }, browser, rp)
        const allowed = codeOf(at.page) === null ? await op.submit(at, { intent: 'allow' }) : at
        subs.push(subOf((await op.redeem(allowed)).tokens.id_token))
      }
      assert.equal(subs[0], subs[1])
      assert.notEqual(subs[0], await subAt(one))
    })

    it('need one where a client has several hosts', async () => {
      const { status, body } = await register({ sector_identifier_uri: undefined })
      assert.deepEqual([status, body['error']], [400, 'invalid_client_metadata'])
    })

    it('need one where its addresses name no host', async () => {
      const app = { application_type: 'native', redirect_uris: ['com.example.app:/cb'] }
      const { status, body } = await register({ sector_identifier_uri: undefined, ...app })
      assert.deepEqual([status, body['error']], [400, 'invalid_client_metadata'])
      documents.set(uri, app.redirect_uris)
      assert.equal((await register(app)).status, 201)
    })
  })

  it('are announced where there is a key for them, and refused where there is none', async () => {
    const announced = async (issuer: string) =>
      ((await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>)[
        'subject_types_supported'
      ]
    assert.deepEqual(await announced(op.issuer), ['public', 'pairwise'])
    await using plain = await startProvider({ client: pair })
    assert.deepEqual(await announced(plain.issuer), ['public'])
    const { page } = await plain.begin()
    assert.equal(page.status, 400)
  })
})
