import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts'
import { Browser } from '../support/browser.ts'
import { type LogoutReceiver, startLogoutReceiver } from '../support/logout-receiver.ts'
import { type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty, redirectUri } from '../support/relying-party.ts'
import { confirmLogout } from '../support/signing-out.ts'

/** OpenID Connect Back-Channel Logout 1.0, with a receiver on this machine. */
describe('back-channel logout', () => {
  let op: TestProvider
  let maria: Enrolled
  let browser: Browser
  let [shop, mail] = [] as unknown as [LogoutReceiver, LogoutReceiver]
  let [inShop, inMail] = [] as unknown as [RelyingParty, RelyingParty]
  const outbound = createGuardedFetch({ allowPrivate: (address) => address === '127.0.0.1' })

  before(async () => {
    shop = await startLogoutReceiver()
    mail = await startLogoutReceiver()
    op = await startProvider({ parts: { outbound } })
    const addClient = (id: string, { uri }: LogoutReceiver, more: object) =>
      op.addClient({ client_id: id, redirect_uris: [redirectUri], backchannel_logout_uri: uri, ...more })
    inShop = await addClient('shop', shop, { backchannel_logout_session_required: true })
    inMail = await addClient('mail', mail, {})
    maria = await op.enrol()
  })
  after(async () => {
    await op.close()
    await outbound.close()
    await shop.close()
    await mail.close()
  })
  beforeEach(async () => {
    for (const receiver of [shop, mail]) {
      receiver.answer = (_req, res) => res.writeHead(200).end()
      receiver.tokens.length = 0
    }
    browser = new Browser()
    await op.signIn(maria.secret, {}, browser)
  })

  const enter = async (rp: RelyingParty): Promise<string> =>
    (await op.redeem(await op.begin({}, browser, rp))).tokens.id_token as string
  const signOut = async (rp: RelyingParty, everywhere = true, parameters: Record<string, string> = {}) =>
    confirmLogout(browser, await browser.get(oidc.buildEndSessionUrl(rp.config, parameters)), everywhere)
  const isOver = async () => errorOf((await op.begin({ prompt: 'none' }, browser)).page) === 'login_required'

  it('tells each relying party by a logout token of its own', async () => {
    const { sid } = decodeJwt(await enter(inShop))
    assert.equal(decodeJwt(await enter(inMail))['sid'], undefined)
    await signOut(inShop)
    const toShop = await shop.verified(op.issuer, 'shop')
    const toMail = await mail.verified(op.issuer, 'mail')
    assert.equal(toShop.protectedHeader.typ, 'logout+jwt')
    assert.equal(toShop.protectedHeader.alg, 'ES256')
    for (const { payload } of [toShop, toMail]) {
      assert.equal(payload.sub, op.maria.id)
      assert.deepEqual(payload['events'], { 'http://schemas.openid.net/event/backchannel-logout': {} })
      assert.equal(Object.hasOwn(payload, 'nonce'), false)
      assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 120)
      assert.ok(Math.abs((payload.iat ?? 0) * 1000 - op.clock.now()) < 10_000)
    }
    assert.ok(typeof sid === 'string')
    assert.equal(toShop.payload['sid'], sid)
    assert.equal(Object.hasOwn(toMail.payload, 'sid'), false)
    assert.notEqual(toShop.payload.jti, toMail.payload.jti)
    assert.ok(await isOver())
  })

  it('tells the one alone that the person leaves', async () => {
    await enter(inShop)
    await enter(inMail)
    await signOut(inShop, false)
    await shop.verified(op.issuer, 'shop')
    assert.deepEqual(mail.tokens, [])
    assert.equal(await isOver(), false)
    assert.ok(codeOf((await op.begin({ prompt: 'none' }, browser, inMail)).page))
  })

  it('tells nobody to whom the person was not signed in', async () => {
    await signOut(inShop)
    assert.deepEqual([...shop.tokens, ...mail.tokens], [])
  })

  it('tells it when somebody else signs in at the same browser', async () => {
    const anna = await op.enrolOther('anna')
    await enter(inMail)
    let at = await op.typePassword(await op.begin({ prompt: 'login' }, browser), { username: 'anna' })
    at = await op.submit(at, { intent: 'answer', code: op.nextCode(anna.secret) })
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(at.page.body)?.[1] ?? ''
    const page = await browser.post(`${op.issuer}/session/end/confirm`, { xsrf, logout: 'yes' })
    assert.equal((await mail.verified(op.issuer, 'mail')).payload.sub, op.maria.id)
    assert.equal((await op.redeem({ ...at, page })).tokens.claims()?.sub, anna.account.id)
  })

  const told = () => op.logged.filter((line) => line.includes('could not be told of a sign-out'))

  for (const [what, answer, expected] of [
    ['answers 500', (_req, res) => res.writeHead(500).end(), /got: 500/],
    ['sends the token elsewhere', (_req, res) => res.writeHead(307, { location: '/other' }).end(), /./],
    ['breaks off', (_req, res) => res.destroy(), /./],
    ['never answers', () => {}, /timeout|aborted/i],
  ] as [string, LogoutReceiver['answer'], RegExp][])
    it(`signs out although a relying party ${what}`, async function () {
      this.timeout(15_000)
      await enter(inShop)
      await enter(inMail)
      shop.answer = answer
      const before = told().length
      const started = performance.now()
      const page = await signOut(inShop)
      assert.match(page.body, /You are signed out/)
      assert.ok(performance.now() - started < 10_000)
      await mail.verified(op.issuer, 'mail')
      assert.equal(shop.tokens.length, 1, 'no redirect is followed, and nothing is sent twice')
      const line = told()[before] ?? ''
      assert.match(line, expected)
      assert.match(line, /"client":"shop"/)
      assert.ok(!op.logged.some((one) => one.includes(shop.tokens[0] ?? 'none')), 'no token in the log')
      assert.ok(await isOver())
    })

  it('signs out although a relying party is down', async () => {
    const down = await startLogoutReceiver()
    const rp = await op.addClient({ client_id: 'down', backchannel_logout_uri: down.uri })
    await down.close()
    await enter(rp)
    const before = told().length
    assert.match((await signOut(rp)).body, /You are signed out/)
    assert.match(told()[before] ?? '', /ECONNREFUSED/)
    assert.ok(await isOver())
  })

  it('asks nobody in the private network, as it is set up', async () => {
    await using strict = await startProvider()
    const inside = [shop.uri, 'https://10.0.0.7/out', 'https://[fd00::1]/out', 'https://localhost/out']
    const { browser, tokens } = await strict.enrol()
    for (const [index, backchannel_logout_uri] of inside.entries()) {
      const rp = await strict.addClient({ client_id: `inside-${index}`, backchannel_logout_uri })
      await strict.redeem(await strict.begin({}, browser, rp))
    }
    const url = oidc.buildEndSessionUrl(strict.rp.config, { id_token_hint: tokens.id_token as string })
    assert.match((await confirmLogout(browser, await browser.get(url), true)).body, /You are signed out/)
    assert.deepEqual(shop.tokens, [])
    const refused = strict.logged.filter((line) => line.includes('could not be told of a sign-out'))
    assert.equal(refused.length, inside.length)
    for (const line of refused) assert.match(line, /OutboundRefused/)
  })

  it('asks the networks that the configuration names, and no other inside', async () => {
    await using inside = await startProvider({ config: { outbound: { networks: ['127.0.0.0/8'] } } })
    const { browser, tokens } = await inside.enrol()
    for (const [id, backchannel_logout_uri] of [
      ['shop', shop.uri],
      ['elsewhere', 'https://10.0.0.7/out'],
    ] as const) {
      const rp = await inside.addClient({ client_id: id, backchannel_logout_uri })
      await inside.redeem(await inside.begin({}, browser, rp))
    }
    const url = oidc.buildEndSessionUrl(inside.rp.config, { id_token_hint: tokens.id_token as string })
    assert.match((await confirmLogout(browser, await browser.get(url), true)).body, /You are signed out/)
    assert.equal((await shop.verified(inside.issuer, 'shop')).payload.sub, inside.maria.id)
    const refused = inside.logged.filter((line) => line.includes('could not be told of a sign-out'))
    assert.equal(refused.length, 1)
    assert.match(
      refused[0] ?? '',
      /OutboundRefused.*"client":"elsewhere"|"client":"elsewhere".*OutboundRefused/,
    )
  })
})
