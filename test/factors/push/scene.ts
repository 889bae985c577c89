import { randomBytes } from 'node:crypto'
import type { PushDelivery, PushNotice, PushOutcome } from '../../../src/delivery/delivery.ts'
import type { Credential } from '../../../src/directory/directory.ts'
import type {
  Draft,
  EnrolmentVerdict,
  Factor,
  FactorContext,
  Question,
  Remote,
  RemoteEnrolment,
  RequestFacts,
} from '../../../src/factors/factor.ts'
import { type PushOptions, push } from '../../../src/factors/push/push.ts'
import { type PushRequest, readRequest } from '../../../src/factors/push/request.ts'
import { platformPresence } from '../../../src/factors/webauthn/platform.ts'
import { createSoftPhone, type SoftPhone, type SoftPhoneSettings } from '../../support/soft-phone.ts'

export const issuer = 'https://sso.example.org'
export const time = Date.parse('2026-03-02T08:00:00Z')

export const contextAt = (now: number): FactorContext => ({
  now,
  random: (size) => randomBytes(size),
  issuerName: 'Duepassi',
  accountName: 'maria@example.org',
  accountId: 'maria',
})

export const context = contextAt(time)

/** Delivers to addresses `{kind:'test', to}`; what went out, and what comes of it. */
export const testDelivery = () => {
  const sent: Array<{ address: string } & PushNotice> = []
  const outcomes = new Map<string, PushOutcome | 'throws'>()
  const delivery: Pick<PushDelivery, 'applicationServerKey' | 'readAddress' | 'send'> = {
    applicationServerKey: 'BKey',
    readAddress: (given) => {
      const { kind, to } = given as { kind?: unknown; to?: unknown }
      return kind === 'test' && typeof to === 'string' ? to : undefined
    },
    async send(address, notice) {
      sent.push({ address, ...notice })
      const outcome = outcomes.get(address) ?? 'sent'
      if (outcome === 'throws') throw new Error('no network')
      return outcome
    },
  }
  return { delivery, sent, outcomes }
}

export type TestFactor = Factor & { remote: Remote; enrolment: { remote: RemoteEnrolment } }

export const createFactor = (given: Partial<PushOptions> = {}) => {
  const { delivery, sent, outcomes } = testDelivery()
  const options: PushOptions = {
    issuer,
    digits: 6,
    presence: platformPresence({ rpId: 'sso.example.org', origins: [issuer] }),
    delivery,
    ...given,
  }
  return { factor: push(options) as TestFactor, options, sent, outcomes }
}

export const newPhone = (given: Partial<SoftPhoneSettings> = {}): Promise<SoftPhone> =>
  createSoftPhone({ issuer, now: () => time, ...given })

/** What the QR code says. */
export const tokenOf = ({ shown }: Draft): string => String(shown['uri']).split('#e=')[1] ?? ''

/** What a phone is told that has the invitation. */
export const offerOf = (factor: TestFactor, draft: Draft) =>
  factor.enrolment.remote.offer(draft, context) as { options: Record<string, never> }

export const asRequest = (question: Question | undefined): PushRequest => {
  const request = question && readRequest(question)
  if (!request) throw new Error('no request')
  return request
}

/** What the phone is shown of the test of a draft, and the number that the page shows. */
export const testOf = (factor: TestFactor, draft: Draft, now = time) => {
  const shown = factor.enrolment.remote.show(draft, now)
  if (!shown) throw new Error('no test')
  return { shown, num: String(draft.shown['number']) }
}

/** The draft that waits for the number, and what the phone was told. */
export const presented = async (
  factor: TestFactor,
  phone: SoftPhone,
  address: unknown = null,
): Promise<{ draft: Draft; number: string; offlineSecret: string }> => {
  const draft = await factor.enrolment.begin([], context)
  const { options } = factor.enrolment.remote.offer(draft, context) as { options: unknown }
  const body = await phone.enrol({ token: tokenOf(draft), options, address })
  const taken = await factor.enrolment.remote.present(JSON.stringify(body), draft, context)
  if ('refused' in taken) throw new Error(`refused: ${taken.refused}`)
  const { number, offlineSecret } = taken.told as { number: string; offlineSecret: string }
  return { draft: taken.draft, number, offlineSecret }
}

/** The draft whose test waits for an answer. */
export const testing = async (factor: TestFactor, phone: SoftPhone, address: unknown = null) => {
  const { draft, number, offlineSecret } = await presented(factor, phone, address)
  const verdict = await factor.enrolment.finish(number, draft, context)
  if (verdict.confirmed || !('next' in verdict)) throw new Error('no test')
  return { draft: verdict.next, offlineSecret }
}

/** As the directory would hold it. */
export const credentialOf = (verdict: EnrolmentVerdict, change: Partial<Credential> = {}): Credential => {
  if (!verdict.confirmed) throw new Error(`not confirmed: ${JSON.stringify(verdict)}`)
  return {
    id: 'c1',
    accountId: 'maria',
    factor: 'push',
    label: verdict.label ?? '',
    handle: verdict.handle,
    secret: verdict.secret,
    counter: verdict.counter,
    createdAt: time,
    lastUsedAt: null,
    ...change,
  }
}

/** A phone that was set up; the counter of its credential is that of a minute before. */
export const enrolled = async (
  given: {
    options?: Partial<PushOptions>
    phone?: Partial<SoftPhoneSettings>
    address?: unknown
    credential?: Partial<Credential>
    made?: ReturnType<typeof createFactor>
  } = {},
) => {
  const made = given.made ?? createFactor(given.options)
  const phone = await newPhone(given.phone)
  const { draft, offlineSecret } = await testing(made.factor, phone, given.address)
  const { shown, num } = testOf(made.factor, draft)
  const verdict = await made.factor.enrolment.finish(await phone.decide(shown, { num }), draft, context)
  const credential = credentialOf(verdict, { counter: time - 60_000, ...given.credential })
  return { ...made, phone, credential, offlineSecret }
}

export const facts: RequestFacts = {
  kind: 'sign-in',
  app: { name: 'Mail', logo: 'https://mail.example/logo.png' },
  sighting: {
    address: '192.0.2.7',
    country: 'IT',
    city: 'Torino',
    browser: 'Firefox',
    system: 'Windows',
  },
}

/** A request that waits for the answer of these phones. */
export const asked = async (
  factor: TestFactor,
  credentials: readonly Credential[],
  given: Partial<RequestFacts> = {},
  at = context,
): Promise<PushRequest> =>
  asRequest(factor.remote.ask(await factor.begin(credentials, at), credentials, { ...facts, ...given }, at))
