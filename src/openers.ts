import type { IncomingMessage } from 'node:http'
import { type AuthenticatorPages, createAuthenticatorPages } from './authenticator/authenticator-pages.ts'
import { type Clock, systemClock } from './clock.ts'
import { clientAddress } from './context/address.ts'
import { pushDelivery } from './delivery/push/push-delivery.ts'
import type { VapidKey } from './delivery/push/vapid.ts'
import { type SqlDirectory, sqlDirectory } from './directory/sql/sql-directory.ts'
import type { Factor } from './factors/factor.ts'
import { push as pushFactor } from './factors/push/push.ts'
import { platformPresence } from './factors/webauthn/platform.ts'
import { type Log, silentLog } from './log.ts'
import { createGuardedFetch } from './outbound/guarded-fetch.ts'
import type { SecondFactor } from './plugin/second-factor.ts'
import { embeddedStore as embedded } from './stores/embedded/embedded-store.ts'
import { redisStore as redis } from './stores/redis/redis-store.ts'
import type { Store } from './stores/store.ts'

/** Opens the implementations for hosts of the plugin; `compose.ts` does so for the ready provider. */

/** Durable state in `sqlite:<file>` or `postgres://…`, brought up to date first. */
export const openDirectory = async (url: string): Promise<SqlDirectory> => {
  const directory = await sqlDirectory({ url })
  await directory.migrate()
  return directory
}

/** Short-lived state of one process, in a file or in memory (`:memory:`). */
export const embeddedStore = (file: string, clock: Clock = systemClock): Store => embedded({ file, clock })

/** Short-lived state shared by several processes. */
export const redisStore = (url: string): Store => redis({ url, tls: false, prefix: '' })

export interface PushAppOptions {
  issuer: string
  /** A private EC JWK on P-256, by which push services know this server (RFC 8292); without it nobody is notified. */
  vapid?: VapidKey
  /** `mailto:` or `https:`, whom a push service can turn to; the issuer when absent. */
  contact?: string
  /** Push services besides those of the browsers. */
  hosts?: readonly string[]
  /** Digits of the number that is typed on the phone; 2 when absent, 6 for NIST SP 800-63B-4 §3.1.3.2. */
  digits?: 2 | 3 | 6
  clock?: Clock
  log?: Log
}

/** Approval in the authenticator app, which `authenticatorApp` serves. */
export const push = ({
  issuer,
  vapid,
  contact = issuer,
  hosts,
  digits = 2,
  clock = systemClock,
  log = silentLog,
}: PushAppOptions): Factor => {
  const { origin, hostname } = new URL(issuer)
  return pushFactor({
    issuer,
    digits,
    presence: platformPresence({ rpId: hostname, origins: [origin] }),
    delivery: pushDelivery({
      issuer,
      transports: vapid ? { web: { vapid, contact, ...(hosts && { hosts }) } } : {},
      fetch: createGuardedFetch(),
      clock,
      log,
    }),
  })
}

/**
 * The authenticator app and its API at `/authenticator/` beneath the issuer: answers, or resolves with false, having done
 * nothing, for any other address.
 */
export const authenticatorApp = ({
  issuer,
  mfa,
  brand = { name: 'Duepassi' },
  proxy = false,
  log = silentLog,
}: {
  issuer: string
  mfa: Pick<SecondFactor, 'authenticators'>
  brand?: { name: string }
  /** A proxy of yours stands before the server, and says where requests come from. */
  proxy?: boolean
  log?: Log
}): AuthenticatorPages =>
  createAuthenticatorPages({
    issuer,
    brand,
    authenticators: mfa.authenticators,
    addressOf: (req: IncomingMessage) => clientAddress(req, proxy),
    log,
  })
