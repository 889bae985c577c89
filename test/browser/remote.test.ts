import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { readForm } from '../../src/pages/form.ts'
import { createPages } from '../../src/pages/render.ts'
import type { FactorQuestion, Views } from '../../src/pages/views.ts'
import { answerWatch, watchOf } from '../../src/pages/watching.ts'
import { freePort, program } from '../support/machine.ts'

type Question = Extract<FactorQuestion, { name: 'push' }>

const pending: Question = {
  name: 'push',
  state: 'pending',
  number: '427',
  secondsLeft: 50,
  resendIn: 0,
  devices: [],
  watch: 'first',
  byCode: { open: false, url: '?typing=on' },
}

/** A page that waits, and whatever happens elsewhere. */
describe('a page that waits for another device, in Chromium', function () {
  this.timeout(60_000)
  let server: Server
  let browser: Browser
  let origin: string
  let locals: Views['interaction/second-factor']
  let state: string
  let watched: string[]
  let gets: number
  let posts: Array<Record<string, string>>
  let streams: boolean
  let moved = new EventTarget()

  const show = (factor: Partial<Question>, more: Partial<typeof locals> = {}) => {
    locals = { factor: { ...pending, ...factor }, others: [], ...more }
  }
  /** What the page learns next, and what it shows when it is read anew. */
  const move = (to: string, factor?: Partial<Question>) => {
    state = to
    if (factor) show({ watch: to, ...factor })
    moved.dispatchEvent(new Event('moved'))
  }

  const next = async (known: string, over: AbortSignal): Promise<string> => {
    while (state === known && !over.aborted)
      await new Promise<void>((resolve) => {
        moved.addEventListener('moved', () => resolve(), { once: true })
        over.addEventListener('abort', () => resolve(), { once: true })
      })
    return state
  }

  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    const watching = watchOf(req)
    if (watching) {
      watched.push(watching.how)
      if (watching.how === 'events' && !streams) return res.writeHead(404).end()
      return answerWatch(res, watching, { next })
    }
    if (req.method === 'POST') posts.push({ ...(await readForm(req)) })
    else gets += 1
    const pages = createPages({ brand: { name: 'Duepassi' }, secure: false })
    return pages.send(req, res, { view: 'interaction/second-factor', language: 'en', locals })
  }

  before(async function () {
    this.timeout(120_000)
    server = createServer((req, res) => void answer(req, res))
    const port = await freePort()
    await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve))
    origin = `http://localhost:${port}`
    browser = await chromium.launch({
      executablePath: await program('chromium'),
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    })
  })
  after(async () => {
    await browser?.close()
    server?.closeAllConnections()
    server?.close()
  })
  beforeEach(() => {
    moved = new EventTarget()
    state = 'first'
    watched = []
    posts = []
    gets = 0
    streams = true
    show({})
  })

  // A context that is closed while its page is on the way somewhere may keep Chromium busy for minutes.
  afterEach(async () => {
    await new Promise((resolve) => setTimeout(resolve, 200))
    for (const context of browser.contexts())
      await Promise.race([context.close(), new Promise((resolve) => setTimeout(resolve, 5_000))])
  })

  const open = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    await page.goto(`${origin}/second-factor?a=b#there`)
    return page
  }
  const says = (page: Page, text: RegExp) => page.locator('main').getByText(text).waitFor({ timeout: 20_000 })
  const isWatched = async (how: string) => {
    for (let look = 0; look < 100 && !watched.includes(how); look++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    ok(watched.includes(how))
  }
  const posted = async () => {
    for (let look = 0; look < 100 && posts.length === 0; look++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    return posts
  }
  const inCode = (page: Page) => page.locator('summary', { hasText: 'Use its code' })

  it('is read anew at once, by a stream', async () => {
    const page = await open()
    await isWatched('events')
    move('second', { state: 'denied' })
    await says(page, /denied on your phone/)
    deepEqual([gets, posts.length, watched.includes('poll')], [2, 0, false])
    equal(await page.evaluate('location.search'), '?a=b')
  })

  it('asks instead, where streams do not get through', async () => {
    streams = false
    const page = await open()
    await isWatched('poll')
    move('second', { state: 'denied' })
    await says(page, /denied on your phone/)
  })

  it('says that a phone has shown the request, and goes on as it is', async () => {
    const page = await open()
    await page.evaluate('window.same = true')
    await isWatched('events')
    for (const [to, text] of [
      ['first.none', /No phone could be told/],
      ['first.seen', /open on your phone\./],
    ] as const) {
      move(to)
      await says(page, text)
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    deepEqual([await page.evaluate('window.same'), gets], [true, 1])
    move('second', { state: 'expired' })
    await says(page, /not answered in time/)
  })

  it('is read by a GET where it came as the answer to a form', async () => {
    const page = await open()
    await isWatched('events')
    watched.length = 0
    await page.getByRole('button', { name: 'Send another request' }).click()
    await posted()
    await isWatched('events')
    move('second', { state: 'denied' })
    await says(page, /denied on your phone/)
    deepEqual(posts, [{ intent: 'send' }])
  })

  it('keeps a code that is being typed, and says that there is news', async () => {
    const page = await open()
    await inCode(page).click()
    await page.keyboard.press('Tab')
    await page.keyboard.type('123')
    move('second', { state: 'denied' })
    await says(page, /Your phone has answered/)
    equal(await page.inputValue('[name=code]'), '123')
    await page.getByRole('link', { name: 'Continue' }).click()
    await says(page, /denied on your phone/)
  })

  it('keeps it as well when the time is over, since it is good still', async () => {
    // Long enough to have typed before.
    show({ secondsLeft: 10 })
    const page = await open()
    await inCode(page).click()
    await page.fill('[name=code]', '123456')
    await says(page, /You can still use the code/)
    await page.keyboard.press('Enter')
    deepEqual(await posted(), [{ intent: 'answer', code: '123456' }])
  })

  it('counts down, and is read anew when nothing is left', async () => {
    show({ secondsLeft: 2 })
    const page = await open()
    match(await page.locator('[data-left]').innerText(), /^0:0[12]$/)
    show({ state: 'expired', watch: 'first' })
    await says(page, /not answered in time/)
  })

  it('brings the wish not to be asked again along', async () => {
    show({}, { trust: { days: 30 } })
    const page = await open()
    await page.getByRole('checkbox').check()
    await isWatched('events')
    move('second', { state: 'denied' })
    await says(page, /denied on your phone/)
    deepEqual(posts, [{ trust: 'on', code: '', intent: 'arrived' }])
  })

  it('is read anew where its address has a fragment, and by a GET, without JavaScript', async () => {
    const page = await open({ javaScriptEnabled: false })
    await page.getByRole('button', { name: 'Send another request' }).click()
    await posted()
    show({ state: 'denied' })
    await says(page, /denied on your phone/)
    equal(posts.length, 1)
    equal(await page.evaluate('location.search').catch(() => new URL(page.url()).search), '?a=b')
  })

  it('is read anew without JavaScript too, but for the twin to type in', async () => {
    const page = await open({ javaScriptEnabled: false })
    show({ state: 'denied' })
    await says(page, /denied on your phone/)
    equal(gets, 2)
    show({})
    await page.goto(`${origin}/second-factor`)
    equal(await page.locator('[name=code]').count(), 1)
    equal(await page.locator('[name=code]').isVisible(), false)
    show({ byCode: { open: true, url: '?typing=on' } })
    await page.getByRole('link', { name: 'Use its code' }).click()
    const before = gets
    await page.fill('[name=code]', '123456')
    await new Promise((resolve) => setTimeout(resolve, 4000))
    equal(gets, before)
    equal(await page.inputValue('[name=code]'), '123456')
  })

  describe('whose browser has the key', () => {
    const here = { id: 'the-id', nonce: 'the-nonce', shown: '{"app":{}}', tag: 'maria' }
    const withKey = (more: string) => `(async () => {
      const keys = duepassiAuthenticator
      const { keys: pair, thumbprint } = await keys.createKeys()
      const made = await navigator.credentials.create({ publicKey: {
        challenge: new Uint8Array(32), rp: { name: 'D' },
        user: { id: new Uint8Array(8), name: 'm', displayName: 'm' },
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        authenticatorSelection: { userVerification: 'required' },
      } })
      await keys.put({ thumbprint, keys: pair, issuer: 'https://id.example', accountTag: 'maria', addedAt: 1,
        rpId: location.hostname, authenticator: { id: made.id, transports: ['internal'] }, ${more} })
    })()`
    const openHere = async () => {
      show({ here: { ...here, issuer: 'https://id.example' } })
      const page = await open()
      const cdp = await page.context().newCDPSession(page)
      await cdp.send('WebAuthn.enable')
      const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          protocol: 'ctap2',
          transport: 'internal',
          hasUserVerification: true,
          isUserVerified: true,
          automaticPresenceSimulation: true,
        },
      })
      const verified = (isUserVerified: boolean) =>
        cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
      return { page, verified }
    }
    const confirm = (page: Page) => page.getByRole('button', { name: 'Confirm with fingerprint' })
    const toPhone = (page: Page) => page.getByRole('button', { name: 'Send a request to my phone' })

    it('is asked to confirm, and answers by both keys', async () => {
      const { page } = await openHere()
      await page.evaluate(withKey(''))
      await page.reload()
      await confirm(page).waitFor()
      equal(await page.evaluate('document.activeElement.value'), 'answer')
      match((await toPhone(page).getAttribute('class')) ?? '', /plain/)
      await confirm(page).click()
      const { intent, response = '' } = (await posted())[0] ?? {}
      const { jws, assertion } = JSON.parse(response)
      const [head, payload] = String(jws)
        .split('.')
        .slice(0, 2)
        .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
      equal(intent, 'answer')
      deepEqual(
        [head.typ, payload.txn, payload.nonce, payload.decision, payload.num, payload.aud],
        ['push-decision+jwt', 'the-id', 'the-nonce', 'approve', undefined, 'https://id.example'],
      )
      ok(assertion.response.signature)
    })

    it('says so where the person is not verified, posts nothing, and asks again', async () => {
      const { page, verified } = await openHere()
      await page.evaluate(withKey(''))
      await page.reload()
      await verified(false)
      await confirm(page).click()
      await says(page, /Nothing was sent/)
      equal(await confirm(page).isEnabled(), true)
      deepEqual(posts, [])
    })

    for (const [why, key] of [
      ['no key at all', undefined],
      ['one of another account', "accountTag: 'anna'"],
      ['one of another issuer', "issuer: 'https://other.example'"],
      ['one that was never confirmed', 'confirming: {}'],
    ] as const)
      it(`offers to ask a phone where there is ${why}`, async () => {
        const { page } = await openHere()
        if (key) await page.evaluate(withKey(key))
        await page.reload()
        await new Promise((resolve) => setTimeout(resolve, 400))
        equal(await confirm(page).isVisible(), false)
        match((await toPhone(page).getAttribute('class')) ?? '', /primary/)
        await toPhone(page).click()
        deepEqual(await posted(), [{ elsewhere: 'on', intent: 'send' }])
      })
  })
})
