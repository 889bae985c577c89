import type { Config } from '../../config/schema.ts'
import { isConfigured, isSignedElsewhere, signatureAlgorithms } from './algorithms.ts'
import type { Keep, Line, Schedule } from './key-stages.ts'
import { cookieAlgorithm } from './new-key.ts'

const hour = 3_600_000
const day = 24 * hour

/** How the configuration wants keys to follow one another. */
export const scheduleOf = ({ keys: { rotation } }: Config): Schedule => ({
  every: rotation.everyDays === null ? null : rotation.everyDays * day,
  publish: rotation.publishHours * hour,
})

/** Never shorter than what the key signed is good for: a session must outlive the change of the key of its cookie. */
export const keepOf = ({ keys: { rotation }, lifetimes }: Config): Keep => {
  const kept = rotation.keepDays * day
  const sessions = [lifetimes.session, ...Object.values(lifetimes.levels).map(({ session }) => session ?? 0)]
  return {
    signing: Math.max(kept, 1000 * Math.max(lifetimes.idToken, lifetimes.accessToken)),
    cookies: Math.max(kept, 1000 * Math.max(lifetimes.interaction, ...sessions)),
  }
}

export const cookieLine: Line = { use: 'cookies', alg: cookieAlgorithm }

/** Where a key of the ring signs, or would; not where a machine of somebody else's always does. */
export const ringLines = (config: Config): Line[] => [
  ...signatureAlgorithms(config)
    .filter((alg) => !isSignedElsewhere(config, alg))
    .map((alg): Line => ({ use: 'signing', alg })),
  cookieLine,
]

/** Whether a configured key signs as long as the ring has none. */
export const isServedBy =
  (config: Config) =>
  ({ use, alg }: Line): boolean =>
    use === 'cookies' ? config.keys.cookies !== undefined : isConfigured(config, alg)
