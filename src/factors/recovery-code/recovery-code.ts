import { systemRandom } from '../../crypto/random.ts'
import { createHasher, type Hasher } from '../../passwords/hashing.ts'
import type { Factor } from '../factor.ts'
import { newCode, readCode } from './code.ts'
import { type CodeSet, codesLeft, readSet, verifyRecoveryCode } from './verify.ts'

const howMany = 10

const ownHasher = (): Hasher => createHasher({ queue: 200, random: systemRandom })

/** Codes to keep on paper for the day the phone is lost: look-up secrets of NIST SP 800-63B-4 §3.1.2. */
export const recoveryCodes = ({
  hasher = ownHasher(),
}: {
  hasher?: Pick<Hasher, 'derive'>
} = {}): Factor => ({
  name: 'recovery-code',
  selfEnrolled: false,
  accepts: (answer) => readCode(answer) !== undefined,
  async begin(credentials) {
    return {
      left: credentials.reduce((sum, { secret, counter }) => sum + codesLeft(readSet(secret), counter), 0),
    }
  },
  async verify(answer, _question, credentials) {
    const code = readCode(answer)
    if (code === undefined) return { verified: false, reason: 'malformed' }
    const credential = credentials.at(-1)
    if (!credential) return { verified: false, reason: 'wrong' }
    const set = readSet(credential.secret)
    return verifyRecoveryCode(await hasher.derive(code, Buffer.from(set.salt, 'base64url')), set, credential)
  },
  enrolment: {
    async begin(_own, { random }) {
      const codes = Array.from({ length: howMany }, () => newCode(random))
      const salt = random(16)
      const hashes: Buffer[] = []
      // One after the other: ten at once would fill the queue in which others wait to sign in.
      for (const code of codes) hashes.push(await hasher.derive(readCode(code) as string, salt))
      const set: CodeSet = {
        salt: salt.toString('base64url'),
        hashes: hashes.map((hash) => hash.toString('base64url')),
      }
      return { secret: JSON.stringify(set), shown: { codes } }
    },
    async finish(_answer, { secret }) {
      return { confirmed: true, secret, counter: 0, handle: null, amr: [], used: false }
    },
  },
})
