import { createHash } from 'node:crypto'
import { errors, type Provider } from 'oidc-provider'
import { passingAttempts } from '../../attempts/attempts.ts'
import type { Clock } from '../../clock.ts'
import { networkOf } from '../../context/address.ts'
import type { Store } from '../../stores/store.ts'

/** RFC 8628 §6.1: letters that spell no words and that nobody takes for one another. */
export const charset = 'base-20'
export const mask = '****-****'
const isUserCode = (normalized: string): boolean => /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(normalized)

/** Seconds; what is counted is forgotten with its window. */
const window = 600

/** Wrong codes came too often, from there or from everybody. */
export class TooManyCodes extends errors.OIDCProviderError {
  /** Seconds to wait. */
  readonly seconds: number
  constructor(seconds: number) {
    super(429, 'slow_down')
    this.seconds = seconds
  }
}

export interface Guesser {
  address: string | null
  /** Absent where nobody is signed in. */
  accountId: string | undefined
}

/**
 * How often codes that do not exist may be entered (RFC 8628 §5.1). A right one gives back what it was counted for and no
 * more: who has codes of their own wins no further guesses by them.
 */
export const createGuesses = (parts: {
  store: Store
  clock: Clock
  fromOneAddress: number
  inTotal: number
}) => {
  const { store, clock } = parts
  const attempts = (most: number) =>
    passingAttempts({ store, clock, limits: { freeFailures: most, firstWait: window, longestWait: window } })
  const [ofOne, ofAll] = [attempts(parts.fromOneAddress), attempts(parts.inTotal)]

  return {
    /**
     * Counts one, before it is judged. Of whoever is signed in (`accountId`) it is their own that count, wherever they are, and
     * not those of everybody: a stranger with many addresses must not be able to keep people from their devices.
     *
     * @throws TooManyCodes where none is judged now
     */
    async reserve({ address, accountId }: Guesser): Promise<{ giveBack(): Promise<void> }> {
      const now = Math.floor(clock.now() / 1000)
      const name = `device-code:${Math.floor(now / window)}`
      const left = window - (now % window)
      const network = address === null ? 'unknown' : networkOf(address)
      const from = createHash('sha256')
        .update(accountId === undefined ? network : `account:${accountId}`)
        .digest('base64url')
      const here = await ofOne.reserve(from, name)
      if (here.kind !== 'judge') throw new TooManyCodes(left)
      if (accountId !== undefined) return { giveBack: () => ofOne.giveBack(from, name, here.failures) }
      const everywhere = await ofAll.reserve('all', name)
      if (everywhere.kind !== 'judge') {
        await ofOne.giveBack(from, name, here.failures)
        throw new TooManyCodes(left)
      }
      return {
        async giveBack() {
          await ofOne.giveBack(from, name, here.failures)
          await ofAll.giveBack('all', name, everywhere.failures)
        },
      }
    },
  }
}

/**
 * Every look for a user code is counted, and a code whose sign-in was begun and left is as good as before: whoever closed
 * the window, or goes on in another browser, enters it again. The first answer is the only one (`mustBeUnanswered` of
 * the adapter), so nothing is won by a second sign-in with the same code.
 */
export const guardUserCodes = (
  provider: Provider,
  guesses: ReturnType<typeof createGuesses>,
  guesser: () => Guesser,
): void => {
  const { DeviceCode } = provider
  const original = DeviceCode.findByUserCode.bind(DeviceCode)
  DeviceCode.findByUserCode = async (userCode, options) => {
    // A slip of the finger is no guess.
    if (!isUserCode(userCode)) return undefined
    const { giveBack } = await guesses.reserve(guesser())
    const found = await original(userCode, options)
    if (!found) return undefined
    await giveBack()
    if (!found.accountId && !found.error) delete found.inFlight
    return found
  }
}
