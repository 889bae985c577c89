import { isIP } from 'node:net'
import type { Config } from '../config/schema.ts'
import type { RandomBytes } from '../crypto/random.ts'
import { clientAuthMethods } from '../provider/clients/client-authentication.ts'
import { readKeys } from './client-keys.ts'
import { Refusal } from './io.ts'

/** How a relying party proves who it is. */
export interface AuthenticationOptions {
  public: boolean
  auth?: string
  jwks?: string
  jwksUri?: string
  tlsSubject?: string
}

export const authenticationMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const

const usual = 'client_secret_basic'

/** By its own keys, which are registered. */
const byKeys = ['private_key_jwt', 'self_signed_tls_client_auth']

const kindsOfName: Readonly<Record<string, readonly [property: string, fits: (name: string) => boolean]>> = {
  dns: ['tls_client_auth_san_dns', (name) => /^[\w-]+(\.[\w-]+)*$/.test(name)],
  uri: ['tls_client_auth_san_uri', (name) => URL.canParse(name)],
  ip: ['tls_client_auth_san_ip', (name) => isIP(name) !== 0],
  email: ['tls_client_auth_san_email', (name) => /^[^@\s]+@[^@\s]+$/.test(name)],
}

/** `dns:…`, `uri:…`, `ip:…`, `email:…`, or a distinguished name (RFC 8705 §2.1.2). */
const subjectOf = async (subject: string): Promise<Record<string, string>> => {
  const [, kind = '', name = ''] = /^([a-z]+):(.*)$/.exec(subject) ?? []
  const [property, fits] = kindsOfName[kind] ?? []
  if (property && fits?.(name)) return { [property]: name }
  const { certificateNames } = await import('../provider/clients/certificate-names.ts')
  const fault = property ? 'has no such name after its colon' : certificateNames.faultOf(subject)
  if (fault === undefined) return { tls_client_auth_subject_dn: subject }
  throw new Refusal(
    `The --tls-subject ${subject} ${fault}. It is neither a distinguished name such as CN=bank,O=The Bank,C=IT, nor dns:, uri:, ip: or email: with a name.`,
  )
}

const checkUri = (uri: string): void => {
  const url = URL.parse(uri)
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '' || uri.includes('#'))
    throw new Refusal('The --jwks-uri must be https, without credentials and fragment.')
}

/** Where its public keys are, if it has any. */
const keysOf = ({ jwks, jwksUri }: AuthenticationOptions): Record<string, unknown> => {
  if (jwks !== undefined && jwksUri !== undefined)
    throw new Refusal('The keys are given twice: --jwks and --jwks-uri.')
  if (jwksUri !== undefined) checkUri(jwksUri)
  return {
    ...(jwks !== undefined && { jwks: readKeys(jwks) }),
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
  }
}

/** Client metadata, with a secret of 256 bits where one is what it proves itself with. */
export const authenticationOf = async (
  options: AuthenticationOptions,
  random: RandomBytes,
): Promise<Record<string, unknown>> => {
  const { auth: method = usual, tlsSubject } = options
  if (!authenticationMethods.some((one) => one === method))
    throw new Refusal(`There is no --auth ${method}; there are ${authenticationMethods.join(', ')}.`)
  if (options.public && options.auth !== undefined)
    throw new Refusal('--public says that it proves nothing: leave out --auth.')
  const keys = keysOf(options)
  if (byKeys.includes(method) && Object.keys(keys).length === 0)
    throw new Refusal(`--auth ${method} needs --jwks or --jwks-uri.`)
  const registered = (keys['jwks'] as ReturnType<typeof readKeys> | undefined)?.keys
  if (method === 'self_signed_tls_client_auth' && registered?.every(({ x5c }) => x5c === undefined))
    throw new Refusal('--auth self_signed_tls_client_auth needs a certificate (x5c) in its --jwks.')
  if ((method === 'tls_client_auth') !== (tlsSubject !== undefined))
    throw new Refusal(
      tlsSubject === undefined
        ? '--auth tls_client_auth needs a --tls-subject.'
        : '--tls-subject needs --auth tls_client_auth.',
    )
  return {
    token_endpoint_auth_method: options.public ? 'none' : method,
    ...(!options.public &&
      method.startsWith('client_secret') && { client_secret: random(32).toString('base64url') }),
    ...keys,
    ...(tlsSubject !== undefined && (await subjectOf(tlsSubject))),
  }
}

/** @throws Refusal for what the configuration does not serve: such a client could not be used at all */
export const checkServed = (
  { auth, boundTokens }: { auth?: string; boundTokens?: string },
  config: Config,
): void => {
  const served: readonly string[] = clientAuthMethods(config)
  if (auth?.includes('tls') && !served.includes(auth))
    throw new Refusal(
      `--auth ${auth} needs protocol.mtls${auth === 'tls_client_auth' ? ' with a verifiedHeader' : ''}.`,
    )
  if (boundTokens === 'mtls' && !served.includes('self_signed_tls_client_auth'))
    throw new Refusal('--bound-tokens mtls needs protocol.mtls.')
}
