import { schema } from '../../src/config/schema.ts'

/** Seconds that the ready provider keeps what oidc-provider makes, by default (src/provider/lifetimes.ts). */
export const lives = schema.shape.lifetimes.parse({})

/** Milliseconds until which a session lives that is used now, and that began with a sign-in at `loginTs` (seconds). */
export const sessionUntil = (now: number, loginTs: number): number =>
  Math.min(now + lives.sessionIdle * 1000, (loginTs + lives.session) * 1000)

/** Milliseconds for which the plugin remembers what proved a session; of an older one it knows the names alone. */
export const kept = 31 * 86_400_000
