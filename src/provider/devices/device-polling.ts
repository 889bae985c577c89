import { createHash } from 'node:crypto'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import type { Store } from '../../stores/store.ts'

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** RFC 8628 §3.5: each time that it is told, it has to wait so much longer. */
const more = 5
/** Seconds; nobody is held up for longer, however wild they ask. */
const longest = 60
/** Milliseconds that a request may take less than the one before it. */
const tolerance = 500

interface Asked {
  at: number
  every: number
}

/**
 * Tells devices how often to ask (`interval`), and those that ask sooner to slow down, which oidc-provider leaves to its
 * host. An answered code is given out however often it was asked for.
 */
export const pacePolling = (
  provider: Provider,
  parts: { store: Store; clock: Clock; log: Log; interval: number; seconds: number },
): void => {
  const { store, clock, log, interval, seconds } = parts

  /** Whether it was asked sooner than it was told to. Of many questions at once one is in time. */
  const isTooSoon = async (deviceCode: string): Promise<boolean> => {
    const key = `dp:${createHash('sha256').update(deviceCode).digest('base64url')}`
    const now = clock.now()
    if (await store.add(key, JSON.stringify({ at: now, every: interval }), seconds)) return false
    const stored = await store.get(key)
    if (stored === undefined) return true
    const { at, every } = JSON.parse(stored) as Asked
    const soon = now - at < every * 1000 - tolerance
    const next = { at: now, every: soon ? Math.min(longest, every + more) : every }
    return !(await store.swap(key, stored, JSON.stringify(next))) || soon
  }

  provider.on('device_authorization.success', (_ctx, body: { interval?: number }) => {
    body.interval = interval
  })
  provider.use(async (ctx, next) => {
    await next()
    const { oidc } = ctx as KoaContextWithOIDC
    if (oidc?.route !== 'token' || oidc.params?.['grant_type'] !== deviceGrant) return
    const body = ctx.body as { error?: string; error_description?: string } | undefined
    if (body?.error !== 'authorization_pending') return
    const soon = await isTooSoon(String(oidc.params['device_code'])).catch((err: unknown) => {
      log.warn({ err }, 'it is not known how often a device asks')
      return false
    })
    if (soon) ctx.body = { error: 'slow_down', error_description: 'wait five seconds longer each time' }
  })
}
