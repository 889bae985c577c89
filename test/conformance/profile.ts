import assert from 'node:assert/strict'
import { join } from 'node:path'
import * as oidc from 'openid-client'
import { Agent, fetch as request } from 'undici'
import type { Person } from '../../tools/conformance/people.ts'
import type { StaticClient } from '../../tools/conformance/relying-parties.ts'
import { type Conformance, startConformance } from '../../tools/conformance/start.ts'
import { type Answer, Browser } from '../support/browser.ts'
import { freePort, temporaryFolder } from '../support/machine.ts'

export const host = 'op.duepassi.test'
export const suite = { origin: 'https://suite.example', alias: 'duepassi' }
const base = `${suite.origin}/test/a/${suite.alias}`
export const callback = `${base}/callback`
export const afterLogout = `${base}/post_logout_redirect`

/** What the person met on the way. */
export type Met = 'password' | 'second factor' | 'consent'

export interface Walk {
  /** Where it ended: at the relying party, or on a page without a way on. */
  end: Answer
  met: Met[]
  /** The pages in the order in which they came. */
  pages: Answer[]
}

export interface Profile {
  op: Conformance
  issuer: string
  /** Trusts the profile's authority, and knows the name. */
  fetch: typeof fetch
  browser(language?: string): Browser
  /** Goes through our pages from one of them, as the suite's browser does: it types fixed texts and clicks. */
  walk(browser: Browser, page: Answer, person?: Person): Promise<Walk>
  /** From the authorization request to the answer, whatever pages come between. */
  authorize(
    client: { client_id: string },
    parameters?: Record<string, string | undefined>,
    browser?: Browser,
    person?: Person,
  ): Promise<Walk>
  discover(
    client: StaticClient,
    auth?: (secret: string) => oidc.ClientAuth,
    metadata?: Partial<oidc.ClientMetadata>,
  ): Promise<oidc.Configuration>
  close(): Promise<void>
}

/** Nobody's resolver knows the name: it leads here, with the certificate checked against it. */
const fetchTo = (ca: string): { fetch: typeof fetch; close(): Promise<void> } => {
  const dispatcher = new Agent({
    connect: {
      ca,
      lookup: (name, { all }, done) => {
        const error =
          name === host ? null : Object.assign(new Error(`who is ${name}?`), { code: 'ENOTFOUND' })
        if (all) done(error, [{ address: '127.0.0.1', family: 4 }])
        else done(error, '127.0.0.1', 4)
      },
    },
  })
  const over = (target: string | URL, init: object = {}) => request(target, { ...init, dispatcher })
  return { fetch: over as unknown as typeof fetch, close: () => dispatcher.close() }
}

/** The provider with config/conformance.yaml, as `npm run conformance` starts it. */
export const startProfile = async (): Promise<Profile> => {
  const port = await freePort()
  const op = await startConformance({
    folder: join(await temporaryFolder(), 'conformance'),
    host,
    listen: { host: '127.0.0.1', port },
    suite,
    logLevel: 'fatal',
  })
  const { issuer } = op
  const outside = fetchTo(op.ca)
  const [maria] = op.people

  const profile: Profile = {
    op,
    issuer,
    fetch: outside.fetch,
    browser: (language = 'en') => new Browser(language, outside.fetch),

    async walk(browser, first, person = maria) {
      const walk: Walk = { end: first, met: [], pages: [] }
      for (let step = 0; step < 6 && walk.end.url.origin === issuer; step++) {
        const page = walk.end
        walk.pages.push(page)
        const next = nextStep(page, person)
        if (!next) return walk
        walk.met.push(next.met)
        walk.end = await browser.post(page.url, next.fields)
      }
      return walk
    },

    async authorize(client, parameters = {}, browser = profile.browser(), person = maria) {
      const url = new URL(`${issuer}/auth`)
      const all = {
        client_id: client.client_id,
        redirect_uri: callback,
        response_type: 'code',
        scope: 'openid',
        state: 'the state',
        nonce: 'the nonce',
        ...parameters,
      }
      for (const [name, value] of Object.entries(all))
        if (value !== undefined) url.searchParams.set(name, value)
      return profile.walk(browser, await browser.get(url), person)
    },

    discover: (client, auth = oidc.ClientSecretBasic, metadata = {}) =>
      oidc.discovery(
        new URL(issuer),
        client.client_id,
        { client_secret: client.client_secret, ...metadata },
        auth(client.client_secret),
        { [oidc.customFetch]: outside.fetch as oidc.CustomFetch },
      ),

    async close() {
      await op.close()
      await outside.close()
    },
  }
  return profile
}

const nextStep = (
  { body }: Answer,
  { account, password }: Person,
): { met: Met; fields: Record<string, string> } | undefined => {
  if (body.includes('value="sign-in"'))
    return { met: 'password', fields: { intent: 'sign-in', username: account.username, password } }
  if (body.includes('value="answer"')) {
    const code = /<input id="code" value="(\d{6})"/.exec(body)?.[1]
    assert.ok(code, 'the code of the token stands in the field')
    return { met: 'second factor', fields: { intent: 'answer', code } }
  }
  if (body.includes('value="allow"')) return { met: 'consent', fields: { intent: 'allow' } }
  return undefined
}

/** What came back to the relying party, in the query or in the fragment. */
export const answerIn = (where: 'query' | 'fragment', { url }: Answer): Record<string, string> => {
  assert.equal(`${url.origin}${url.pathname}`, callback, url.href)
  const [used, unused] = where === 'query' ? [url.search, url.hash] : [url.hash, url.search]
  assert.equal(unused, '', `nothing of it elsewhere: ${url.href}`)
  return Object.fromEntries(new URLSearchParams(used.slice(1)))
}

const realNow = Date.now

/** Lets time pass for the whole process, and afterwards be as it is. */
export const later = async <T>(seconds: number, task: () => Promise<T>): Promise<T> => {
  const before = Date.now
  const ahead = seconds * 1000 + before() - realNow()
  Date.now = () => realNow() + ahead
  return task().finally(() => {
    Date.now = before
  })
}
