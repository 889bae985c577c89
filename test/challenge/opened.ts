import { randomBytes } from 'node:crypto'
import { durableAttempts } from '../../src/attempts/attempts.ts'
import { type ChallengeParts, createChallenge } from '../../src/challenge/challenge.ts'
import { createSignIns } from '../../src/challenge/sign-ins.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import type { Factor, Verdict } from '../../src/factors/factor.ts'
import { registerFactors } from '../../src/factors/registry.ts'
import { embeddedStore, openDirectory } from '../../src/openers.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import type { Store } from '../../src/stores/store.ts'
import { movableClock } from '../support/clock.ts'

export const right: Verdict = {
  verified: true,
  credential: 'c',
  spend: { expected: 1, next: 2 },
  amr: ['otp'],
}
export const who = { accountId: 'maria', clientId: 'rp', primary: { amr: ['pwd'], at: 1 }, rules: noRules }

/** A factor that says what it is told to, and writes down when it was asked. */
const scripted = (calls: string[], judge: (answer: string) => Verdict, change: Partial<Factor>): Factor => ({
  name: 'totp',
  selfEnrolled: true,
  accepts: (answer) => answer !== '',
  begin: async () => ({}),
  async verify(answer) {
    calls.push('verify')
    return judge(answer)
  },
  enrolment: {
    begin: async () => ({ secret: randomBytes(8).toString('hex'), shown: {} }),
    finish: async (answer, draft) =>
      answer === 'right'
        ? {
            confirmed: true,
            secret: draft.secret,
            counter: 1,
            handle: null,
            amr: ['otp'],
            used: true,
          }
        : { confirmed: false, reason: 'wrong' },
  },
  ...change,
})

interface Made {
  directory: Awaited<ReturnType<typeof openDirectory>>
  store: Store
}

/** A challenge on real stores; `calls` has what was done, in order. */
export const open = async (
  judge: (answer: string) => Verdict = () => right,
  change: (made: Made) => Partial<ChallengeParts> = () => ({}),
  factor: Partial<Factor> = {},
) => {
  const calls: string[] = []
  const clock = movableClock()
  const store = embeddedStore(':memory:', clock)
  const directory = await openDirectory('sqlite::memory:')
  const limits = { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 10 }
  const attempts = durableAttempts({ directory, clock, limits })
  const signIns = createSignIns({
    store,
    sealer: createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }]),
    seconds: 900,
  })
  const noting = <Part extends object>(part: Part, names: Record<string, string>): Part =>
    new Proxy(part, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property)
        if (typeof value !== 'function') return value
        return (...words: unknown[]) => {
          const name = names[String(property)]
          if (name) calls.push(name)
          return value.apply(target, words)
        }
      },
    })
  const notices: string[] = []
  const challenge = createChallenge({
    directory: noting(directory, { spend: 'spend' }),
    signIns: noting(signIns, { replace: 'advance' }),
    attempts: noting(attempts, { reserve: 'reserve', settle: 'settle' }),
    factors: registerFactors([scripted(calls, judge, factor)]),
    clock,
    random: (size) => randomBytes(size),
    record: async (type) => void calls.push(`audit ${type}`),
    issuerName: 'Test',
    accountName: async (id) => id,
    notify: async ({ kind }) => void notices.push(kind),
    ...change({ directory, store }),
  })
  const enrolled = async () => {
    await directory.addCredential({
      id: 'c',
      accountId: 'maria',
      factor: 'totp',
      label: '',
      handle: null,
      secret: 's',
      counter: 1,
      createdAt: 0,
      lastUsedAt: null,
    })
  }
  return { challenge, calls, clock, directory, attempts, notices, enrolled, signIns, store }
}
