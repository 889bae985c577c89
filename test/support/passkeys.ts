import assert from 'node:assert/strict'
import type { Account } from '../../src/directory/directory.ts'
import type { Answer, Browser } from './browser.ts'
import type { AtPage, Enrolled, SignedIn, TestProvider } from './provider.ts'
import type { Ceremony, SoftAuthenticator } from './soft-authenticator.ts'
import { codeNow, recoveryCodesOn, secretOn } from './steps.ts'

/** What a browser and its authenticator do with the pages: `navigator.credentials`, by the script of the page. */
export interface Here {
  browser: Browser
  page: Answer
}

/** Of PublicKeyCredentialCreationOptionsJSON and PublicKeyCredentialRequestOptionsJSON, what tests look at. */
export interface ShownOptions {
  challenge: string
  rp?: { id: string; name: string }
  rpId?: string
  user?: { id: string; name: string }
  userVerification?: string
  allowCredentials?: Array<{ id: string }>
  excludeCredentials?: Array<{ id: string }>
}

const entities: Record<string, string> = {
  '&#34;': '"',
  '&quot;': '"',
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
}

const unescaped = (text: string): string =>
  text.replace(/&(?:#34|#39|quot|lt|gt|amp);/g, (one) => entities[one] ?? one)

export const offers = ({ body }: Answer, kind: 'create' | 'get'): boolean =>
  body.includes(`data-webauthn="${kind}"`)

const mainOf = (body: string): string => /<main.*<\/main>/s.exec(body)?.[0] ?? body

export const optionsOn = ({ body, status }: Answer, kind: 'create' | 'get'): ShownOptions => {
  const shown = new RegExp(`data-webauthn="${kind}" data-options="([^"]*)"`).exec(body)?.[1]
  assert.ok(shown, `nothing to ${kind} on the page: ${status} ${mainOf(body)}`)
  return JSON.parse(unescaped(shown))
}

export const questionOn = ({ body }: Answer): string => {
  const question = /name="question" value="([^"]*)"/.exec(body)?.[1]
  assert.ok(question, 'no question on the page')
  return unescaped(question)
}

/** What the page tells the browser of a passkey that is nobody's, if it does. */
export const signalOn = ({ body }: Answer): { rpId: string; credentialId: string } | undefined => {
  const told = /data-webauthn-signal="signalUnknownCredential" data-with="([^"]*)"/.exec(body)?.[1]
  return told === undefined ? undefined : JSON.parse(unescaped(told))
}

/** A browser names the origin of the page; a test may say otherwise. */
const ceremonyAt = (page: Answer, given: Partial<Ceremony> = {}): Ceremony => ({
  origin: page.url.origin,
  ...given,
})

/** The text of what `navigator.credentials.create` gave for this page. */
export const registrationFor = (page: Answer, key: SoftAuthenticator, given?: Partial<Ceremony>): string =>
  JSON.stringify(key.create(optionsOn(page, 'create'), ceremonyAt(page, given)))

/** The text of what `navigator.credentials.get` gave for this page. */
export const assertionFor = (page: Answer, key: SoftAuthenticator, given?: Partial<Ceremony>): string =>
  JSON.stringify(key.get(optionsOn(page, 'get'), ceremonyAt(page, given)))

/** A signature that is not one. */
export const badSignature: Partial<Ceremony> = {
  tamper: {
    signature: (signature) =>
      Buffer.from(signature.map((byte, at) => (at === signature.length - 1 ? byte ^ 1 : byte))),
  },
}

const post = async <At extends Here>(at: At, fields: Record<string, string>): Promise<At> => ({
  ...at,
  page: await at.browser.post(at.page.url, fields),
})

export const sendAnswer = <At extends Here>(at: At, response: string): Promise<At> =>
  post(at, { intent: 'answer', response })

export const sendPasskey = <At extends Here>(
  at: At,
  response: string,
  question = questionOn(at.page),
): Promise<At> => post(at, { intent: 'passkey', response, question })

/** Sets the key up on an enrolment page. */
export const register = <At extends Here>(
  at: At,
  key: SoftAuthenticator,
  { label = '', ...given }: Partial<Ceremony> & { label?: string } = {},
): Promise<At> => post(at, { intent: 'confirm', label, response: registrationFor(at.page, key, given) })

/** Answers the second step with the key. */
export const answerWith = <At extends Here>(
  at: At,
  key: SoftAuthenticator,
  given?: Partial<Ceremony>,
): Promise<At> => sendAnswer(at, assertionFor(at.page, key, given))

/** Signs in at a login page with the key alone. */
export const enterWith = <At extends Here>(
  at: At,
  key: SoftAuthenticator,
  given?: Partial<Ceremony>,
): Promise<At> => sendPasskey(at, assertionFor(at.page, key, given))

export interface KeyHolder extends SignedIn {
  account: Account
  codes: string[]
}

/** A first sign-in of a person who is added for it, with the key set up and recovery codes saved. */
export const enrolKey = async (
  op: TestProvider,
  username: string,
  key: SoftAuthenticator,
  browser?: Browser,
): Promise<KeyHolder> => {
  const account = await op.addPerson(username)
  const asked = await op.typePassword(await op.begin({}, browser), { username })
  const issuing = await register(await op.choose(asked, 'webauthn'), key, { label: 'My key' })
  const codes = recoveryCodesOn(issuing.page)
  return { ...(await op.redeem(await op.submit(issuing, { intent: 'saved' }))), account, codes }
}

/** At the second step of such a person. */
export const atKey = async (op: TestProvider, username: string, browser?: Browser): Promise<AtPage> =>
  op.typePassword(await op.begin({}, browser), { username })

/** Sets an app up besides, as whoever used a recovery code may; answers its seed and the new codes. */
export const addApp = async (
  op: TestProvider,
  username: string,
  code: string,
): Promise<Pick<Enrolled, 'secret' | 'codes' | 'browser'>> => {
  const asked = await op.submit(await atKey(op, username), { intent: 'switch', factor: 'recovery-code' })
  const recovered = await op.submit(asked, { intent: 'answer', code })
  const enrolling = await op.choose(await op.submit(recovered, { intent: 'enrol' }), 'totp')
  const secret = secretOn(enrolling.page)
  const issuing = await op.submit(enrolling, {
    intent: 'confirm',
    code: codeNow(secret, op.clock),
    label: 'App',
  })
  const codes = recoveryCodesOn(issuing.page)
  const { browser } = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
  return { secret, codes, browser }
}
