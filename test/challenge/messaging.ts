import { randomBytes } from 'node:crypto'
import { durableAttempts, passingAttempts } from '../../src/attempts/attempts.ts'
import type { AuditEvent } from '../../src/audit/events.ts'
import { createChallenge, type Notice, type Outcome } from '../../src/challenge/challenge.ts'
import { createMessageCounts, defaultMessageLimits } from '../../src/challenge/message-limits.ts'
import { createSignIns } from '../../src/challenge/sign-ins.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import type { CodeMessage, Factor } from '../../src/factors/factor.ts'
import { registerFactors } from '../../src/factors/registry.ts'
import { embeddedStore, openDirectory } from '../../src/openers.ts'
import { type FactorRules, noRules } from '../../src/policy/factor-rules.ts'
import { movedClock } from '../contracts/store.ts'
import { codesBy } from '../factors/message-code/scene.ts'

export const number = '+393471234567'

interface Settings {
  /** What becomes of a message; handed over at once where nothing is said. */
  deliver?: (message: CodeMessage) => Promise<void>
  /** Without them nothing is counted. */
  counted?: boolean
  retiredBy?: Factor['retiredBy']
}

/** An app whose right answers are `right` and no other. */
const app: Factor = {
  name: 'totp',
  selfEnrolled: true,
  accepts: (answer) => answer !== '',
  begin: async () => ({}),
  async verify(answer, _question, [credential]) {
    return answer === 'right' && credential
      ? {
          verified: true,
          credential: credential.id,
          spend: { expected: credential.counter, next: credential.counter + 1 },
          amr: ['otp'],
        }
      : { verified: false, reason: 'wrong' }
  },
  enrolment: {
    begin: async () => ({ secret: randomBytes(8).toString('hex'), shown: {} }),
    finish: async (answer, { secret }) =>
      answer === 'right'
        ? { confirmed: true, secret, counter: 0, handle: null, amr: ['otp'], used: true }
        : { confirmed: false, reason: 'wrong' },
  },
}

/** The second step with codes by text message and an app, on real stores; `done` has what was done, in order. */
export const openMessaging = async ({
  deliver = async () => {},
  counted = true,
  retiredBy,
}: Settings = {}) => {
  const clock = movedClock()
  const store = embeddedStore(':memory:', clock)
  const directory = await openDirectory('sqlite::memory:')
  const limits = { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 10 }
  const attempts = durableAttempts({ directory, clock, limits })
  const counts = createMessageCounts({ store, clock, limits: defaultMessageLimits })
  const signIns = createSignIns({
    store,
    sealer: createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }]),
    seconds: 86_400,
  })
  const done: string[] = []
  const sent: CodeMessage[] = []
  const events: Array<Pick<AuditEvent, 'type' | 'factor' | 'reason'>> = []
  const notices: Notice[] = []
  const sms = codesBy({
    async send(_accountId, message) {
      done.push('send')
      sent.push(message)
      await deliver(message)
    },
    ...(retiredBy && { retiredBy }),
  })
  const challenge = createChallenge({
    directory,
    attempts,
    clock,
    signIns: {
      ...signIns,
      replace(...change) {
        done.push('keep')
        return signIns.replace(...change)
      },
    },
    factors: registerFactors([app, sms]),
    random: (size) => randomBytes(size),
    async record(type, { factor = null, reason = null } = {}) {
      done.push(`audit ${type}`)
      events.push({ type, factor, reason })
    },
    issuerName: 'Test',
    accountName: async (id) => id,
    notify: async (notice) => void notices.push(notice),
    ...(counted && {
      messages: {
        counts: {
          ...counts,
          reserve(message) {
            done.push('count')
            return counts.reserve(message)
          },
        },
        enrolmentAttempts: passingAttempts({
          store,
          clock,
          limits: { freeFailures: 3, firstWait: 900, longestWait: 900 },
        }),
      },
    }),
  })

  /** Gives Maria a number, or an app, that she set up before. */
  const holds = async (factor: 'sms' | 'totp', change: { id?: string; to?: string } = {}) => {
    const { id = factor, to = number } = change
    await directory.addCredential({
      id,
      accountId: 'maria',
      factor,
      label: `her ${id}`,
      handle: null,
      secret: factor === 'sms' ? JSON.stringify({ v: 1, to }) : 'secret',
      counter: 0,
      createdAt: clock.now(),
      lastUsedAt: null,
    })
  }
  const begin = (
    uid: string,
    { rules = noRules, accountId = 'maria' }: { rules?: FactorRules; accountId?: string } = {},
  ) => challenge.begin(uid, { accountId, clientId: 'rp', primary: { amr: ['pwd'], at: 1 }, rules })
  /** A sign-in at which a code was sent; 30 seconds later, so that another may be. */
  const sentTo = async (uid: string): Promise<string> => {
    await begin(uid)
    await challenge.send(uid)
    await clock.pass(30)
    return lastCode()
  }
  /** A first sign-in that has come to where a number is typed. */
  const atNumber = async (uid: string) => {
    await begin(uid)
    await challenge.choose(uid, 'sms')
  }
  const lastCode = (): string => (sent.at(-1) as CodeMessage).code
  const failures = async (authenticator = 'sms') =>
    (await directory.changeAttempts('maria', authenticator, (state) => state)).after.failures
  const held = async () => (await directory.credentials('maria')).map(({ factor }) => factor)

  return {
    challenge,
    clock,
    directory,
    store,
    signIns,
    done,
    sent,
    events,
    notices,
    holds,
    begin,
    sentTo,
    atNumber,
    lastCode,
    failures,
    held,
  }
}

/** Why it was refused, or where the sign-in has come to. */
export const endOf = (outcome: Outcome): string => {
  if (outcome.kind === 'gone') return 'gone'
  return outcome.kind === 'refused' ? outcome.refusal.reason : outcome.signIn.stage.name
}

export const waitOf = (outcome: Outcome): number | undefined =>
  outcome.kind === 'refused' && 'seconds' in outcome.refusal ? outcome.refusal.seconds : undefined
