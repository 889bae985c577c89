import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type { Clock } from '../clock.ts'
import { ProviderUnavailable } from './provider-keys.ts'

/** Claims of a verified access token (RFC 9068 §2.2). */
export interface AccessToken extends JWTPayload {
  iss: string
  sub: string
  client_id: string
  aud: string | string[]
  /** Seconds. */
  exp: number
  iat: number
  jti: string
  scope?: string
  acr?: string
  amr?: string[]
  /** When the person last proved who they are; seconds. */
  auth_time?: number
}

/** Signatures by a key that only the provider has: no `none`, and no HMAC, whose key could be the public one. */
const algorithms = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
]

const required = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']

/**
 * Verifies a JWT access token (RFC 9068 §4): type, signature, issuer, audience, lifetime. `cnf` is refused: a token that
 * is bound to a key (RFC 7800) is worth something only with the proof of it, which nobody looks at here.
 *
 * @returns undefined for a token that is none, or not for this audience
 * @throws ProviderUnavailable where the keys cannot be had, or not be used
 */
export const verifyAccessToken = async (
  token: string,
  {
    issuer,
    audience,
    clock,
    findKey,
  }: { issuer: string; audience: string; clock: Clock; findKey: JWTVerifyGetKey },
): Promise<AccessToken | undefined> => {
  try {
    const { payload } = await jwtVerify(token, findKey, {
      algorithms,
      typ: 'at+jwt',
      issuer,
      audience,
      requiredClaims: required,
      currentDate: new Date(clock.now()),
    })
    return 'cnf' in payload || typeof payload.sub !== 'string' ? undefined : (payload as AccessToken)
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    // A key that cannot be used (too short, off its curve) is a fault of the provider, not of the token.
    throw error instanceof ProviderUnavailable ? error : new ProviderUnavailable(error)
  }
}
