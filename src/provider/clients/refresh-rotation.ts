import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { OwnProperty } from './own-metadata.ts'

/** Client metadata: whether each use of a refresh token gives a new one. */
export const rotationProperty = 'refresh_token_rotation'

export const rotations = ['unless-sender-constrained', 'always'] as const

export const refreshRotation: OwnProperty = {
  name: rotationProperty,
  check(value) {
    if (value !== undefined && !rotations.some((one) => one === value))
      throw new errors.InvalidClientMetadata(`${rotationProperty} must be one of ${rotations.join(', ')}`)
  },
}

/**
 * Rotates every refresh token that whoever finds it could use (RFC 9700 §2.2.2, §4.14.2): a copy shows as the second use of
 * one that is spent, and ends the grant. One that is of use only with a key may stay, as FAPI 2.0 asks for: that key is the
 * token's own (public clients), or it is asked for beside the client's authentication.
 */
export const rotateRefreshToken = ({ oidc }: KoaContextWithOIDC): boolean => {
  const { RefreshToken: token, Client: client } = oidc.entities
  if (!token || !client) return true
  if ((client as { [rotationProperty]?: unknown })[rotationProperty] === 'always') return true
  const bound =
    client.clientAuthMethod === 'none'
      ? token.isSenderConstrained()
      : client.dpopBoundAccessTokens === true || client.tlsClientCertificateBoundAccessTokens === true
  return !bound
}
