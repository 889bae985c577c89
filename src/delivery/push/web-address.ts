import { ECDH } from 'node:crypto'
import { z } from 'zod'
import { hostList } from '../../outbound/host-list.ts'

/** Push services of the browsers: Chromium, Firefox, Safari, Edge on Windows. */
export const usualHosts = [
  'fcm.googleapis.com',
  '*.push.services.mozilla.com',
  '*.push.apple.com',
  '*.notify.windows.com',
] as const

/** Longer than any push service's own, WNS included. */
const longestEndpoint = 2_048

/**
 * A `PushSubscription` as a browser gives it (W3C Push API §8), at a push service that is listed.
 *
 * @param hosts as `hostList` reads them, beside the usual ones
 * @throws Error for an entry that is no host
 */
export const webAddress = (hosts: readonly string[]) => {
  const isListed = hostList([...usualHosts, ...hosts])
  return z.object({
    kind: z.literal('web'),
    endpoint: z
      .string()
      .max(longestEndpoint)
      .transform((text, context) => {
        const url = URL.parse(text)
        if (url && isPushResource(url) && isListed(url)) return url.href
        context.addIssue('not an endpoint')
        return z.NEVER
      }),
    keys: z.object({
      p256dh: z.string().max(100).refine(isPoint),
      auth: z
        .string()
        .max(30)
        .refine((text) => bytesOf(text)?.length === 16),
    }),
  })
}

export type WebAddress = z.infer<ReturnType<typeof webAddress>>

const isPushResource = ({ protocol, username, password, hash }: URL): boolean =>
  protocol === 'https:' && username === '' && password === '' && hash === ''

/** Unpadded base64url in its only spelling. */
function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

/** RFC 8291 §3.1: uncompressed, and really on the curve, lest the shared secret be one that others know. */
function isPoint(text: string): boolean {
  const bytes = bytesOf(text)
  if (bytes?.length !== 65 || bytes[0] !== 4) return false
  try {
    ECDH.convertKey(bytes, 'prime256v1')
    return true
  } catch {
    return false
  }
}
