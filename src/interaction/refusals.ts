import type { Refusal } from '../challenge/challenge.ts'
import type { Enrolling } from '../challenge/machine.ts'
import type { FactorName, Rejection } from '../factors/factor.ts'
import type { PageError, PlainErrorKey } from '../pages/views.ts'

/** A refused answer as a page says it: its status, its error, and how long to wait. */

export const waitOf = (refusal: Refusal | undefined): number | undefined => {
  if (!refusal) return undefined
  if (refusal.reason === 'wait') return refusal.seconds
  return 'waitSeconds' in refusal ? refusal.waitSeconds || undefined : undefined
}

export const statusOf = (refusal: Refusal | undefined): number => {
  if (!refusal) return 200
  return refusal.reason === 'wait' || refusal.reason === 'pause' ? 429 : 422
}

const sentCode: Partial<Record<Rejection, PlainErrorKey>> = {
  wrong: 'error.message.wrong',
  replayed: 'error.message.replayed',
  malformed: 'error.message.malformed',
  known: 'error.message.known',
}

/** By factor and reason; what a factor has no words of its own for is said as for codes. */
const words: Readonly<Record<FactorName, Partial<Record<Rejection, PlainErrorKey>>>> = {
  totp: {},
  'recovery-code': {
    wrong: 'error.recovery.wrong',
    replayed: 'error.recovery.used',
    malformed: 'error.recovery.malformed',
  },
  webauthn: {
    wrong: 'error.webauthn.failed',
    replayed: 'error.webauthn.failed',
    malformed: 'error.webauthn.failed',
  },
  push: {
    wrong: 'error.push.wrong',
    replayed: 'error.push.over',
    malformed: 'error.push.malformed',
    expired: 'error.push.over',
    unsent: 'error.push.unsent',
    unverified: 'error.push.unverified',
    untrusted: 'error.push.untrusted',
    known: 'error.push.known',
  },
  sms: sentCode,
  email: sentCode,
  'hardware-token': {
    wrong: 'error.token.wrong',
    replayed: 'error.token.replayed',
    malformed: 'error.token.malformed',
    expired: 'error.token.expired',
    known: 'error.token.unknown',
  },
}

const general: Readonly<Record<Exclude<Rejection, 'clock'>, PlainErrorKey>> = {
  wrong: 'error.code.wrong',
  replayed: 'error.code.replayed',
  malformed: 'error.code.malformed',
  expired: 'error.message.expired',
  unsent: 'error.message.unsent',
  unknown: 'error.token.unknown',
  'not-allowed': 'error.message.not-allowed',
  unverified: 'error.webauthn.unverified',
  cloned: 'error.webauthn.cloned',
  untrusted: 'error.webauthn.untrusted',
  known: 'error.webauthn.known',
}

const waits: Partial<Record<FactorName, 'error.webauthn.wait' | 'error.push.wait'>> = {
  webauthn: 'error.webauthn.wait',
  push: 'error.push.wait',
}

/** Whether somebody who sets a factor up has to say first where its codes are to go. */
export const expectsAddress = ({ draft }: Pick<Enrolling, 'draft'>): boolean =>
  draft.shown['step'] === 'address'

export const errorOf = (refusal: Refusal, factor: FactorName, isAddress = false): PageError => {
  switch (refusal.reason) {
    case 'wait':
      return {
        key: waits[factor] ?? 'error.code.wait',
        values: { seconds: refusal.seconds },
      }
    case 'pause':
      return {
        key: factor === 'push' ? 'error.push.pause' : 'error.message.pause',
        values: { seconds: refusal.seconds },
      }
    case 'undelivered':
      return { key: 'error.message.undelivered' }
    case 'elsewhere':
      return { key: 'error.code.another-tab' }
    case 'clock': {
      // Nobody can set it; two codes tell how far off it is.
      if (factor === 'hardware-token') return { key: 'error.token.clock' }
      const offset = refusal.clockOffset ?? 0
      return {
        key: 'error.code.clock',
        values: { seconds: Math.abs(offset), direction: offset > 0 ? 'ahead' : 'behind' },
      }
    }
    default:
      // A number that cannot be one is not a code that is too short.
      if (isAddress && refusal.reason === 'malformed')
        return { key: factor === 'sms' ? 'error.message.number' : 'error.message.address' }
      return { key: words[factor][refusal.reason] ?? general[refusal.reason] }
  }
}

/** As a person wrote it, within reason; an authenticator without a name is still told apart by its date. */
export const labelOf = (typed: string | undefined): string =>
  (typed ?? '').normalize('NFC').replace(/\p{C}/gu, '').trim().slice(0, 60)

/** What the page sends: a code that was typed, of a token with its serial number, or what the browser answered for a key. */
export const answerOf = (form: Record<string, string>): string => {
  const answer = form['code'] ?? form['response'] ?? ''
  return form['serial'] === undefined ? answer : `${form['serial'].trim()} ${answer}`
}
