import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import { type Answer, Browser } from '../support/browser.ts'
import { type AtPage, type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { errorOf, type RelyingParty, redirectUri, testClient } from '../support/relying-party.ts'
import { confirmLogout, framesOn, logoutForm } from '../support/signing-out.ts'

const shop = {
  client_id: 'shop',
  client_name: 'The "Shop" <b>',
  redirect_uris: [redirectUri, 'https://shop.example/cb'],
  post_logout_redirect_uris: ['https://shop.example/bye?a=1', 'https://shop.example/bye'],
  frontchannel_logout_uri: 'https://shop.example/out?own=1&b=%22%3E',
  frontchannel_logout_session_required: true,
}
const mail = {
  client_id: 'mail',
  redirect_uris: [redirectUri, 'https://mail.example:8443/cb'],
  frontchannel_logout_uri: 'https://mail.example:8443/out',
}

/** Seconds for which relying parties are remembered at the most. */
const forgetful = 5

describe('front-channel logout', () => {
  let op: TestProvider
  let maria: Enrolled
  let browser: Browser
  let [inShop, inMail] = [] as unknown as [RelyingParty, RelyingParty]

  before(async () => {
    op = await startProvider()
    inShop = await op.addClient(shop)
    inMail = await op.addClient(mail)
    maria = await op.enrol()
  })
  after(() => op.close())
  beforeEach(async () => {
    browser = new Browser()
    await op.signIn(maria.secret, {}, browser)
  })

  /** Signs in by the session at another relying party. */
  const enter = async (rp: RelyingParty) => {
    const { tokens } = await op.redeem(await op.begin({}, browser, rp))
    return { idToken: tokens.id_token as string, sid: decodeJwt(tokens.id_token as string)['sid'] }
  }
  const signOut = async (rp: RelyingParty, parameters: Record<string, string>, everywhere = true) =>
    confirmLogout(browser, await browser.get(oidc.buildEndSessionUrl(rp.config, parameters)), everywhere)
  const isOver = async () => errorOf((await op.begin({ prompt: 'none' }, browser)).page) === 'login_required'
  const directiveOf = ({ headers }: Answer, name: string) =>
    (headers.get('content-security-policy') ?? '').split('; ').find((one) => one.startsWith(`${name} `))

  it('is announced', async () => {
    const metadata = inShop.config.serverMetadata()
    assert.equal(metadata['frontchannel_logout_supported'], true)
    assert.equal(metadata['frontchannel_logout_session_supported'], true)
  })

  it('loads a frame for each relying party with one, and goes on with the state', async () => {
    const { idToken, sid } = await enter(inShop)
    assert.equal((await enter(inMail)).sid, undefined, 'which did not ask for it')
    assert.match(String(sid), /^[\w-]{20,}$/)
    const page = await signOut(inShop, {
      id_token_hint: idToken,
      post_logout_redirect_uri: 'https://shop.example/bye?a=1',
      state: '"><script>alert(1)</script>',
    })
    assert.equal(page.status, 200)
    assert.equal(page.headers.get('location'), null)
    const { frames, next, refresh } = framesOn(page)
    const said = new URLSearchParams({ iss: op.issuer, sid: String(sid) })
    assert.deepEqual(frames.sort(), [
      'https://mail.example:8443/out',
      `https://shop.example/out?own=1&b=%22%3E&${said}`,
    ])
    const to = new URL(next)
    assert.equal(to.origin + to.pathname, 'https://shop.example/bye')
    assert.deepEqual(
      [...to.searchParams],
      [
        ['a', '1'],
        ['state', '"><script>alert(1)</script>'],
      ],
    )
    assert.equal(refresh, next)
    assert.doesNotMatch(page.body, /<script>|<b>/)
    assert.match(page.body, /The &#34;Shop&#34; &lt;b&gt;/)
    assert.ok(await isOver())
  })

  it('allows frames of those origins alone, and changes no other header', async () => {
    const { idToken } = await enter(inShop)
    await enter(inMail)
    const page = await signOut(inShop, { id_token_hint: idToken })
    assert.deepEqual(directiveOf(page, 'frame-src')?.split(' ').slice(1).sort(), [
      'https://mail.example:8443',
      'https://shop.example',
    ])
    assert.equal(directiveOf(page, 'default-src'), "default-src 'none'")
    assert.equal(directiveOf(page, 'frame-ancestors'), "frame-ancestors 'none'")
    assert.match(directiveOf(page, 'script-src') ?? '', /^script-src 'nonce-[\w-]+'$/)
    assert.equal(page.headers.get('cache-control'), 'no-store')
    const signedOut = await browser.get(framesOn(page).next)
    assert.match(signedOut.body, /You are signed out/)
    assert.equal(directiveOf(signedOut, 'frame-src'), undefined)
  })

  it('leaves out whom the person was not signed in to', async () => {
    await enter(inMail)
    assert.deepEqual(framesOn(await signOut(inMail, {})).frames, ['https://mail.example:8443/out'])
  })

  it('is for one alone where the person stays signed in', async () => {
    const { idToken } = await enter(inShop)
    await enter(inMail)
    const parameters = { id_token_hint: idToken, post_logout_redirect_uri: 'https://shop.example/bye' }
    const { frames, next } = framesOn(await signOut(inShop, parameters, false))
    assert.deepEqual(
      frames.map((frame) => new URL(frame).origin),
      ['https://shop.example'],
    )
    assert.equal(next, 'https://shop.example/bye')
    assert.equal(await isOver(), false)
    // Its frame was loaded once; what is left is the other's.
    assert.deepEqual(framesOn(await signOut(inMail, {})).frames, ['https://mail.example:8443/out'])
  })

  it('changes nothing where nobody has it', async () => {
    await enter(inShop)
    const url = oidc.buildEndSessionUrl(op.rp.config, { post_logout_redirect_uri: 'http://rp.invalid/' })
    const { action, xsrf } = logoutForm(await browser.get(url))
    const stays = await browser.once(action, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ xsrf }),
    })
    assert.deepEqual([stays.status, stays.headers.get('location')], [303, 'http://rp.invalid/'])
  })

  it('comes after the check of the form: a guessed one loads nothing', async () => {
    await enter(inShop)
    const { action } = logoutForm(await browser.get(oidc.buildEndSessionUrl(inShop.config)))
    const page = await browser.post(action, { xsrf: 'guessed', logout: 'yes' })
    assert.equal(page.status, 400)
    assert.deepEqual(framesOn(page).frames, [])
    assert.equal(directiveOf(page, 'frame-src'), undefined)
    assert.equal(await isOver(), false)
  })

  it('speaks Italian', async () => {
    browser = new Browser('it')
    await op.signIn(maria.secret, {}, browser)
    await enter(inMail)
    assert.match((await signOut(inMail, {})).body, /Uscita in corso.*Continua/s)
  })

  describe('with clients that change', () => {
    const twin = (name: string, more: object) => ({ ...shop, client_id: name, ...more })

    it('leaves out one that was removed meanwhile', async () => {
      await enter(await op.addClient(twin('gone', {})))
      await enter(inMail)
      await op.duepassi.directory.removeClient('gone')
      op.clock.advance(forgetful)
      assert.deepEqual(framesOn(await signOut(inMail, {})).frames, ['https://mail.example:8443/out'])
    })

    it('leaves out one whose metadata are not valid any more, and says so', async () => {
      await enter(await op.addClient(twin('spoilt', {})))
      await enter(inMail)
      await op.duepassi.directory.removeClient('spoilt')
      await op.duepassi.directory.addClient({
        ...testClient,
        ...twin('spoilt', { frontchannel_logout_uri: 'javascript:alert(1)' }),
      })
      op.clock.advance(forgetful)
      const page = await signOut(inMail, {})
      assert.deepEqual(framesOn(page).frames, ['https://mail.example:8443/out'])
      assert.doesNotMatch(page.body, /javascript:/)
      assert.ok(op.logged.some((line) => line.includes('could not be signed out')))
      assert.ok(await isOver())
    })

    it('signs nobody in at one whose address is not its own', async () => {
      for (const [index, uri] of [
        'javascript:alert(1)',
        'data:text/html,x',
        'https://evil.example/out',
        'https://shop.example/out#x',
      ].entries()) {
        const rp = await op.addClient(twin(`bad-${index}`, { frontchannel_logout_uri: uri }))
        const { page } = await op.begin({}, browser, rp)
        assert.equal(page.status, 400)
        assert.match(page.body, /invalid_client_metadata/)
      }
    })

    it('loads one address once, and twice where each wants its own sid', async () => {
      for (const [index, required] of [false, true].entries()) {
        const more = { frontchannel_logout_session_required: required }
        const seen = []
        for (const letter of ['a', 'b'])
          seen.push(await enter(await op.addClient(twin(`${letter}${index}`, more))))
        const { frames } = framesOn(await signOut(inMail, {}))
        const sids = frames.map((frame) => new URL(frame).searchParams.get('sid'))
        assert.deepEqual(sids.sort(), required ? seen.map(({ sid }) => sid).sort() : [null])
        assert.equal(new Set(sids).size, required ? 2 : 1)
        await op.signIn(maria.secret, {}, browser)
      }
    })
  })

  it('is done when somebody else signs in at the same browser, and their sign-in goes on', async () => {
    const anna = await op.enrolOther('anna')
    const { sid } = await enter(inShop)
    let at: AtPage = await op.begin({ prompt: 'login' }, browser)
    at = await op.typePassword(at, { username: 'anna' })
    at = await op.submit(at, { intent: 'answer', code: op.nextCode(anna.secret) })
    const action = /action="([^"]+session\/end\/confirm)"/.exec(at.page.body)?.[1]
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(at.page.body)?.[1]
    assert.ok(action && xsrf, at.page.body)
    const page = await browser.post(action, { xsrf, logout: 'yes' })
    const { frames, next } = framesOn(page)
    assert.deepEqual(
      frames.map((frame) => new URL(frame).searchParams.get('sid')),
      [sid],
    )
    const { tokens } = await op.redeem({ ...at, page: await browser.get(next) })
    assert.equal(tokens.claims()?.sub, anna.account.id)
    assert.notEqual((await enter(inShop)).sid, sid)
  })
})
