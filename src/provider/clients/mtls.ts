import type { X509Certificate } from 'node:crypto'
import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Config } from '../../config/schema.ts'
import {
  type CertificateNames,
  onlyValue,
  readCertificate,
  type SubjectProperty,
} from './client-certificate.ts'
import type { OwnProperty } from './own-metadata.ts'

type Mtls = NonNullable<NonNullable<Configuration['features']>['mTLS']>

/** Whether certificates are believed: a proxy hands them over, and it is a proxy that is trusted. */
export const speaksMtls = ({ proxy, protocol }: Config): boolean =>
  proxy && protocol.mtls.certificateHeader !== undefined

/** `tls_client_auth` needs somebody who checked the certificate against authorities, which is the proxy. */
export const checksAuthorities = (config: Config): boolean =>
  speaksMtls(config) && config.protocol.mtls.verifiedHeader !== undefined

/** What compares names in certificates, where clients are known by these; undefined where nobody is. */
export const openNames = async (config: Config): Promise<CertificateNames | undefined> =>
  checksAuthorities(config) ? (await import('./certificate-names.ts')).certificateNames : undefined

/**
 * Client authentication and tokens bound to certificates (RFC 8705). Duepassi ends no TLS: the proxy writes the
 * certificate into a header, and removes that header from what others send. What is not exactly one certificate is none.
 */
export const mTLS = (config: Config, names: CertificateNames | undefined): Mtls => {
  const { certificateHeader = '', verifiedHeader } = config.protocol.mtls
  if (!speaksMtls(config)) return { enabled: false }
  const certificateOf = ({ req }: KoaContextWithOIDC): X509Certificate | undefined => {
    const value = onlyValue(req, certificateHeader)
    return value === undefined ? undefined : readCertificate(value)
  }
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: checksAuthorities(config),
    getCertificate: certificateOf,
    certificateAuthorized: ({ req }: KoaContextWithOIDC) =>
      verifiedHeader !== undefined && onlyValue(req, verifiedHeader) === 'SUCCESS',
    certificateSubjectMatches(ctx: KoaContextWithOIDC, property: SubjectProperty, expected: string) {
      const certificate = certificateOf(ctx)
      return certificate !== undefined && names?.carries(certificate, property, expected) === true
    },
  }
}

/**
 * Without it oidc-provider knows nothing of the property, and would give tokens that are bound to nothing to a client that
 * is registered for bound ones.
 */
export const noBoundTokensWithout = (config: Config): OwnProperty[] => {
  const name = 'tls_client_certificate_bound_access_tokens'
  if (speaksMtls(config)) return []
  return [
    {
      name,
      check(value) {
        if (value !== undefined && value !== false)
          throw new errors.InvalidClientMetadata(`${name} needs protocol.mtls`)
      },
    },
  ]
}

const endpoints = {
  token_endpoint: '/token',
  revocation_endpoint: '/token/revocation',
  introspection_endpoint: '/token/introspection',
  pushed_authorization_request_endpoint: '/request',
  userinfo_endpoint: '/me',
  device_authorization_endpoint: '/device/auth',
  backchannel_authentication_endpoint: '/backchannel',
}

/** Where clients with certificates go, if not to the issuer (RFC 8705 §5): browsers would be asked for one there. */
export const mtlsAliases = (config: Config): Record<string, unknown> => {
  const origin = config.protocol.mtls.origin?.replace(/\/$/, '')
  if (!speaksMtls(config) || origin === undefined) return {}
  const at = Object.entries(endpoints).map(([name, path]) => [name, `${origin}${path}`])
  return { mtls_endpoint_aliases: Object.fromEntries(at) }
}
