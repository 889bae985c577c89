import type { ClientAuthMethod } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { Config } from '../../config/schema.ts'
import type { CertificateNames } from './client-certificate.ts'
import { checksAuthorities, speaksMtls } from './mtls.ts'
import type { OwnProperty } from './own-metadata.ts'

/**
 * How a client may prove who it is. Not `client_secret_jwt`: it signs with what both sides know, and is no better than
 * the secret itself.
 */
export const clientAuthMethods = (config: Config): ClientAuthMethod[] => [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  ...(checksAuthorities(config) ? ['tls_client_auth' as const] : []),
  ...(speaksMtls(config) ? ['self_signed_tls_client_auth' as const] : []),
  'none',
]

/** Keys that came over http could be anybody's; oidc-provider would take them. A demo on one machine has no https. */
export const keysOverTls = ({ issuer }: Config): OwnProperty => ({
  name: 'jwks_uri',
  check(uri) {
    if (issuer.startsWith('https:') && uri !== undefined && URL.parse(String(uri))?.protocol !== 'https:')
      throw new errors.InvalidClientMetadata('jwks_uri must be a https uri')
  },
})

/** A name that cannot be read would never be found in a certificate. */
export const readableSubject = (names: CertificateNames | undefined): OwnProperty[] => {
  const name = 'tls_client_auth_subject_dn'
  if (names === undefined) return []
  return [
    {
      name,
      check(subject) {
        const fault = subject === undefined ? undefined : names.faultOf(String(subject))
        if (fault !== undefined) throw new errors.InvalidClientMetadata(`${name} ${fault}`)
      },
    },
  ]
}
