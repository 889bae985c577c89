import type { IncomingMessage } from 'node:http'
import type { Limits } from '../attempts/lockout.ts'
import type { Notice } from '../challenge/challenge.ts'
import type { MessageLimits } from '../challenge/message-limits.ts'
import type { RequestLimits } from '../challenge/request-limits.ts'
import type { Clock } from '../clock.ts'
import type { ContextSettings, TrustSettings } from '../context/devices.ts'
import type { RandomBytes } from '../crypto/random.ts'
import type { Sealer } from '../crypto/sealing.ts'
import type { SecondFactorDirectory, Sighting } from '../directory/directory.ts'
import type { Factor } from '../factors/factor.ts'
import type { Log } from '../log.ts'
import type { Pages } from '../pages/pages.ts'
import type { Ladder } from '../policy/acr.ts'
import type { FactorRuleSet } from '../policy/factor-rules.ts'
import type { SecondFactorMode } from '../policy/policy.ts'
import type { Store } from '../stores/store.ts'
import type { GroupPolicy } from './facts.ts'

export interface SecondFactorOptions {
  /** Durable state: credentials, counts, locks, audit. Secrets are sealed by `sealer` on their way in. */
  directory: SecondFactorDirectory
  /** Short-lived state. One process may use `embeddedStore`, several must share `redisStore`. */
  store: Store
  sealer: Sealer
  /** In the order in which they are offered, best first. */
  factors: readonly Factor[]
  policy?: {
    secondFactor?: SecondFactorMode
    /** Offers a second factor after the sign-in to people who have none and need none; false when absent. */
    offer?: boolean
    ladder?: Ladder
    /** Which factors are required, allowed or forbidden for everybody; those that are not named are allowed. */
    factors?: FactorRuleSet
    /** And for the members of a group. */
    groups?: Readonly<Record<string, GroupPolicy>>
    /** Whether people may ask not to be asked again in a browser, and for how many days; `off` when absent. */
    trustedDevices?: Partial<TrustSettings>
    /** What is made of a sign-in from somewhere unusual: `record` for each signal that is not named. */
    context?: Partial<Omit<ContextSettings, 'reactions'>> & {
      reactions?: Partial<ContextSettings['reactions']>
      /** CIDR networks whose requests have the signal `forbidden-network`. */
      networks?: readonly string[]
    }
  }
  /** The groups that an account is in; asked only where the policy names groups. */
  groups?: (accountId: string) => Promise<readonly string[]>
  /** Where a request comes from; its address and browser when absent, and the proxy believed that the provider believes. */
  sightingOf?: (req: IncomingMessage) => Sighting
  attempts?: Partial<Limits>
  /** Limits of codes that are sent. */
  messages?: Partial<MessageLimits>
  /** Limits of requests to people's phones. */
  requests?: Partial<RequestLimits>
  /**
   * Told when somebody said on their phone that a sign-in was not theirs. That sign-in and its session are ended then, no
   * browser is trusted any more, and requests are silent; a host should ask for a new password. `late`: they say so of a
   * request that nobody had answered in time, so whoever has the password may have come in another way since: a host should end
   * every session, and every sign-in under way but the one whose page says what happened.
   */
  reported?: (accountId: string, late?: { exceptSignIn: string }) => Promise<void>
  /**
   * Told when too many wrong answers have locked somebody's second factor: a host should end all their sessions. When absent
   * the session of the sign-in in which it happened ends, if it has one.
   */
  locked?: (accountId: string) => Promise<void>
  /**
   * Ends a session and all that came of it, but for the sign-in whose uid is given; when absent by the models of oidc-provider,
   * which tell no relying party.
   */
  endSession?: (accountId: string, sessionUid: string, exceptSignIn: string) => Promise<void>
  /** Name of the provider on the pages and in authenticator apps. */
  brand?: { name: string }
  /** What authenticator apps and pages call the account; its id when absent. */
  accountName?: (accountId: string) => Promise<string>
  /** Told when a person's second factor changes, or when they sign in somewhere new, so that a mail can be sent. */
  notify?: (notice: Notice) => Promise<void>
  /** Seconds from the password to the end of the second step; 900 when absent. */
  signInSeconds?: number
  pages?: Pages
  clock?: Clock
  random?: RandomBytes
  log?: Log
  requestId?: () => string | undefined
}
