import { importPKCS8, SignJWT } from 'jose'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { OutboundFetch } from '../../outbound/guarded-fetch.ts'
import { parsed } from './parsed.ts'
import { type RenewedToken, renewedToken } from './renewed-token.ts'

/** The file that Google gives for a service account; what else is in it is not read. */
export interface ServiceAccount {
  project_id: string
  client_email: string
  /** PKCS #8, PEM. */
  private_key: string
  private_key_id?: string
  /** Default: https://oauth2.googleapis.com/token */
  token_uri?: string
}

const shape = z.object({
  project_id: z.string().regex(/^[a-z0-9:.-]{1,100}$/),
  client_email: z.string().min(3),
  private_key: z.string().includes('PRIVATE KEY'),
  private_key_id: z.string().optional(),
  token_uri: z.url({ protocol: /^https$/ }).default('https://oauth2.googleapis.com/token'),
})
const grantShape = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })

/** Milliseconds before its end at which a token is not used any more. */
const margin = 60_000

/**
 * Access tokens by a signed JWT (RFC 7523 §2.1), kept until shortly before they expire.
 *
 * @throws Error for something that is no service account; it does not repeat it
 */
export function serviceAccount(
  given: ServiceAccount,
  scope: string,
  { fetch: request, clock }: { fetch: OutboundFetch; clock: Clock },
): { projectId: string; token: RenewedToken } {
  const { data: account } = shape.safeParse(given)
  if (!account) throw new Error('this is not the file of a service account')
  const ask = async () => {
    const now = clock.now()
    const key = await importPKCS8(account.private_key, 'RS256')
    const assertion = await new SignJWT({ scope })
      .setProtectedHeader({
        typ: 'JWT',
        alg: 'RS256',
        ...(account.private_key_id && { kid: account.private_key_id }),
      })
      .setIssuer(account.client_email)
      .setAudience(account.token_uri)
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(Math.floor(now / 1000) + 3_600)
      .sign(key)
    const response = await request(account.token_uri, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion,
      }).toString(),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`the token endpoint answered ${response.status}`)
    const { data: grant } = grantShape.safeParse(parsed(text))
    if (!grant) throw new Error('the token endpoint answered without a token')
    return { token: grant.access_token, until: now + grant.expires_in * 1000 - margin }
  }
  return { projectId: account.project_id, token: renewedToken(ask, clock) }
}
