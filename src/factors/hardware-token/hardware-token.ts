import type { Factor } from '../factor.ts'
import { readAnswer } from './code.ts'
import { readToken } from './credential.ts'
import { beginActivation, finishActivation, type TokenInventory } from './enrolment.ts'
import { usual, verifyTokens } from './verify.ts'

export type { TokenInventory } from './enrolment.ts'
export { resynchronise } from './verify.ts'

export interface HardwareTokenOptions {
  inventory: TokenInventory
  /** Whoever has a token in hand may activate it by its serial number when nobody has it yet; off. */
  selfService?: boolean
  /** Counters by which a single HOTP code may be ahead; 10. */
  lookAhead?: number
  /** Time steps accepted on either side of where the token's clock should be; 1, and 0 is strict. */
  window?: 0 | 1
}

/**
 * Tokens that an organisation hands out: HOTP (RFC 4226), TOTP (RFC 6238) and Yubico OTP. A question is
 * `{ authenticators, kinds }`: their names, and which kinds there are among them.
 */
export const hardwareTokens = ({
  inventory,
  selfService = false,
  lookAhead = usual.lookAhead,
  window = usual.window,
}: HardwareTokenOptions): Factor => {
  const tolerance = { lookAhead, window }
  const activation = { inventory, selfService, tolerance }
  return {
    name: 'hardware-token',
    selfEnrolled: true,
    accepts: (answer) => readAnswer(answer) !== undefined,
    async begin(credentials) {
      return {
        authenticators: credentials.map(({ label }) => label),
        kinds: [...new Set(credentials.map((credential) => readToken(credential).kind))].sort(),
      }
    },
    async verify(answer, _question, credentials, { now }) {
      return verifyTokens(answer, credentials, now, tolerance)
    },
    enrolment: {
      counted: true,
      kept: async ({ handle, accountId }) => {
        if (handle !== null) await inventory.claim?.(handle, accountId)
      },
      begin: (own, context) => beginActivation(own, context, activation),
      finish: (answer, draft, context) => finishActivation(answer, draft, context, activation),
    },
  }
}
