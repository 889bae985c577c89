import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { guardCrossSite, readForm } from '../../src/pages/form.ts'
import type { Page as View } from '../../src/pages/pages.ts'
import { createPages } from '../../src/pages/render.ts'
import type { ViewName } from '../../src/pages/views.ts'
import { creationOptions, knownId, pageSamples } from '../../tools/page-samples.ts'
import { objections } from '../support/accessibility.ts'
import { freePort, program } from '../support/machine.ts'

const pages = createPages({ brand: { name: 'Duepassi' }, secure: false })

/** The pages alone, with the virtual authenticator; whole flows are in passkeys.test.ts. */
describe('the ceremonies of WebAuthn on the pages, in Chromium', function () {
  this.timeout(60_000)

  let browser: Browser
  let server: Server
  /** By its name: an IP address is no RP ID. */
  let origin: string
  let page: Page
  let complaints: string[]
  let device: CDPSession
  let authenticatorId: string
  const views = new Map<string, View<ViewName>>()
  const posts: Record<string, string>[] = []

  before(async function () {
    this.timeout(180_000)
    const executablePath = await program('chromium')
    const port = await freePort()
    origin = `http://localhost:${port}`
    server = createServer(answer)
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    for (const { name, page } of await pageSamples('en', { name: 'Bottega Aurora' }))
      views.set(`/${name}`, page)
    const options = { ...creationOptions, excludeCredentials: [{ type: 'public-key', id: knownId }] }
    views.set('/known', {
      view: 'interaction/enrol',
      language: 'it',
      locals: { otherWays: true, factor: { name: 'webauthn', options } },
    })
    browser = await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
      ],
    })
  })

  after(async () => {
    await browser?.close()
    server?.closeAllConnections()
    server?.close()
  })

  beforeEach(async () => {
    posts.length = 0
    complaints = []
    const context = await browser.newContext()
    page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    device = await context.newCDPSession(page)
    await device.send('WebAuthn.enable')
    authenticatorId = await addAuthenticator()
  })

  afterEach(async () => {
    await page.context().close()
    deepEqual(complaints, [])
  })

  async function answer(req: IncomingMessage, res: ServerResponse) {
    const view = views.get(req.url ?? '')
    if (!view) return res.end(req.url)
    if (req.method !== 'POST') return pages.send(req, res, view)
    guardCrossSite(req, origin)
    posts.push({ ...(await readForm(req)) })
    return res.writeHead(303, { location: '/sent' }).end()
  }

  async function addAuthenticator(isUserVerified = true) {
    const added = await device.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified,
        automaticPresenceSimulation: true,
      },
    })
    return added.authenticatorId
  }

  /** The credential that the samples name. */
  async function addCredential() {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await device.send('WebAuthn.addCredential', {
      authenticatorId,
      credential: {
        credentialId: Buffer.from(knownId, 'base64url').toString('base64'),
        isResidentCredential: true,
        rpId: 'localhost',
        privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
        userHandle: Buffer.from('maria').toString('base64'),
        signCount: 1,
      },
    })
  }

  const credentials = async () => {
    const held = await device.send('WebAuthn.getCredentials', { authenticatorId })
    return held.credentials.map(({ credentialId }) => credentialId)
  }

  /** An authenticator on which the person cannot be verified: as if they had cancelled. */
  async function failToVerify() {
    await device.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
    authenticatorId = await addAuthenticator(false)
  }

  /** Notes what the page asks the browser for, and lets it through. */
  const watchRequests = () =>
    page.addInitScript(`
      window.asked = []
      const real = navigator.credentials.get.bind(navigator.credentials)
      navigator.credentials.get = (options) => {
        const request = { mediation: options.mediation ?? 'modal', aborted: false }
        options.signal?.addEventListener('abort', () => { request.aborted = true })
        window.asked.push(request)
        return real(options)
      }`)

  /** Not by `waitForFunction`, whose polling the policy of the pages forbids. */
  const askedTimes = async (times: number) => {
    while (Number(await page.evaluate('asked.length')) < times) await page.waitForTimeout(20)
  }

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const sent = async () => {
    await page.waitForURL(`${origin}/sent`)
    equal(posts.length, 1)
    const { response = '', ...others } = posts[0] ?? {}
    return { response: response && JSON.parse(response), others }
  }

  it('registers one, with its name', async () => {
    await page.goto(`${origin}/webauthn-enrol`)
    await page.getByLabel('Name (optional)').fill('Blue key')
    await button('Continue').click()
    const { response, others } = await sent()
    deepEqual(others, { label: 'Blue key', intent: 'confirm' })
    equal(response.type, 'public-key')
    ok(response.response.attestationObject && response.response.clientDataJSON)
    deepEqual(await credentials(), [Buffer.from(response.id, 'base64url').toString('base64')])
  })

  it('registers one by the keyboard alone, from its name', async () => {
    await page.goto(`${origin}/webauthn-enrol`)
    await page.getByLabel('Name (optional)').press('Enter')
    const { response, others } = await sent()
    deepEqual(others, { label: '', intent: 'confirm' })
    ok(response.response.attestationObject)
  })

  it('answers with one, by the button that has the focus', async () => {
    await addCredential()
    await page.goto(`${origin}/webauthn`)
    await page.locator('button:focus').waitFor()
    await page.keyboard.press('Enter')
    const { response, others } = await sent()
    deepEqual(others, { intent: 'answer' })
    equal(response.id, knownId)
    ok(response.response.signature && response.response.authenticatorData)
  })

  it('sends one answer, however often the button is pressed', async () => {
    await addCredential()
    await page.goto(`${origin}/webauthn`)
    await page.evaluate("for (let i = 0; i < 5; i++) document.querySelector('.primary').click()")
    await sent()
  })

  it('signs in from the autofill of the user name', async () => {
    await addCredential()
    await page.goto(`${origin}/login-passkey`)
    const { response, others } = await sent()
    deepEqual(others, { question: 'sealed.question', intent: 'passkey' })
    equal(response.response.userHandle, 'bWFyaWE')
  })

  it('ends the offer in the autofill when the button is pressed, and makes it again after', async () => {
    await watchRequests()
    await page.goto(`${origin}/login-passkey`)
    await page.locator('[autocomplete="username webauthn"]:focus').waitFor()
    await askedTimes(1)
    // No passkey is there, so the offer stands, and the button comes to nothing.
    await button('Sign in with a passkey').click()
    await page.getByText('it was cancelled').waitFor()
    await askedTimes(3)
    deepEqual(await page.evaluate('asked'), [
      { mediation: 'conditional', aborted: true },
      { mediation: 'modal', aborted: false },
      { mediation: 'conditional', aborted: false },
    ])
    deepEqual(posts, [])
  })

  it('signs in by the button where there is no offer in the autofill', async () => {
    await addCredential()
    await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
    await page.goto(`${origin}/login-passkey`)
    await button('Sign in with a passkey').click()
    const { response, others } = await sent()
    deepEqual(others, { question: 'sealed.question', intent: 'passkey' })
    equal(response.id, knownId)
  })

  it('still signs in with the password', async () => {
    await page.goto(`${origin}/login-passkey`)
    await page.locator('[name=username]:focus').waitFor()
    await page.keyboard.type('maria')
    await page.getByLabel('Password', { exact: true }).fill('correct horse')
    await page.keyboard.press('Enter')
    deepEqual((await sent()).others, { username: 'maria', password: 'correct horse', intent: 'sign-in' })
  })

  it('asks for the phone where that is wanted', async () => {
    await page.addInitScript(`
      for (const name of ['get', 'create']) navigator.credentials[name] = async ({ publicKey, mediation }) => {
        if (!mediation) window.hints = publicKey.hints
        throw new DOMException('', 'NotAllowedError')
      }`)
    for (const name of ['webauthn', 'webauthn-enrol', 'login-passkey']) {
      await page.goto(`${origin}/${name}`)
      await button('Use a passkey on your phone').click()
      await page.getByText('Nothing was sent').waitFor()
      deepEqual(await page.evaluate('hints'), ['hybrid'], name)
    }
    // A key that knows no other way than its plug is not on a phone.
    await page.goto(`${origin}/webauthn-alone`)
    await button('Continue').waitFor()
    equal(await button('Use a passkey on your phone').count(), 0)
  })

  it('says that nothing was sent where it is cancelled, and leaves the other ways', async () => {
    await failToVerify()
    await addCredential()
    await page.goto(`${origin}/webauthn-unverified`)
    await button('Continue').click()
    await page.getByText('Nothing was sent').waitFor()
    // The error of the last try is over.
    equal(await page.locator('.alert:visible').count(), 1)
    equal(await page.locator(':focus').textContent(), 'Continue')
    equal(await page.locator('[aria-busy=true], button:disabled').count(), 0)
    deepEqual(await objections(page), [])
    deepEqual(posts, [])
    await button('Use the code from my authenticator app').click()
    deepEqual((await sent()).others, { factor: 'totp', intent: 'switch' })
  })

  it('shows that it is waiting for the person', async () => {
    await page.addInitScript('navigator.credentials.create = () => new Promise(() => {})')
    await page.goto(`${origin}/webauthn-enrol`)
    await button('Continue').click()
    const waiting = button('Follow your browser…')
    equal(await waiting.getAttribute('aria-busy'), 'true')
    equal(await waiting.isDisabled(), true)
    equal(await button('Use a passkey on your phone').isDisabled(), true)
    equal(await button('Choose another way').isDisabled(), false)
  })

  it('says that a device is registered already', async () => {
    await addCredential()
    await page.goto(`${origin}/known`)
    await button('Continua').click()
    await page.getByText('è già registrato').waitFor()
    deepEqual(posts, [])
  })

  it('says where the address is to blame', async () => {
    await page.goto(`${origin.replace('localhost', '127.0.0.1')}/webauthn-enrol`)
    await button('Continue').click()
    await page.getByText('does not allow passkeys on this address').waitFor()
  })

  it('leaves the other ways to a browser that cannot', async () => {
    await page.addInitScript('delete window.PublicKeyCredential')
    await page.goto(`${origin}/login-passkey`)
    deepEqual(await page.locator('button:visible').allTextContents(), ['Show', 'Continue'])
    equal(await page.locator('.alert:visible').count(), 0)
    await page.goto(`${origin}/webauthn`)
    match(await page.getByRole('alert').innerText(), /cannot do this.*choose another way/s)
    equal(await button('Continue').count(), 0)
    await button('Use a recovery code').click()
    deepEqual((await sent()).others, { factor: 'recovery-code', intent: 'switch' })
  })

  it('tells the browser which passkeys the account still has, where the page is told to', async () => {
    await addCredential()
    await page.goto(`${origin}/account`)
    equal((await credentials()).length, 1)
    await page.goto(`${origin}/account-done`)
    while ((await credentials()).length > 0) await page.waitForTimeout(50)
  })

  it('tells the browser of a passkey that is not known', async () => {
    await addCredential()
    await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
    await page.goto(`${origin}/login-passkey-unknown`)
    while ((await credentials()).length > 0) await page.waitForTimeout(50)
  })
})
