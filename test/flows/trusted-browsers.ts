import assert from 'node:assert/strict'
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Device } from '../../src/directory/directory.ts'
import { type Answer, Browser } from '../support/browser.ts'
import type { AtPage, SignedIn, TestProvider } from '../support/provider.ts'
import { codeOf, type RelyingParty } from '../support/relying-party.ts'

/** A cookie as a browser holds it. */
export type Cookie = ReturnType<Browser['cookies']>[number]

const isOfDevice = ({ name }: Cookie) => name.includes('duepassi-device-')

export const deviceCookies = (browser: Browser): Cookie[] => browser.cookies().filter(isOfDevice)

/** The only device cookie of a browser. */
export const deviceCookie = (browser: Browser): Cookie => {
  const [cookie, ...more] = deviceCookies(browser)
  assert.ok(cookie && more.length === 0, `${more.length + (cookie ? 1 : 0)} device cookies`)
  return cookie
}

/** A browser that has these cookies, and no others. */
export const browserWith = (cookies: readonly Cookie[]): Browser => {
  const browser = new Browser()
  const held = browser.cookies() as Cookie[]
  held.push(...cookies.map((cookie) => ({ ...cookie })))
  return browser
}

/** The same browser on another day: what remembers devices is kept, everything else is over. */
export const later = (browser: Browser): Browser => browserWith(deviceCookies(browser))

export const isAsked = ({ page }: { page: Answer }, what = 'the second factor is asked') => {
  assert.equal(codeOf(page), null, `${what}, and a code was issued`)
  assert.match(page.url.pathname, /\/second-factor$/, `${what}: ${page.status} ${page.url}`)
  assert.match(page.body, /value="answer"/, what)
}

export const isLetIn = (at: AtPage, what = 'nothing is asked') =>
  assert.ok(codeOf(at.page), `${what}: ${at.page.status} ${at.page.url} ${at.page.body.slice(-400)}`)

/** What the tokens of a sign-in say, which the ID token, introspection and a refresh have to agree on. */
export const provenIn = async (op: TestProvider, { tokens }: SignedIn, rp: RelyingParty = op.rp) => {
  const claims = tokens.claims() as Record<string, unknown>
  const said = { acr: claims['acr'], amr: claims['amr'] }
  const seen = await rp.introspect(tokens.access_token)
  assert.deepEqual({ acr: seen['acr'], amr: seen['amr'] }, said, 'the access token says the same')
  return said
}

export const refreshed = async ({ tokens }: SignedIn, rp: RelyingParty) => {
  const claims = (await rp.refresh(tokens.refresh_token as string)).claims() as Record<string, unknown>
  return { acr: claims['acr'], amr: claims['amr'] }
}

export const isNotRefreshed = (signedIn: SignedIn, rp: RelyingParty, what = 'the refresh token') =>
  assert.rejects(rp.refresh(signedIn.tokens.refresh_token as string), { error: 'invalid_grant' }, what)

interface Trusting {
  browser?: Browser
  username?: string
  key?: BrowserKey
  fields?: Record<string, string>
}

/** Signs in with password and code, and asks not to be asked here again. */
export const trust = async (
  op: TestProvider,
  secret: string,
  { browser = new Browser(), username = 'maria', key, fields = {} }: Trusting = {},
): Promise<SignedIn> => {
  const asked = await op.typePassword(await op.begin({}, browser), { username })
  isAsked(asked)
  const answer = {
    intent: 'answer',
    code: op.nextCode(secret),
    trust: 'on',
    ...(key && { 'device-key': await key.offer(op.issuer, uidOf(asked.page)) }),
    ...fields,
  }
  return op.redeem(await op.submit(asked, answer))
}

interface Entering {
  parameters?: Record<string, string>
  username?: string
  rp?: RelyingParty
  /** What the login page signs with. */
  key?: BrowserKey
  proof?: string
}

/** Types the password alone. */
export const enter = async (
  op: TestProvider,
  browser: Browser,
  { parameters = {}, username = 'maria', rp = op.rp, key, proof }: Entering = {},
): Promise<AtPage> => {
  const login = await op.begin(parameters, browser, rp)
  assert.match(login.page.body, /current-password/, `a login page: ${login.page.url}`)
  const signed = key ? await key.prove(op.issuer, uidOf(login.page)) : proof
  return op.submit(login, {
    intent: 'sign-in',
    username,
    password: 'due passi avanti',
    ...(signed !== undefined && { 'device-proof': signed }),
  })
}

export const uidOf = ({ url }: Answer): string => {
  const uid = /\/interaction\/([\w-]{43})/.exec(url.pathname)?.[1]
  assert.ok(uid, `an interaction: ${url}`)
  return uid
}

/** The device of an account that is trusted last. */
export const trustedDeviceOf = async (op: TestProvider, accountId = op.maria.id): Promise<Device> => {
  const devices = await op.duepassi.directory.devices(accountId)
  const trusted = devices.find((device) => device.trust !== null)
  assert.ok(trusted, `none of ${devices.length} devices is trusted`)
  return trusted
}

/** What `crypto.subtle` does on our pages: a key that the browser keeps, and its signatures. */
export interface BrowserKey {
  jwk: JWK
  privateKey: CryptoKey
  sign(claims: object, header?: Record<string, unknown>): Promise<string>
  /** For a login page. */
  prove(issuer: string, uid: string): Promise<string>
  /** For the form of the second factor. */
  offer(issuer: string, uid: string): Promise<string>
}

export const createBrowserKey = async (): Promise<BrowserKey> => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const { kty, crv, x, y } = await exportJWK(publicKey)
  const jwk = { kty, crv, x, y } as JWK
  const sign: BrowserKey['sign'] = (claims, header = {}) =>
    new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'ES256', typ: 'device-proof+jwt', ...header })
      .sign(privateKey)
  return {
    jwk,
    privateKey,
    sign,
    prove: (aud, nonce) => sign({ aud, nonce }),
    offer: (aud, nonce) => sign({ aud, nonce }, { jwk }),
  }
}
