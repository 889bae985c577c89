import { createHmac } from 'node:crypto'

/**
 * Headers by which a gateway knows that a request is ours, fresh, and no repetition; what it does with them is in
 * sms-webhook/README.md.
 *
 * @param body as it is sent
 * @param at milliseconds since the Unix epoch
 * @param key the same for each try of one message, and for no other
 */
export function signedHeaders(
  secret: string,
  body: string,
  { at, key }: { at: number; key: string },
): Record<string, string> {
  const timestamp = Math.floor(at / 1000)
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
  return {
    'content-type': 'application/json',
    'duepassi-timestamp': String(timestamp),
    'duepassi-signature': `v1=${signature}`,
    'idempotency-key': key,
  }
}

/** @throws Error for a secret that could be guessed. */
export function checkedSecret(secret: string): string {
  if (secret.length < 16) throw new Error('the secret of the webhook is too short')
  return secret
}
