import { z } from 'zod'
import type { OutboundFetch } from '../../outbound/guarded-fetch.ts'
import { checkedAddress } from '../gateway-address.ts'
import { readAnswer, type Transport, transport } from './transport.ts'

export interface NtfyOptions {
  /** The server's root: https, or http on this very machine. */
  url: string
  /** Access token, where the server asks for one. */
  token?: string
  /** Whether the url may name a private address. Default: no. */
  allowPrivate?: boolean
}

/** Whoever knows a topic can read it, so it must be long enough not to be guessed. */
const addressShape = z.object({ kind: z.literal('ntfy'), topic: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/) })

/**
 * A topic on the administrator's ntfy server, by its JSON interface. What a topic does not exist as, ntfy never says.
 *
 * @throws Error when the url will not do
 */
export function ntfy(options: NtfyOptions, request: OutboundFetch): Transport {
  const url = checkedAddress(options.url, options.allowPrivate ?? false)
  return transport('ntfy', addressShape, async ({ topic }, { title, body, navigate }) =>
    readAnswer(
      await request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        },
        body: JSON.stringify({ topic, title, message: body, click: navigate, priority: 4 }),
      }),
    ),
  )
}
