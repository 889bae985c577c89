import { createHash } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { type RandomBytes, randomId } from '../../crypto/random.ts'
import { checkedSecret, signedHeaders } from '../../delivery/signed-headers.ts'
import type { OutboundFetch } from '../../outbound/guarded-fetch.ts'
import type { Sign } from './remote-key.ts'

export interface HttpSignerOptions {
  kid: string
  alg: string
  url: string
  /** Shared with the signer, 16 characters at least. */
  secret: string
  fetch: OutboundFetch
  clock: Clock
  random: RandomBytes
  /** Milliseconds for one try. Default: 2000. */
  patience?: number
}

const tries = 2

/**
 * A signer behind HTTP, such as a KMS with a small service before it. It gets `{kid, alg, digest}` with the SHA-256 of the
 * signing input, so that it sees no claims (`{kid, alg, input}` for EdDSA, which signs no digest), in a request with the
 * headers of `signedHeaders`, and answers `{signature}`; all base64url. It is asked twice when it does not answer or says
 * 5xx, because the code that somebody redeems is spent by then.
 *
 * @throws Error (rejecting) where it does not sign
 */
export const httpSigner = (options: HttpSignerOptions): Sign => {
  const { kid, alg, url, fetch: request, clock, random, patience = 2_000 } = options
  const secret = checkedSecret(options.secret)

  const ask = (body: string, key: string): Promise<Response> =>
    request(url, {
      method: 'POST',
      headers: signedHeaders(secret, body, { at: clock.now(), key }),
      body,
      signal: AbortSignal.timeout(patience),
    })

  return async (input) => {
    const body = JSON.stringify({
      kid,
      alg,
      ...(alg === 'EdDSA'
        ? { input: input.toString('base64url') }
        : { digest: createHash('sha256').update(input).digest('base64url') }),
    })
    const key = randomId(random)
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await ask(body, key).then(readSignature).catch(asError)
      if (Buffer.isBuffer(outcome)) return outcome
      if (outcome instanceof Refused || attempt === tries) throw outcome
    }
  }
}

/** It answered, and another try would not help. */
class Refused extends Error {}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error('the signer did not answer')

const readSignature = async (answer: Response): Promise<Buffer> => {
  if (answer.status !== 200) {
    await answer.body?.cancel()
    const message = `the signer answered ${answer.status}`
    throw answer.status >= 500 ? new Error(message) : new Refused(message)
  }
  const { signature } = (await answer.json()) as { signature?: unknown }
  if (typeof signature !== 'string') throw new Refused('the signer answered no signature')
  return Buffer.from(signature, 'base64url')
}
