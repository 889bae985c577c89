import type { Refusal } from '../challenge/challenge.ts'
import type { PageError } from '../pages/views.ts'

/** A refused answer as a page says it: its status, its error, and how long to wait. */

export const waitOf = (refusal: Refusal | undefined): number | undefined => {
  if (!refusal) return undefined
  if (refusal.reason === 'wait') return refusal.seconds
  return refusal.reason === 'elsewhere' ? undefined : refusal.waitSeconds || undefined
}

export const statusOf = (refusal: Refusal | undefined): number => {
  if (!refusal) return 200
  return refusal.reason === 'wait' ? 429 : 422
}

/** By factor and reason; what a factor has no words of its own for is said as for codes. */
const texts = {
  totp: { wrong: 'error.code.wrong', replayed: 'error.code.replayed', malformed: 'error.code.malformed' },
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
} as const

export const errorOf = (refusal: Refusal, factor: keyof typeof texts): PageError => {
  switch (refusal.reason) {
    case 'wait':
      return {
        key: factor === 'webauthn' ? 'error.webauthn.wait' : 'error.code.wait',
        values: { seconds: refusal.seconds },
      }
    case 'elsewhere':
      return { key: 'error.code.another-tab' }
    case 'clock': {
      const offset = refusal.clockOffset ?? 0
      return {
        key: 'error.code.clock',
        values: { seconds: Math.abs(offset), direction: offset > 0 ? 'ahead' : 'behind' },
      }
    }
    case 'unverified':
      return { key: 'error.webauthn.unverified' }
    case 'cloned':
      return { key: 'error.webauthn.cloned' }
    case 'untrusted':
      return { key: 'error.webauthn.untrusted' }
    case 'known':
      return { key: 'error.webauthn.known' }
    case 'malformed':
    case 'replayed':
    case 'wrong':
      return { key: texts[factor][refusal.reason] }
  }
}

/** As a person wrote it, within reason; an authenticator without a name is still told apart by its date. */
export const labelOf = (typed: string | undefined): string =>
  (typed ?? '').normalize('NFC').replace(/\p{C}/gu, '').trim().slice(0, 60)

/** What the page sends: a code that was typed, or what the browser answered for an authenticator. */
export const answerOf = (form: Record<string, string>): string => form['code'] ?? form['response'] ?? ''
