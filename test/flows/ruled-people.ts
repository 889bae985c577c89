import assert from 'node:assert/strict'
import type { Account } from '../../src/directory/directory.ts'
import type { Answer, Browser } from '../support/browser.ts'
import { addApp, enrolKey } from '../support/passkeys.ts'
import type { AtPage, SignedIn, TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { createSoftAuthenticator, type SoftAuthenticator } from '../support/soft-authenticator.ts'

/** People with factors of their own, at relying parties with rules of their own. */

let people = 0

export interface WithApp {
  account: Account
  secret: string
  codes: string[]
  /** Signed in by the app, at a relying party without rules. */
  browser: Browser
  tokens: SignedIn['tokens']
}

export interface WithBoth extends Omit<WithApp, 'tokens'> {
  key: SoftAuthenticator
}

export const someoneNew = (op: TestProvider): Promise<Account> => {
  people += 1
  return op.addPerson(`ruled-${people}`)
}

export const someoneWithApp = (op: TestProvider): Promise<WithApp> => {
  people += 1
  return op.enrolOther(`ruled-${people}`)
}

export const someoneWithKey = async (op: TestProvider) => {
  people += 1
  const key = createSoftAuthenticator({ userVerification: true })
  return { key, ...(await enrolKey(op, `ruled-${people}`, key)) }
}

/** Whose browser was last used with a recovery code, and with setting the app up. */
export const someoneWithBoth = async (op: TestProvider): Promise<WithBoth> => {
  const { key, account, codes } = await someoneWithKey(op)
  const app = await addApp(op, account.username, codes[0] as string)
  return { key, account, ...app }
}

/** With the password typed, at a relying party. */
export const atStepTwo = async (
  op: TestProvider,
  { username }: Pick<Account, 'username'>,
  rp: RelyingParty,
  browser?: Browser,
): Promise<AtPage> => op.typePassword(await op.begin({}, browser, rp), { username })

export const answerApp = (op: TestProvider, at: AtPage, secret: string): Promise<AtPage> =>
  op.submit(at, { intent: 'answer', code: op.nextCode(secret) })

/** Signs in by a recovery code, and keeps everything as it is. */
export const enterByCode = async (op: TestProvider, at: AtPage, code: string): Promise<AtPage> => {
  const asked = await op.submit(at, { intent: 'switch', factor: 'recovery-code' })
  const recovered = await op.submit(asked, { intent: 'answer', code })
  assert.match(recovered.page.body, /value="continue"/)
  return op.submit(recovered, { intent: 'continue' })
}

export const asksApp = ({ body }: Answer): boolean =>
  body.includes('one-time-code') && !body.includes('otpauth:')

export const othersOn = ({ body }: Answer): string[] =>
  [...body.matchAll(/name="factor" value="([^"]+)">\s*<button[^>]*value="switch"/g)].map(
    ([, name]) => name as string,
  )

export const amrOf = ({ tokens }: SignedIn): unknown => tokens.claims()?.['amr']

/** Silently: a code, or an error. */
export const silently = async (
  op: TestProvider,
  browser: Browser,
  rp: RelyingParty,
): Promise<'code' | string | null> => {
  const { page } = await op.begin({ prompt: 'none' }, browser, rp)
  return codeOf(page) === null ? errorOf(page) : 'code'
}

/** As an administrator would who registers it anew with other rules. */
export const changeRules = async (
  op: TestProvider,
  client_id: string,
  second_factors: Record<string, string>,
): Promise<void> => {
  const { directory } = op.duepassi
  const client = await directory.clientById(client_id)
  assert.ok(client)
  await directory.removeClient(client_id)
  await directory.addClient({ ...client, second_factors })
  // A node takes what it knew of a relying party for a moment longer.
  op.clock.advance(5)
}
