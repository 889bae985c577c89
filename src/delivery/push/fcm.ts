import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { OutboundFetch } from '../../outbound/guarded-fetch.ts'
import { type ServiceAccount, serviceAccount } from './google-account.ts'
import { parsed } from './parsed.ts'
import { type Notification, type Transport, transport } from './transport.ts'

export interface FcmOptions {
  account: ServiceAccount
}

const addressShape = z.object({ kind: z.literal('fcm'), token: z.string().regex(/^[\w:.-]{20,1024}$/) })
const errorShape = z.object({
  error: z.object({ details: z.array(z.looseObject({ errorCode: z.string().optional() })) }),
})

/**
 * Firebase Cloud Messaging, HTTP v1. A 404 counts as *gone* only where it says so of the device: a project that is wrong is
 * answered with one too.
 *
 * @throws Error for something that is no service account
 */
export function fcm(
  options: FcmOptions,
  { fetch: request, clock }: { fetch: OutboundFetch; clock: Clock },
): Transport {
  const scope = 'https://www.googleapis.com/auth/firebase.messaging'
  const { projectId, token } = serviceAccount(options.account, scope, { fetch: request, clock })
  const url = `https://fcm.googleapis.com/v1/projects/${projectId}/messages:send`
  return transport('fcm', addressShape, async (address, notification) => {
    const access = await token.read()
    const response = await request(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${access}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: messageTo(address.token, notification) }),
    })
    const { data } = errorShape.safeParse(parsed(await response.text()))
    if (response.status === 401) token.forget(access)
    const reason = data?.error.details.find(({ errorCode }) => errorCode !== undefined)?.errorCode
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      gone: reason === 'UNREGISTERED',
      reason,
    }
  })
}

const messageTo = (token: string, { id, expires, ttl, title, body }: Notification) => ({
  token,
  notification: { title, body },
  data: { id, exp: String(expires) },
  android: {
    priority: 'HIGH',
    ttl: `${ttl}s`,
    collapse_key: 'request',
    notification: { tag: 'request' },
  },
})
