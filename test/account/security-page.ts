import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { accountClient } from '../../src/account/account-client.ts'
import { createAccountPages } from '../../src/account/account-pages.ts'
import { createPageSessions, type PageSession } from '../../src/account/page-sessions.ts'
import type { AccountParts } from '../../src/account/parts.ts'
import { durableAttempts } from '../../src/attempts/attempts.ts'
import { createTrail } from '../../src/audit/trail.ts'
import { type ChallengeParts, createChallenge, type Notice } from '../../src/challenge/challenge.ts'
import { createChanges } from '../../src/challenge/changes.ts'
import { createPendingRequests } from '../../src/challenge/pending-requests.ts'
import { createSignIns } from '../../src/challenge/sign-ins.ts'
import { createWatch } from '../../src/challenge/watch.ts'
import { systemRandom } from '../../src/crypto/random.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import type { Credential } from '../../src/directory/directory.ts'
import type { Factor } from '../../src/factors/factor.ts'
import { recoveryCodes } from '../../src/factors/recovery-code/recovery-code.ts'
import { registerFactors } from '../../src/factors/registry.ts'
import { totp } from '../../src/factors/totp/totp.ts'
import { createLog } from '../../src/log.ts'
import type { Pages } from '../../src/pages/pages.ts'
import type { ViewName, Views } from '../../src/pages/views.ts'
import type { Store } from '../../src/stores/store.ts'
import { type Answer, Browser } from '../support/browser.ts'
import { cheapHasher, mfa, password, startProvider } from '../support/provider.ts'
import { codeNow } from '../support/steps.ts'

/** What a page was given, where the answer is that page of ours, with that status. */
export const seen = <View extends ViewName>(
  { body, status, url }: Answer,
  view: View,
  expected = 200,
): Views[View] => {
  assert.ok(body.startsWith('{'), `${status} ${url}: not a page of ours: ${body.slice(0, 300)}`)
  const page = JSON.parse(body)
  assert.deepEqual({ view: page.view, status }, { view, status: expected }, body)
  return page.locals
}

export const locationOf = ({ headers, url }: Answer) => new URL(headers.get('location') ?? '', url)
export const sessionCookies = ({ headers }: Answer) =>
  headers.getSetCookie().filter((line) => line.startsWith('duepassi-account='))

/** Fails where the answer is a new sign-in, or a session. */
export const refusedWith = (answer: Answer, code: string) => {
  const { technical, restartUrl } = seen(answer, 'interaction/error', 403)
  assert.equal(technical?.code, code)
  assert.equal(restartUrl, '/account')
  assert.deepEqual(sessionCookies(answer), [])
}

/** Where the form of the page leads. */
export const actionOn = ({ body }: Answer): string => {
  const { action } = JSON.parse(body).locals
  assert.match(action, /^\/account\/change\?of=[\w-]{16}$/)
  return action.slice('/account'.length)
}

/** Pages to look into. `told`: what the last form in a session was for. */
const fakePages = (told: (session: string, action: string) => void): Pages => ({
  render() {
    throw new Error('not used')
  },
  send(req: IncomingMessage, res: ServerResponse, { status = 200, view, language, locals, headers }) {
    if ('action' in locals && locals.action !== undefined) told(sessionIn(req.headers.cookie), locals.action)
    res.writeHead(status, { ...headers, 'content-type': 'application/json' })
    res.end(req.method === 'HEAD' ? undefined : JSON.stringify({ view, language, locals }))
  },
})

const sessionIn = (cookies = ''): string => /(?:^|;\s*)duepassi-account=([^;]*)/.exec(cookies)?.[1] ?? ''

/** Accepts one answer; what it sets up has a handle, as passkeys do. */
const fakeKey: Factor = {
  ...totp(),
  name: 'webauthn',
  accepts: () => true,
  enrolment: {
    begin: async () => ({ secret: 'key', shown: { options: { challenge: 'x' } } }),
    async finish(answer, { secret }) {
      return answer === 'touched'
        ? {
            confirmed: true,
            secret,
            counter: 0,
            handle: `handle-${randomBytes(6).toString('hex')}`,
            amr: ['pop'],
            label: 'A model',
            used: false,
          }
        : { confirmed: false, reason: 'unverified' }
    },
  },
}

export const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'

interface Options {
  config?: NonNullable<Parameters<typeof startProvider>[0]>['config']
  /** Registered beside the usual ones. */
  factors?: readonly Factor[]
  /** Put around the page's own store. */
  wrapStore?: (store: Store) => Store
  over?: (parts: AccountParts) => Partial<AccountParts>
  /** Fails or answers in the provider's place; undefined leaves it to the provider. */
  intercept?: (req: IncomingMessage, res: ServerResponse) => boolean
}

/** The security page at the ready provider, with a real challenge behind it and pages that can be looked into. */
export const startSecurityPage = async ({
  config,
  factors: more = [],
  wrapStore = (store) => store,
  over,
  intercept,
}: Options = {}) => {
  const op = await startProvider({ config: { policy: { secondFactor: 'optional' }, ...config } })
  const { duepassi, clock, maria } = op
  const provider = duepassi.handler
  const logged: string[] = []
  const notices: Notice[] = []
  const log = createLog('trace', { write: (line) => void logged.push(line) })
  const sealer = createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }])
  const store = wrapStore(duepassi.store)
  /** The page's own time; the provider's is the machine's. */
  const pageTime = { now: undefined as number | undefined }
  const pageClock = { now: () => pageTime.now ?? clock.now() }
  const factors = registerFactors([fakeKey, ...more, totp(), recoveryCodes({ hasher: cheapHasher() })])
  const challengeParts: ChallengeParts = {
    directory: duepassi.directory,
    signIns: createSignIns({ store, sealer, seconds: 900 }),
    attempts: durableAttempts({
      directory: duepassi.directory,
      clock,
      limits: { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 10 },
    }),
    factors,
    clock,
    random: systemRandom,
    record: createTrail({ directory: duepassi.directory, clock, random: systemRandom }),
    issuerName: 'Duepassi',
    accountName: async () => 'maria',
    async notify(notice) {
      notices.push(notice)
    },
  }
  const challenge = createChallenge(challengeParts)
  const { find, choices, choose, chooseAgain, provideAddress, send, confirm, codesSaved } = challenge
  const changes: AccountParts['changes'] = {
    ...createChanges(challengeParts),
    find,
    choices,
    choose,
    chooseAgain,
    provideAddress,
    send,
    isRemote: (factor) => factors.get(factor)?.enrolment.remote !== undefined,
    watch: createWatch({
      signIns: challengeParts.signIns,
      pending: createPendingRequests({ store, clock }),
      clock,
    }),
    confirm,
    codesSaved,
  }
  const actions = new Map<string, string>()
  const sessionsEnded: Array<[accountId: string, accessToken: string, reason?: string | undefined]> = []
  const parts: AccountParts = {
    issuer: op.issuer,
    handler: (req, res) => {
      if (!intercept?.(req, res)) provider(req, res)
    },
    store,
    sealer,
    clock: pageClock,
    random: systemRandom,
    log,
    requestId: () => 'request-1',
    pages: fakePages((session, action) => void actions.set(session, action)),
    account: (id) => duepassi.directory.accountById(id),
    changes,
    devices: { list: async () => [], ofRequest: () => undefined, remove: async () => 0 },
    sessions: {
      list: async () => [],
      end: async () => false,
      endOthers: async (...ended) => void sessionsEnded.push(ended),
    },
    policyOf: async () => ({ rules: { required: [], forbidden: [] }, demanded: false }),
    strongAcrs: [mfa],
    describe: ({ factor }) => (factor === 'webauthn' ? { synced: true, userHandle: 'handle-of-maria' } : {}),
    rpId: '127.0.0.1',
  }
  const pages = createAccountPages({ ...parts, ...over?.(parts) })
  await duepassi.directory.addClient(accountClient(op.issuer, { name: 'Duepassi' }))
  duepassi.handler = (req, res) => void pages(req, res).then((done) => done || provider(req, res))

  const base = `${op.issuer}/account`
  const sessions = createPageSessions({ store: duepassi.store, sealer, random: systemRandom })
  const cookieOf = (browser: Browser): string =>
    browser.cookies().find(({ name }) => name === 'duepassi-account')?.value ?? ''

  const page = {
    op,
    base,
    logged,
    notices,
    sessionsEnded,
    pageTime,
    changes,
    challenge,
    sessions,
    cookieOf,
    sessionOf: async (browser: Browser): Promise<PageSession | undefined> => sessions.find(cookieOf(browser)),
    get: (browser: Browser, path = '') => browser.get(`${base}${path}`),
    /** The form of a change is the one that was shown last. */
    post: (browser: Browser, path: string, fields: Record<string, string>) =>
      browser.post(path === '/change' ? page.changeOf(browser) : `${base}${path}`, fields),
    changeOf: (browser: Browser): string =>
      `${op.issuer}${actions.get(cookieOf(browser)) ?? '/account/change?of=nothing'}`,
    /** One request of the browser, without following. */
    once: (browser: Browser, path = '', init: RequestInit = {}) => browser.once(`${base}${path}`, init),
    async addCredential(over: Partial<Credential> = {}): Promise<Credential> {
      const credential: Credential = {
        id: `c-${randomBytes(6).toString('hex')}`,
        accountId: maria.id,
        factor: 'totp',
        label: 'My phone',
        handle: null,
        secret: seed,
        counter: 0,
        createdAt: clock.now(),
        lastUsedAt: null,
        ...over,
      }
      await duepassi.directory.addCredential(credential)
      return credential
    },
    addKey: (over: Partial<Credential> = {}) =>
      page.addCredential({ factor: 'webauthn', handle: randomBytes(9).toString('base64url'), ...over }),
    /** From the login page on, with whatever the provider asks for. */
    async finishLogin(browser: Browser, at: Answer): Promise<Answer> {
      const typed = await browser.post(at.url, { intent: 'sign-in', username: 'maria', password })
      if (!typed.url.pathname.endsWith('/second-factor')) return typed
      clock.advance(30)
      const answered = await browser.post(typed.url, { intent: 'answer', code: codeNow(seed, clock) })
      // Whoever has a factor and no recovery codes gets them first.
      return answered.url.pathname.endsWith('/second-factor')
        ? browser.post(answered.url, { intent: 'saved' })
        : answered
    },
    /** Signs in on the way to a page, and is there. */
    async signedIn(path = '', browser = new Browser()): Promise<{ browser: Browser; at: Answer }> {
      const login = await page.get(browser, path)
      return { browser, at: await page.finishLogin(browser, login) }
    },
    /** Signed in by both factors. */
    async withFactor(path = ''): Promise<{ browser: Browser; at: Answer; credential: Credential }> {
      const credential = await page.addCredential()
      return { ...(await page.signedIn(path)), credential }
    },
    /** Follows redirects within the provider until one leads back to the page; that address, not visited. */
    async toCallback(browser: Browser, from: string | URL): Promise<URL> {
      let answer = await browser.once(from, { headers: { 'sec-fetch-site': 'none' } })
      for (let hop = 0; hop < 15; hop++) {
        const location = answer.headers.get('location')
        if (location === null) {
          answer = await postOnce(browser, answer)
          continue
        }
        const next = new URL(location, answer.url)
        if (next.pathname === '/account/callback') return next
        answer = await browser.once(next, { headers: { 'sec-fetch-site': 'same-origin' } })
      }
      throw new Error(`never came back: ${answer.status} ${answer.url}`)
    },
    close: () => op.close(),
    [Symbol.asyncDispose]: () => op.close(),
  }

  const postOnce = (browser: Browser, { url, body, status }: Answer): Promise<Answer> => {
    if (status !== 200) throw new Error(`${status} ${url} ${body.slice(0, 300)}`)
    const second = url.pathname.endsWith('/second-factor')
    if (second) clock.advance(30)
    const codes = body.includes('id="codes"')
    const fields: Record<string, string> = second
      ? codes
        ? { intent: 'saved' }
        : { intent: 'answer', code: codeNow(seed, clock) }
      : { intent: 'sign-in', username: 'maria', password }
    return browser.once(url, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    })
  }
  return page
}

export type SecurityPage = Awaited<ReturnType<typeof startSecurityPage>>
