import { type Client, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Clock } from '../../clock.ts'
import { fapiSignatures, isFapi } from './fapi.ts'
import { isKeyStillPublished, refreshKeys } from './withdrawn-keys.ts'

type Features = NonNullable<Configuration['features']>
type RequestObjects = NonNullable<Features['requestObjects']>
type CheckAssertion = NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']>

/** Seconds for which an assertion or a request object may be good: what is used once, and at once, needs no more. */
const longest = 3600

/** One JWT of a client is not taken for another of its kinds (RFC 8725 §3.11); `JWT` says nothing. */
const isTyped = (typ: unknown, wanted: string): boolean =>
  typ === undefined || ['jwt', wanted, `application/${wanted}`].includes(String(typ).toLowerCase())

/** Beyond what oidc-provider checks of `private_key_jwt`: issuer, audience, `exp`, and that its `jti` is new. */
export const assertionRules =
  (clock: Clock): CheckAssertion =>
  async (ctx, claims, header, client) => {
    if (!isTyped(header['typ'], 'client-authentication+jwt'))
      throw new errors.InvalidClientAuth('the assertion is a JWT of another kind')
    if (Number(claims['exp']) - clock.now() / 1000 > longest)
      throw new errors.InvalidClientAuth('the assertion is good for more than an hour')
    if (!(await isKeyStillPublished(client, String(ctx.oidc.params?.['client_assertion']), clock)))
      throw new errors.InvalidClientAuth('the assertion is signed with a key that was withdrawn')
    if (!isFapi(client)) return
    if (claims['aud'] !== ctx.oidc.issuer)
      throw new errors.InvalidClientAuth('audience (aud) must equal the issuer identifier url')
    if (!fapiSignatures.includes(String(header['alg'])))
      throw new errors.InvalidClientAuth('the assertion is signed with an alg that FAPI 2.0 does not allow')
  }

/**
 * Request objects by value (JAR, RFC 9101); oidc-provider checks signature, issuer, audience and times. Where they are
 * demanded they must end soon: a signed request that serves for ever is a sign-in that its client did not begin.
 */
export const requestObjects = (clock: Clock): RequestObjects => ({
  enabled: true,
  assertJwtClaimsAndHeader: async (ctx, claims, header, client) => {
    if (!isTyped(header['typ'], 'oauth-authz-req+jwt'))
      throw new errors.InvalidRequestObject('the Request Object is a JWT of another kind')
    // RFC 9101 §10.8: with its client as `sub` it would do as an assertion of that client.
    if (claims['sub'] === client.clientId)
      throw new errors.InvalidRequestObject("Request Object must not have the client as its 'sub' claim")
    // What was pushed lies here unsigned, and was checked when it came.
    const pushed = ctx.oidc.entities.PushedAuthorizationRequest !== undefined
    if (!pushed) await refreshKeys(client, clock)
    const needed = neededClaims(ctx, client)
    const absent = needed.find((claim) => claims[claim] === undefined)
    if (absent !== undefined)
      throw new errors.InvalidRequestObject(`Request Object is missing the '${absent}' claim`)
    if (needed.length === 0) return
    const since = Number(claims['nbf'] ?? claims['iat'] ?? clock.now() / 1000)
    const life = Number(claims['exp']) - since
    if (!(life > 0 && life <= longest))
      throw new errors.InvalidRequestObject("Request Object 'exp' claim too far from 'nbf' claim")
    if (isFapi(client) && !pushed && !fapiSignatures.includes(String(header['alg'])))
      throw new errors.InvalidRequestObject('FAPI 2.0 does not allow this alg')
  },
})

const neededClaims = ({ oidc }: KoaContextWithOIDC, client: Client): string[] => [
  // CIBA Core 1.0 §7.1.1.
  ...(oidc.route === 'backchannel_authentication' ? ['exp', 'iat', 'nbf', 'jti'] : []),
  // FAPI 2.0 Message Signing §5.3.1.
  ...(isFapi(client) ? ['exp', 'aud', 'nbf'] : []),
  ...(client.requireSignedRequestObject === true ? ['exp'] : []),
]
