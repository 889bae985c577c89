import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { OutboundFetch } from '../../outbound/guarded-fetch.ts'
import { checkedAddress } from '../gateway-address.ts'
import { checkedSecret, signedHeaders } from '../signed-headers.ts'
import { readAnswer, type Transport, transport } from './transport.ts'

export interface PushWebhookOptions {
  /** Where the administrator's gateway listens: https, or http on this very machine. */
  url: string
  /** Shared with the gateway, 16 characters at least. */
  secret: string
  /** Whether the url may name a private address. Default: no. */
  allowPrivate?: boolean
}

const addressShape = z.object({ kind: z.literal('webhook'), token: z.string().regex(/^[\x21-\x7e]{1,512}$/) })

/**
 * A signed request to a gateway of the administrator's. Only 410 says that a device is gone: a 404 is what a wrong path
 * answers, and would be one for all devices at once.
 *
 * @throws Error when the url or the secret will not do
 */
export function pushWebhook(
  options: PushWebhookOptions,
  { fetch: request, clock }: { fetch: OutboundFetch; clock: Clock },
): Transport {
  const url = checkedAddress(options.url, options.allowPrivate ?? false)
  const secret = checkedSecret(options.secret)
  return transport('webhook', addressShape, async ({ token }, notification) => {
    const { id, expires, title, body, navigate, key } = notification
    const text = JSON.stringify({ token, id, exp: expires, title, body, navigate })
    const response = await request(url, {
      method: 'POST',
      headers: signedHeaders(secret, text, { at: clock.now(), key }),
      body: text,
    })
    return { ...(await readAnswer(response)), gone: response.status === 410 }
  })
}
