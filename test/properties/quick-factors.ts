import { randomBytes } from 'node:crypto'
import type { Credential } from '../../src/directory/directory.ts'
import type { Assurance, Factor } from '../../src/factors/factor.ts'
import { totp } from '../../src/factors/totp/totp.ts'

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The real one, but for the drawing of its secret, which takes longer than all the rest of a sign-in. */
export const totpWithoutDrawing = (): Factor => {
  const real = totp()
  return {
    ...real,
    enrolment: {
      ...real.enrolment,
      async begin(_own, { random }) {
        const secret = [...random(32)].map((byte) => base32[byte & 31]).join('')
        return { secret, shown: { secret } }
      },
    },
  }
}

/** A key in somebody's hand. */
export interface Key {
  id: string
  /** Verifies who uses it. */
  verifies: boolean
  /** Its maker attests what it is. */
  attested: boolean
  /** May be in other devices as well. */
  synced: boolean
}

/** What a browser sends for a key: signed by it over the question's challenge, or by something else. */
interface Answer {
  key: Key
  challenge: string
  signed: boolean
}

export const answerBy = (key: Key, options: unknown, signed = true): string =>
  JSON.stringify({ key, challenge: (options as { challenge: string }).challenge, signed } satisfies Answer)

const read = (answer: string): Answer | undefined =>
  answer.startsWith('{') ? (JSON.parse(answer) as Answer) : undefined

/** `id`: no two keys are the same. */
type Stored = Pick<Key, 'id' | 'attested' | 'synced'>

const amrOf = ({ attested, synced }: Stored, { verifies }: Key): string[] => [
  'pop',
  'user',
  ...(attested && !synced ? ['hwk'] : []),
  ...(verifies ? ['mfa'] : []),
]

const assuranceOf = ({ attested, synced }: Stored, { verifies }: Key): Assurance => ({
  userVerified: verifies,
  deviceBound: !synced,
  attested,
})

const askedNow = (discoverable: boolean, allowed: readonly Credential[]) => ({
  options: {
    challenge: randomBytes(12).toString('hex'),
    allowed: allowed.map(({ handle }) => handle),
  },
  discoverable,
})

/** Keys without cryptography: what the real ones earn, by the same rules. `attesting`: only attested ones can be set up. */
export const scriptedKeys = (attesting: boolean): Factor => ({
  name: 'webauthn',
  selfEnrolled: true,
  attested: attesting,
  accepts: (answer) => read(answer) !== undefined,
  isAnswerTo: (answer, { options }) =>
    read(answer)?.challenge === (options as { challenge: string }).challenge,
  begin: async (credentials) => askedNow(false, credentials),
  async verify(answer, question, credentials) {
    const { options, discoverable } = question as ReturnType<typeof askedNow>
    const { key, challenge, signed } = read(answer) as Answer
    const credential = credentials.find(({ handle }) => handle === key.id)
    if (!credential || !signed || challenge !== options.challenge) return { verified: false, reason: 'wrong' }
    if (!discoverable && !options.allowed.includes(key.id)) return { verified: false, reason: 'wrong' }
    if (discoverable && !key.verifies) return { verified: false, reason: 'unverified' }
    const stored = JSON.parse(credential.secret) as Stored
    return {
      verified: true,
      credential: credential.id,
      spend: { expected: credential.counter, next: credential.counter + 1 },
      amr: amrOf(stored, key),
      assurance: assuranceOf(stored, key),
    }
  },
  passkey: {
    begin: async () => askedNow(true, []),
    handleOf: (answer) => read(answer)?.key.id,
  },
  enrolment: {
    async begin() {
      const { options } = askedNow(false, [])
      return { secret: options.challenge, shown: { options } }
    },
    async finish(answer, draft) {
      const { key, challenge, signed } = read(answer) as Answer
      if (!signed || challenge !== draft.secret) return { confirmed: false, reason: 'wrong' }
      if (attesting && !key.attested) return { confirmed: false, reason: 'untrusted' }
      const stored: Stored = { id: key.id, attested: attesting && key.attested, synced: key.synced }
      return {
        confirmed: true,
        secret: JSON.stringify(stored),
        counter: 0,
        handle: key.id,
        amr: amrOf(stored, key),
        assurance: assuranceOf(stored, key),
        used: false,
      }
    },
  },
})
