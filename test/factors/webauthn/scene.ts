import { randomBytes } from 'node:crypto'
import type { Credential } from '../../../src/directory/directory.ts'
import type { Draft, EnrolmentVerdict, Factor, FactorContext, Question } from '../../../src/factors/factor.ts'
import { type WebAuthnOptions, webauthn } from '../../../src/factors/webauthn/webauthn.ts'
import {
  type Ceremony,
  createSoftAuthenticator,
  type SoftAuthenticator,
  type SoftAuthenticatorSettings,
} from '../../support/soft-authenticator.ts'

export const rpId = 'example.org'
export const origin = 'https://sso.example.org'
export const options: WebAuthnOptions = { rpId, origins: [origin, 'https://related.example'] }

export const context: FactorContext = {
  now: Date.now(),
  random: (size) => randomBytes(size),
  issuerName: 'Duepassi',
  accountName: 'maria@example.org',
}

/** What of it all is different in one case; the rest goes as it should. */
export interface Case {
  settings?: Partial<SoftAuthenticatorSettings>
  options?: Partial<WebAuthnOptions>
  ceremony?: Partial<Ceremony>
  /** Of the JSON that the browser sends. */
  json?: (json: Json) => unknown
  /** Of the text of it. */
  text?: (text: string) => string
}

export interface Json {
  response: Record<string, unknown>
  [member: string]: unknown
}

/** The text that the page sends. */
export const answerOf = (json: object, { json: change = (same) => same, text = (same) => same }: Case = {}) =>
  text(JSON.stringify(change(structuredClone(json) as Json)))

export const enrol = async (
  given: Case & { own?: Credential[]; draft?: Draft; context?: FactorContext } = {},
): Promise<{ authenticator: SoftAuthenticator; factor: Factor; draft: Draft; verdict: EnrolmentVerdict }> => {
  const factor = webauthn({ ...options, ...given.options })
  const authenticator = createSoftAuthenticator(given.settings)
  const draft = given.draft ?? (await factor.enrolment.begin(given.own ?? [], context))
  const answer = answerOf(authenticator.create(draft.shown.options, { origin, ...given.ceremony }), given)
  const verdict = await factor.enrolment.finish(answer, draft, given.context ?? context)
  return { authenticator, factor, draft, verdict }
}

/** As the directory would hold it. */
export const credentialOf = (verdict: EnrolmentVerdict, change: Partial<Credential> = {}): Credential => {
  if (!verdict.confirmed) throw new Error(`refused: ${JSON.stringify(verdict)}`)
  return {
    id: 'c1',
    accountId: 'maria',
    factor: 'webauthn',
    label: '',
    handle: verdict.handle,
    secret: verdict.secret,
    counter: verdict.counter,
    createdAt: context.now,
    lastUsedAt: null,
    ...change,
  }
}

export interface Scene {
  factor: Factor
  authenticator: SoftAuthenticator
  credential: Credential
}

/** A registered authenticator. */
export const registered = async (
  settings: Partial<SoftAuthenticatorSettings> = {},
  change: Partial<Credential> = {},
): Promise<Scene> => {
  const { factor, authenticator, verdict } = await enrol({ settings })
  return { factor, authenticator, credential: credentialOf(verdict, change) }
}

/** An answer of the authenticator to a question. */
export const answerTo = (
  authenticator: SoftAuthenticator,
  question: Question,
  given: Pick<Case, 'ceremony' | 'json' | 'text'> = {},
): string => answerOf(authenticator.get(question.options, { origin, ...given.ceremony }), given)
