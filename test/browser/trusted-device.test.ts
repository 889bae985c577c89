import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { decodeJwt } from 'jose'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../support/demo.ts'
import { freePort } from '../support/machine.ts'
import { password, startProvider, type TestProvider } from '../support/provider.ts'
import { redirectUri } from '../support/relying-party.ts'

/** As a person who does not want to be asked again: the ready provider, and Chromium. */
describe('a trusted device, in Chromium', function () {
  this.timeout(120_000)
  let browser: Browser
  /** Where the relying party would be. */
  let relyingParty: Server
  let callback: string
  const complaints: string[] = []

  before(async function () {
    this.timeout(180_000)
    const port = await freePort()
    callback = `http://127.0.0.1:${port}/callback`
    relyingParty = createServer((_req, res) => res.setHeader('content-type', 'text/html').end('<p>back'))
    await new Promise<void>((resolve) => relyingParty.listen(port, '127.0.0.1', resolve))
    browser = await launchChromium()
  })
  after(async () => {
    await browser?.close()
    relyingParty?.closeAllConnections()
    relyingParty?.close()
  })
  afterEach(() => assert.deepEqual(complaints.splice(0), []))

  const startWith = (
    kind: 'cookie' | 'bound',
    config: NonNullable<Parameters<typeof startProvider>[0]>['config'] = {},
  ): Promise<TestProvider> =>
    startProvider({
      config: { policy: { trustedDevices: { kind, days: 30 } }, ...config },
      client: { redirect_uris: [redirectUri, callback] },
    })

  const openBrowser = async (options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> => {
    const context = await browser.newContext({ locale: 'en-GB', ...options })
    context.on('weberror', (error) => complaints.push(error.error().message))
    context.on('console', (message) => {
      const isOfPage = ['error', 'warning'].includes(message.type())
      // A page that refuses an answer has a status that says so, and the relying party has no icon.
      if (isOfPage && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
    })
    return context
  }

  const press = (page: Page, intent: string) => page.locator(`button[value="${intent}"]`).first().click()

  /** From the relying party with the password to wherever that leads. */
  const withPassword = async (
    op: TestProvider,
    context: BrowserContext,
    { username = 'maria', ...parameters }: Record<string, string> = {},
    given?: Page,
  ) => {
    const request = await op.rp.begin({ redirect_uri: callback, ...parameters })
    const page = given ?? (await context.newPage())
    await page.goto(request.url.href)
    await page.fill('[name=username]', username)
    await page.fill('[name=password]', password)
    await press(page, 'sign-in')
    await page.waitForURL((url) => url.pathname.endsWith('/second-factor') || url.href.startsWith(callback))
    return { page, request, asked: page.url().includes('/second-factor') }
  }
  type At = Awaited<ReturnType<typeof withPassword>>

  const box = ({ page }: At) => page.getByLabel('Don’t ask again on this device for 30 days')
  const answer = async ({ page }: At, code: string) => {
    await page.fill('[name=code]', code)
    await press(page, 'answer')
  }
  /** What the relying party was told of the sign-in. */
  const claims = async ({ page, request }: At) => {
    await page.waitForURL(`${callback}*`)
    const { id_token } = await request.finish(new URL(page.url()))
    const { acr, amr } = decodeJwt(id_token ?? '')
    return { acr, amr }
  }
  /** The session of the provider is over; what it remembers of the browser stays. */
  const signOut = async (context: BrowserContext) => {
    const before = (await context.cookies()).length
    await context.clearCookies({ name: /^duepassi(\.|$)/ })
    assert.ok((await context.cookies()).length < before)
  }
  const trusted = async (op: TestProvider) =>
    (await op.duepassi.directory.devices(op.maria.id)).filter(({ trust }) => trust !== null)
  /** The kind of every private key that pages of this origin have stored, and whether it can be taken out. */
  const keysIn = (page: Page): Promise<string[]> =>
    page.evaluate(`new Promise((resolve, reject) => {
      const request = indexedDB.open('duepassi')
      request.onerror = reject
      request.onsuccess = () => {
        const keys = request.result.transaction('device-keys').objectStore('device-keys').getAll()
        keys.onsuccess = () => {
          request.result.close()
          resolve(keys.result.map(({ privateKey }) => [privateKey.type, privateKey.extractable].join(' ')))
        }
      }
    })`)

  /** Ticks the box and is signed in. */
  const trust = async (op: TestProvider, secret: string, context: BrowserContext): Promise<void> => {
    const at = await withPassword(op, context)
    assert.ok(at.asked)
    await box(at).check()
    await answer(at, op.nextCode(secret))
    await claims(at)
  }

  for (const kind of ['cookie', 'bound'] as const)
    describe(`of the kind ${kind}`, () => {
      let op: TestProvider
      let secret: string
      let context: BrowserContext

      beforeEach(async () => {
        op = await startWith(kind)
        ;({ secret } = await op.enrol())
        context = await openBrowser()
      })
      afterEach(async () => {
        await context.close()
        await op.close()
      })

      it('is not asked again, and tokens say what happened', async () => {
        await trust(op, secret, context)
        assert.equal((await trusted(op)).length, 1)
        // Each time the secret of the browser changes.
        for (const _ of [1, 2]) {
          await signOut(context)
          const again = await withPassword(op, context)
          assert.equal(again.asked, false)
          assert.deepEqual(
            await claims(again),
            kind === 'cookie'
              ? { acr: 'https://refeds.org/profile/sfa', amr: ['pwd'] }
              : { acr: 'https://refeds.org/profile/mfa', amr: ['pwd', 'pop', 'swk', 'mfa'] },
          )
        }
      })

      it('is asked again where the box was left alone', async () => {
        const first = await withPassword(op, context)
        await answer(first, op.nextCode(secret))
        await claims(first)
        assert.deepEqual(await trusted(op), [])
        await signOut(context)
        assert.ok((await withPassword(op, context)).asked)
      })

      it('is trusted after a wrong code too, and once however often the button is pressed', async () => {
        const at = await withPassword(op, context)
        await box(at).check()
        await answer(at, '000000')
        await at.page.getByRole('alert').waitFor()
        await box(at).check()
        await at.page.fill('[name=code]', op.nextCode(secret))
        await at.page.evaluate(
          `for (let i = 0; i < 5; i++) document.querySelector('button[value=answer]').click()`,
        )
        await claims(at)
        assert.equal((await trusted(op)).length, 1)
        await signOut(context)
        assert.equal((await withPassword(op, context)).asked, false)
      })

      it('is forgotten on the security page', async () => {
        await trust(op, secret, context)
        const page = await context.newPage()
        await page.goto(`${op.issuer}/account`)
        const here = page.locator('li', { hasText: 'This device' })
        assert.match(await here.innerText(), /^Chrome.* on Linux.*127\.0\.0\.1.*is not asked for here until/s)
        await here.getByRole('button', { name: /^Forget/ }).click()
        await page.getByText('Forgotten.').waitFor()
        assert.equal(await here.count(), 0)
        await signOut(context)
        assert.ok((await withPassword(op, context)).asked)
      })
    })

  describe('bound to a key', () => {
    let op: TestProvider
    let secret: string
    let context: BrowserContext

    beforeEach(async () => {
      op = await startWith('bound')
      ;({ secret } = await op.enrol())
      context = await openBrowser()
    })
    afterEach(async () => {
      await context.close()
      await op.close()
    })

    it('keeps a key that nobody can take out', async () => {
      await trust(op, secret, context)
      const page = await context.newPage()
      await page.goto(`${op.issuer}/account`)
      assert.deepEqual(await keysIn(page), ['private false'])
      assert.match((await trusted(op))[0]?.trust?.key ?? '', /"crv":"P-256"/)
    })

    it('is of no use to whoever copied the cookies', async () => {
      await trust(op, secret, context)
      await signOut(context)
      const thief = await openBrowser()
      await thief.addCookies(await context.cookies())
      assert.ok((await withPassword(op, thief)).asked)
      await thief.close()
      // The person goes on as before.
      assert.equal((await withPassword(op, context)).asked, false)
    })

    it('serves several people in one browser', async () => {
      const { secret: secretOfLucia } = await op.enrolOther('lucia')
      const asLucia = () => withPassword(op, context, { username: 'lucia' })
      await trust(op, secret, context)
      await signOut(context)
      const at = await asLucia()
      assert.ok(at.asked)
      await box(at).check()
      await answer(at, op.nextCode(secretOfLucia))
      await claims(at)
      for (const signIn of [() => withPassword(op, context), asLucia]) {
        await signOut(context)
        assert.equal((await signIn()).asked, false)
      }
    })

    for (const [what, script] of [
      ['no IndexedDB', "Object.defineProperty(window, 'indexedDB', { value: undefined })"],
      [
        'an IndexedDB that refuses',
        "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError') }",
      ],
      ['no WebCrypto', "Object.defineProperty(crypto, 'subtle', { value: undefined })"],
    ] as const)
      it(`is not offered, and in nobody’s way, with ${what}`, async () => {
        await context.addInitScript(script)
        const at = await withPassword(op, context)
        assert.ok(at.asked)
        assert.equal(await box(at).isVisible(), false)
        await answer(at, op.nextCode(secret))
        await claims(at)
        assert.deepEqual(await trusted(op), [])
      })

    it('is not offered, and in nobody’s way, without JavaScript', async () => {
      const plain = await openBrowser({ javaScriptEnabled: false })
      const at = await withPassword(op, plain)
      assert.equal(await box(at).isVisible(), false)
      await answer(at, op.nextCode(secret))
      await claims(at)
      await plain.close()
    })

    it('delays a sign-in by less than two seconds when a key never comes', async () => {
      const at = await withPassword(op, context)
      await box(at).check()
      await at.page.evaluate('SubtleCrypto.prototype.generateKey = () => new Promise(() => {})')
      const moment = at.page.waitForRequest((request) => request.method() === 'POST')
      const began = performance.now()
      await answer(at, op.nextCode(secret))
      await moment
      assert.ok(performance.now() - began < 2_000)
      assert.deepEqual((await claims(at)).amr, ['pwd', 'otp', 'mfa'])
      assert.deepEqual(await trusted(op), [])

      // And on the login page, where it would be used.
      await signOut(context)
      await context.addInitScript('IDBFactory.prototype.open = () => ({})')
      assert.ok((await withPassword(op, context)).asked)
    })

    it('goes on when making a key fails', async () => {
      const at = await withPassword(op, context)
      await box(at).check()
      await at.page.evaluate("SubtleCrypto.prototype.generateKey = async () => { throw new Error('no') }")
      await answer(at, op.nextCode(secret))
      assert.deepEqual((await claims(at)).amr, ['pwd', 'otp', 'mfa'])
      assert.deepEqual(await trusted(op), [])
    })

    it('keeps a key that is there already, whatever becomes of the answer', async () => {
      await trust(op, secret, context)
      const [before] = await trusted(op)
      const at = await withPassword(op, context, { prompt: 'login' })
      assert.ok(at.asked)
      await box(at).check()
      await answer(at, '000000')
      await at.page.getByRole('alert').waitFor()
      assert.deepEqual((await trusted(op))[0]?.trust, before?.trust)
      await signOut(context)
      assert.equal((await withPassword(op, context)).asked, false)
    })
  })

  it('is one with a security key too: the box is part of that form', async () => {
    // By its name: an IP address is no RP ID.
    const port = await freePort()
    const op = await startWith('bound', {
      issuer: `http://localhost:${port}`,
      listen: { port },
      webauthn: { passkeys: false },
    })
    const context = await openBrowser()
    // One page for all of it: the authenticator belongs to the page.
    const page = await context.newPage()
    const signIn = () => withPassword(op, context, {}, page)
    const devtools = await context.newCDPSession(page)
    await devtools.send('WebAuthn.enable')
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'usb',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    const first = await signIn()
    await page.locator('form:has(input[value=webauthn]) button').click()
    await press(page, 'confirm')
    await page.getByRole('checkbox').check()
    await press(page, 'saved')
    await claims(first)

    await signOut(context)
    const second = await signIn()
    await box(second).check()
    await press(page, 'answer')
    await claims(second)
    assert.equal((await trusted(op)).length, 1)

    await signOut(context)
    const third = await signIn()
    assert.equal(third.asked, false)
    assert.deepEqual((await claims(third)).amr, ['pwd', 'pop', 'swk', 'mfa'])
    await context.close()
    await op.close()
  })
})
