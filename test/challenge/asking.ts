import { randomBytes } from 'node:crypto'
import { durableAttempts } from '../../src/attempts/attempts.ts'
import { createChallenge, type Notice } from '../../src/challenge/challenge.ts'
import { createMissedRequests } from '../../src/challenge/missed-requests.ts'
import { createPendingRequests } from '../../src/challenge/pending-requests.ts'
import { createRequestCounts, defaultRequestLimits } from '../../src/challenge/request-limits.ts'
import type { Reported } from '../../src/challenge/requests.ts'
import { createSignIns } from '../../src/challenge/sign-ins.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import type { Factor, RequestFacts, Told } from '../../src/factors/factor.ts'
import { registerFactors } from '../../src/factors/registry.ts'
import { embeddedStore, openDirectory } from '../../src/openers.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { movableClock } from '../support/clock.ts'

interface Settings {
  tell?: () => Promise<Told>
  /** What the host does about a report. */
  reported?: (uid: string, signIn: Reported) => Promise<void>
  /** Told of each line of the audit trail, before it is written. */
  recording?: (type: string) => Promise<void>
}

/** Lives for a minute; answers are `right <id>`, `wrong <id>`, `deny <id>` and `report <id>`, or a code of six digits. */
const scripted = (done: string[], asked: RequestFacts[], { tell }: Settings): Factor => ({
  name: 'push',
  selfEnrolled: true,
  accepts: (answer) => answer !== '',
  isAnswerTo: (answer, question) => (/^\d/.test(answer) ? undefined : answer.endsWith(` ${question['id']}`)),
  begin: async () => ({ sends: 0 }),
  async verify(answer, { expiresAt }, [credential], { now }) {
    done.push('verify')
    if (Number(expiresAt ?? 0) <= now && !/^\d/.test(answer)) return { verified: false, reason: 'expired' }
    return /^(right|123456)/.test(answer) && credential
      ? {
          verified: true,
          credential: credential.id,
          spend: { expected: credential.counter, next: credential.counter + 1 },
          amr: ['pop'],
        }
      : { verified: false, reason: 'wrong' }
  },
  enrolment: {
    begin: async () => ({ secret: 'new', shown: {} }),
    finish: async () => ({ confirmed: false, reason: 'wrong' }),
  },
  remote: {
    delivery: { applicationServerKey: null, readAddress: () => undefined, send: async () => 'sent' } as never,
    ask({ sends }, own, facts, { now }) {
      asked.push(facts)
      if (own.length === 0 || Number(sends) > 2) return undefined
      return { sends: Number(sends) + 1, id: randomBytes(8).toString('hex'), expiresAt: now + 60_000 }
    },
    show: ({ id, expiresAt }, now) =>
      id !== undefined && Number(expiresAt) > now
        ? {
            id: String(id),
            nonce: `nonce of ${id}`,
            digits: 2,
            expiresAt: Number(expiresAt),
            kind: 'sign-in',
            shown: '{}',
          }
        : undefined,
    async tell() {
      done.push('tell')
      return tell ? tell() : { reached: 1, changed: [] }
    },
    end: ({ sends }, ended) => ({ sends, ended }),
    async readRefusal(answer, { id }) {
      if (answer === `deny ${id}`) return 'denied'
      return answer === `report ${id}` ? 'reported' : undefined
    },
  },
})

/** The second step with a phone that is scripted, on real stores; `done` has what was done, in order. */
export const openAsking = async (settings: Settings = {}) => {
  const clock = movableClock()
  const store = embeddedStore(':memory:', clock)
  const directory = await openDirectory('sqlite::memory:')
  const limits = { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 10 }
  const attempts = durableAttempts({ directory, clock, limits })
  const counts = createRequestCounts({ store, clock, limits: defaultRequestLimits })
  const pending = createPendingRequests({ store, clock })
  const sealer = createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }])
  const signIns = createSignIns({ store, sealer, seconds: 86_400 })
  const done: string[] = []
  const asked: RequestFacts[] = []
  const notices: Notice[] = []
  const note =
    <Words extends unknown[], Result>(name: string, verb: (...words: Words) => Result) =>
    (...words: Words): Result => {
      done.push(name)
      return verb(...words)
    }
  const challenge = createChallenge({
    directory: { ...directory, endTrust: note('end trust', directory.endTrust) },
    attempts,
    clock,
    signIns: { ...signIns, replace: note('keep', signIns.replace) },
    factors: registerFactors([scripted(done, asked, settings)]),
    random: (size) => randomBytes(size),
    async record(type) {
      await settings.recording?.(type)
      done.push(`audit ${type}`)
    },
    issuerName: 'Test',
    accountName: async (id) => id,
    notify: async (notice) => void notices.push(notice),
    requests: {
      counts: { ...counts, reserve: note('count', counts.reserve) },
      pending: { ...pending, put: note('pending', pending.put) },
      missed: createMissedRequests({ store, sealer, clock }),
      limits: defaultRequestLimits,
      appOf: async (clientId) => ({ name: `app ${clientId}` }),
      async reported(uid, signIn) {
        done.push('host')
        await settings.reported?.(uid, signIn)
      },
    },
  })
  await directory.addCredential({
    id: 'phone',
    accountId: 'maria',
    factor: 'push',
    label: 'Phone',
    handle: 'thumbprint',
    secret: 'kept',
    counter: 0,
    createdAt: 0,
    lastUsedAt: null,
  })
  const begin = (uid: string) =>
    challenge.begin(uid, {
      accountId: 'maria',
      clientId: 'rp',
      primary: { amr: ['pwd'], at: 1 },
      rules: noRules,
    })
  const questionOf = async (uid: string): Promise<Record<string, unknown>> => {
    const stage = (await challenge.find(uid))?.stage
    return stage?.name === 'asking' ? stage.question : {}
  }
  const idOf = async (uid: string): Promise<string> => String((await questionOf(uid))['id'])
  const failures = async () => (await directory.changeAttempts('maria', 'push', (state) => state)).after
  return {
    challenge,
    clock,
    store,
    directory,
    signIns,
    pending,
    counts,
    done,
    asked,
    notices,
    begin,
    questionOf,
    idOf,
    failures,
  }
}
