import assert from 'node:assert/strict'
import { CompactSign, generateKeyPair } from 'jose'
import { Browser } from '../support/browser.ts'
import { type Enrolled, mfa, sfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import {
  type BrowserKey,
  browserWith,
  createBrowserKey,
  deviceCookie,
  enter,
  isAsked,
  isLetIn,
  isNotRefreshed,
  later,
  provenIn,
  refreshed,
  trust,
  trustedDeviceOf,
  uidOf,
} from './trusted-browsers.ts'

const byKey = { acr: mfa, amr: ['pwd', 'pop', 'swk', 'mfa'] }
const byBoth = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a trusted device, by a key that its browser keeps', () => {
  let op: TestProvider
  let maria: Enrolled
  let key: BrowserKey
  /** Trusted, with the cookie that is good now. */
  let browser: Browser
  before(async () => {
    op = await startProvider({ config: { policy: { trustedDevices: { kind: 'bound' } } } })
    maria = await op.enrol()
  })
  beforeEach(async () => {
    key = await createBrowserKey()
    browser = (await trust(op, maria.secret, { key })).browser
  })
  after(() => op.close())

  it('stands for possession: two factors, and every token says how', async () => {
    const resting = await op.redeem(await enter(op, later(browser), { key }))
    assert.deepEqual(await provenIn(op, resting), byKey)
    assert.deepEqual(await refreshed(resting, op.rp), byKey)
    const again = await op.redeem(await op.begin({ acr_values: mfa }, resting.browser))
    assert.deepEqual(await provenIn(op, again), byKey)
    const once = await enter(op, later(resting.browser), { key, parameters: { acr_values: mfa } })
    assert.deepEqual(await provenIn(op, await op.redeem(once)), byKey)
  })
  it('does not do for what wants a fresh factor, or a level above two', async () => {
    const strict = await op.addClient({ client_id: `strict-${key.jwk.x}`, require_second_factor: true })
    const aged = await op.addClient({ client_id: `aged-${key.jwk.x}`, second_factor_max_age: 86_400 })
    const ruled = await op.addClient({ client_id: `ruled-${key.jwk.x}`, second_factors: { totp: 'require' } })
    const resting = await enter(op, later(browser), { key })
    isLetIn(resting)
    const wanted: Array<[Record<string, string>, typeof op.rp]> = [
      [{}, strict],
      [{}, aged],
      [{}, ruled],
      [{ acr_values: 'phr' }, op.rp],
      [{ max_age: '3600' }, op.rp],
      [{ prompt: 'second_factor' }, op.rp],
    ]
    for (const [parameters, rp] of wanted) {
      const asked = await op.begin(parameters, resting.browser.copy(), rp)
      assert.match(asked.page.url.pathname, /\/second-factor$/, JSON.stringify(parameters))
      const entered = await enter(op, later(resting.browser), { parameters, rp, key })
      assert.match(entered.page.url.pathname, /\/second-factor$/, JSON.stringify(parameters))
    }
    isLetIn(await enter(op, later(resting.browser), { key }), 'none of this has used it up')
  })
  it('when it is stepped up, says the factor in the place of the key', async () => {
    const resting = await op.redeem(await enter(op, later(browser), { key }))
    const stepping = await op.begin({ prompt: 'second_factor' }, resting.browser)
    isAsked(stepping)
    const code = op.nextCode(maria.secret)
    const stepped = await op.redeem(await op.submit(stepping, { intent: 'answer', code }))
    assert.deepEqual(await provenIn(op, stepped), byBoth)
    await op.duepassi.directory.endTrust(op.maria.id)
    isLetIn(await op.begin({}, stepped.browser), 'and rests on it no more')
    await isNotRefreshed(resting, op.rp, 'what rested on it')
  })
  it('takes its session and refresh tokens with it when it ends', async () => {
    const resting = await op.redeem(await enter(op, later(browser), { key }))
    const { id } = await trustedDeviceOf(op)
    await op.duepassi.directory.removeDevices(op.maria.id, [id])
    const none = await op.begin({ prompt: 'none' }, resting.browser.copy())
    assert.equal(errorOf(none.page), 'interaction_required')
    isAsked(await op.begin({}, resting.browser.copy()))
    await isNotRefreshed(resting, op.rp)
    isAsked(await enter(op, later(resting.browser), { key }))
  })
  it('by the key alone, without the cookie, is nobody’s', async () => {
    isAsked(await enter(op, new Browser(), { key }))
    isAsked(await enter(op, browserWith([{ ...deviceCookie(browser), value: 'x' }]), { key }))
  })
  it('by the cookie alone is none, and is no worse for it', async () => {
    isAsked(await enter(op, later(browser)))
    isAsked(await enter(op, later(browser), { proof: '' }))
    isLetIn(await enter(op, later(browser), { key }))
  })
  it('that was trusted by its cookie, when that was enough, is none', async () => {
    const device = await trustedDeviceOf(op)
    assert.ok(device.trust)
    const change = { trust: { ...device.trust, key: null } }
    assert.ok(await op.duepassi.directory.changeDevice(op.maria.id, device.id, device.secretHash, change))
    isAsked(await enter(op, later(browser), { key }))
  })
  it('is found among the keys of everybody who shares the browser', async () => {
    const others = await Promise.all([createBrowserKey(), createBrowserKey()])
    const login = await op.begin({}, later(browser))
    const uid = uidOf(login.page)
    const proofs = await Promise.all([...others, key].map((one) => one.prove(op.issuer, uid)))
    const fields = { intent: 'sign-in', username: 'maria', password: 'due passi avanti' }
    isLetIn(await op.submit(login, { ...fields, 'device-proof': ` ${proofs.join('  ')} ` }))
  })

  describe('is not believed', () => {
    type Proof = (uid: string, issuer: string) => Promise<string> | string
    const proofs: Record<string, Proof> = {
      'for another interaction': (_, issuer) => key.prove(issuer, 'A'.repeat(43)),
      'for no interaction': (_, aud) => key.sign({ aud }),
      'for another provider': (uid) => key.prove('https://evil.example', uid),
      'for this provider among others': (nonce, aud) => key.sign({ aud: [aud], nonce }),
      'for no provider': (nonce) => key.sign({ nonce }),
      'with an issuer that is one slash longer': (uid, issuer) => key.prove(`${issuer}/`, uid),
      'of another type': (nonce, aud) => key.sign({ aud, nonce }, { typ: 'JWT' }),
      'without a type': (nonce, aud) => key.sign({ aud, nonce }, { typ: undefined }),
      'with a header that must be understood': (nonce, aud) =>
        `${encode({ alg: 'ES256', typ: 'device-proof+jwt', crit: ['x'], x: 1 })}.${encode({ aud, nonce })}.AAAA`,
      'by another key': async (uid, issuer) => (await createBrowserKey()).prove(issuer, uid),
      'by another key that it brings itself': async (uid, issuer) =>
        (await createBrowserKey()).offer(issuer, uid),
      'without a signature': async (uid, issuer) => {
        const [header, claims] = (await key.prove(issuer, uid)).split('.')
        return `${header}.${claims}.`
      },
      'of alg none': (nonce, aud) =>
        `${encode({ alg: 'none', typ: 'device-proof+jwt' })}.${encode({ aud, nonce })}.`,
      'by HMAC with the public key': (nonce, aud) =>
        new CompactSign(Buffer.from(JSON.stringify({ aud, nonce })))
          .setProtectedHeader({ alg: 'HS256', typ: 'device-proof+jwt' })
          .sign(Buffer.from(JSON.stringify(key.jwk))),
      'whose claims were changed': async (nonce, aud) => {
        const [header, , signature] = (await key.prove(aud, 'A'.repeat(43))).split('.')
        return `${header}.${encode({ aud, nonce })}.${signature}`
      },
      'that is the eleventh of them': async (uid, issuer) =>
        [...Array<string>(10).fill('x.y.z'), await key.prove(issuer, uid)].join(' '),
      'that is too long': async (nonce, aud) => key.sign({ aud, nonce, x: 'x'.repeat(2_000) }),
      'that is no JWS': () => 'maria',
      'that is nothing but separators': () => `${' '.repeat(50)}..`,
    }
    for (const [what, make] of Object.entries(proofs))
      it(what, async () => {
        const login = await op.begin({}, later(browser))
        const fields = { intent: 'sign-in', username: 'maria', password: 'due passi avanti' }
        const proof = await make(uidOf(login.page), op.issuer)
        isAsked(await op.submit(login, { ...fields, 'device-proof': proof }), what)
        isLetIn(await enter(op, later(browser), { key }), 'it is no worse for it')
      })

    it('when a proof that was good is sent again in another sign-in', async () => {
      const login = await op.begin({}, later(browser))
      const proof = await key.prove(op.issuer, uidOf(login.page))
      const fields = { intent: 'sign-in', username: 'maria', password: 'due passi avanti' }
      const entered = await op.submit(login, { ...fields, 'device-proof': proof })
      isLetIn(entered)
      isAsked(await enter(op, later(entered.browser), { proof }))
    })
    it('for anybody else, who has a device of their own and this key', async () => {
      const lucia = await op.enrolOther(`lucia-${key.jwk.x}`)
      const { username } = lucia.account
      const own = await createBrowserKey()
      const hers = (await trust(op, lucia.secret, { username, key: own, browser: later(browser) })).browser
      isAsked(await enter(op, later(hers), { username, key }))
      isLetIn(await enter(op, later(hers), { username, key: own }))
      isLetIn(await enter(op, later(hers), { key }))
    })
  })

  describe('is not trusted', () => {
    const offers: Record<string, (uid: string, issuer: string) => Promise<string> | string> = {
      'without a key': () => '',
      'by a key that it does not prove to hold': async (uid, issuer) => {
        const [other, jwk] = [await createBrowserKey(), key.jwk]
        return other.sign({ aud: issuer, nonce: uid }, { jwk })
      },
      'by a proof that names no key': (uid, issuer) => key.prove(issuer, uid),
      'by an offer for another interaction': (_, issuer) => key.offer(issuer, 'A'.repeat(43)),
      'by an offer for another provider': (uid) => key.offer('https://evil.example', uid),
      'by a key with its private half': async (nonce, aud) =>
        key.sign({ aud, nonce }, { jwk: { ...key.jwk, d: 'A'.repeat(43) } }),
      'by a key on another curve': async (nonce, aud) => {
        const { privateKey } = await generateKeyPair('ES384')
        return new CompactSign(Buffer.from(JSON.stringify({ aud, nonce })))
          .setProtectedHeader({ alg: 'ES384', typ: 'device-proof+jwt', jwk: { ...key.jwk, crv: 'P-384' } })
          .sign(privateKey)
      },
      'by a key that is not on its curve': (nonce, aud) =>
        key.sign({ aud, nonce }, { jwk: { ...key.jwk, y: 'A'.repeat(43) } }),
      'by a secret': (nonce, aud) =>
        new CompactSign(Buffer.from(JSON.stringify({ aud, nonce })))
          .setProtectedHeader({
            alg: 'HS256',
            typ: 'device-proof+jwt',
            jwk: { kty: 'oct', k: 'A'.repeat(43) } as never,
          })
          .sign(Buffer.from('A'.repeat(43), 'base64url')),
    }
    for (const [what, make] of Object.entries(offers))
      it(what, async () => {
        await op.duepassi.directory.removeDevices(op.maria.id)
        const asked = await enter(op, new Browser())
        const offer = await make(uidOf(asked.page), op.issuer)
        const answer = { intent: 'answer', code: op.nextCode(maria.secret), trust: 'on', 'device-key': offer }
        const { browser } = await op.redeem(await op.submit(asked, answer))
        const devices = await op.duepassi.directory.devices(op.maria.id)
        assert.deepEqual(
          devices.map((device) => device.trust),
          [null],
          what,
        )
        isAsked(await enter(op, later(browser), { key }))
      })
  })

  it('keeps no more of the key than its public half', async () => {
    const { trust: given } = await trustedDeviceOf(op)
    assert.deepEqual(JSON.parse(given?.key as string), key.jwk)
  })
})

describe('a key of a browser where one factor does', () => {
  it('counts for a request that wants two, and is not looked at otherwise', async () => {
    await using op = await startProvider({
      config: { policy: { trustedDevices: { kind: 'bound' }, secondFactor: 'off' } },
    })
    const { secret } = await op.enrol(new Browser(), { acr_values: mfa })
    const asked = await enter(op, new Browser(), { parameters: { acr_values: mfa } })
    const key = await createBrowserKey()
    const answer = {
      intent: 'answer',
      code: op.nextCode(secret),
      trust: 'on',
      'device-key': await key.offer(op.issuer, uidOf(asked.page)),
    }
    const { browser } = await op.redeem(await op.submit(asked, answer))
    const plain = await op.redeem(await enter(op, later(browser), { key }))
    assert.deepEqual(await provenIn(op, plain), { acr: sfa, amr: ['pwd'] })
    const wanting = await enter(op, later(plain.browser), { key, parameters: { acr_values: mfa } })
    assert.ok(codeOf(wanting.page))
    assert.deepEqual(await provenIn(op, await op.redeem(wanting)), byKey)
  })
})

describe('a key of a browser where something is unusual', () => {
  it('does not do, although it is two factors', async () => {
    await using op = await startProvider({
      config: {
        policy: {
          trustedDevices: { kind: 'bound' },
          context: { reactions: { 'many-failures': 'step-up' }, failures: 2 },
        },
      },
    })
    const { secret } = await op.enrol()
    const key = await createBrowserKey()
    const { browser } = await trust(op, secret, { key })
    const login = await op.begin({}, new Browser())
    for (const password of ['tre passi', 'quattro passi'])
      await op.submit(login, { intent: 'sign-in', username: 'maria', password })
    const asked = await enter(op, later(browser), { key })
    isAsked(asked)
    const done = await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) })
    assert.deepEqual(await provenIn(op, await op.redeem(done)), byBoth)
    isLetIn(await enter(op, later(done.browser), { key }), 'the next time')
  })
})

describe('a lock that ended no trust', () => {
  // As where a process ends between the two, or a directory is not ours.
  for (const kind of ['cookie', 'bound'] as const)
    it(`is not got round by a device that is trusted by its ${kind === 'bound' ? 'key' : 'cookie'}`, async () => {
      await using op = await startProvider({ config: { policy: { trustedDevices: { kind } } } })
      const { secret } = await op.enrol()
      const key = await createBrowserKey()
      const { browser } = await trust(op, secret, { key })
      const resting = await op.redeem(await enter(op, later(browser), { key }))
      const lock = { failures: 11, waitUntil: 0, lockedAt: op.clock.now() }
      await op.duepassi.directory.changeAttempts(op.maria.id, 'totp', () => lock)
      await isNotRefreshed(resting, op.rp)
      const none = await op.begin({ prompt: 'none' }, resting.browser.copy())
      assert.equal(errorOf(none.page), 'login_required')
      assert.match((await op.begin({}, resting.browser.copy())).page.body, /current-password/)
      const { page } = await enter(op, later(resting.browser), { key })
      assert.equal(codeOf(page), null)
      assert.match(page.body, /value="leave"/)
    })
})
