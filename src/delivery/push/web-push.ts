import { encryptNotification } from '@block65/webcrypto-web-push'
import type { Clock } from '../../clock.ts'
import type { OutboundFetch } from '../../outbound/guarded-fetch.ts'
import { type Notification, readAnswer, type Transport, transport } from './transport.ts'
import { type VapidKey, vapid } from './vapid.ts'
import { type WebAddress, webAddress } from './web-address.ts'

export interface WebPushOptions {
  vapid: VapidKey
  /** `mailto:` or `https:`, whom a push service can turn to. */
  contact: string
  /** Push services beside those of the browsers: `push.example`, `*.push.example`, `push.example:8443`. */
  hosts?: readonly string[]
}

/**
 * Web Push (RFC 8030), encrypted for the browser (RFC 8291) and always of the same length. UnifiedPush is the same.
 *
 * @throws Error when key, contact or hosts will not do; it does not repeat the key
 */
export function webPush(
  options: WebPushOptions,
  { fetch: request, clock }: { fetch: OutboundFetch; clock: Clock },
): Transport & { applicationServerKey: string } {
  const identity = vapid(options.vapid, options.contact, clock)
  const post = async ({ endpoint, keys }: WebAddress, notification: Notification) => {
    const text = new TextEncoder().encode(payloadOf(notification))
    const response = await request(endpoint, {
      method: 'POST',
      headers: {
        authorization: await identity.authorize(endpoint),
        ttl: String(notification.ttl),
        urgency: 'high',
        // One that waits for the device is replaced by the next: only the last request can be answered.
        topic: 'request',
        'content-encoding': 'aes128gcm',
        'content-type': 'application/octet-stream',
      },
      body: await encryptNotification({ endpoint, keys, expirationTime: null }, text),
    })
    const answer = await readAnswer(response)
    return { ...answer, gone: answer.status === 404 || answer.status === 410 }
  }
  return {
    ...transport('web', webAddress(options.hosts ?? []), post),
    applicationServerKey: identity.applicationServerKey,
  }
}

/** Declarative Web Push (WebKit): shown even where the service worker does not start; others read the same fields. */
const payloadOf = ({ id, expires, title, body, navigate }: Notification): string =>
  JSON.stringify({
    web_push: 8030,
    mutable: true,
    notification: { title, body, navigate, tag: 'request' },
    id,
    exp: expires,
  })
