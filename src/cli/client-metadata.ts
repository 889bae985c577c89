import type { RandomBytes } from '../crypto/random.ts'
import type { ClientMetadata } from '../directory/directory.ts'
import { factorNames } from '../factors/factor.ts'
import { type AuthenticationOptions, authenticationOf } from './client-authentication.ts'
import { type LogoutOptions, logoutOf } from './client-logout.ts'
import { type ProtectionOptions, protectionOf } from './client-protection.ts'
import { type SubjectOptions, subjectOf } from './client-subject.ts'
import { Refusal } from './io.ts'

export interface ClientOptions
  extends AuthenticationOptions,
    LogoutOptions,
    ProtectionOptions,
    SubjectOptions {
  id: string
  name: string
  redirectUri: string[]
  postLogoutRedirectUri: string[]
  public: boolean
  logoUri?: string
  clientUri?: string
  policyUri?: string
  tosUri?: string
  grant: string[]
  idTokenAlg?: string
  requireConsent: boolean
  requireSecondFactor: boolean
  requireFactor: string[]
  forbidFactor: string[]
  minimumAcr?: string
  secondFactorMaxAge?: string
  ciba?: string
  notificationEndpoint?: string
}

const grants = ['authorization_code', 'refresh_token', 'client_credentials', 'device_code']
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
/** By --ciba alone, which says besides how the application learns the outcome. */
const cibaGrant = 'urn:openid:params:grant-type:ciba'
const algorithms = ['ES256', 'EdDSA', 'PS256', 'RS256']

const isLoopback = ({ hostname }: URL): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(hostname)

/**
 * `web` for https and for http on loopback, `native` for a private scheme (RFC 8252 §7.1: a domain name in reverse).
 * @throws Refusal for anything else.
 */
const kindOfUri = (option: string, uri: string): 'web' | 'native' => {
  const url = URL.parse(uri)
  if (!url || uri.includes('#'))
    throw new Refusal(`${option} ${uri} is not an absolute URI without fragment.`)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return 'web'
  if (url.protocol.includes('.')) return 'native'
  throw new Refusal(
    `${option} ${uri} must be https, http on this machine, or a private scheme such as com.example.app:/callback.`,
  )
}

/** What people see of the relying party, or may follow, by the name of its metadata. */
const shownUris = ({ logoUri, clientUri, policyUri, tosUri }: ClientOptions) =>
  [
    ['logo_uri', logoUri],
    ['client_uri', clientUri],
    ['policy_uri', policyUri],
    ['tos_uri', tosUri],
  ] as const

const checkChoices = (options: ClientOptions, grantTypes: readonly string[]): void => {
  if (!/^[\x21-\x7e]{1,128}$/.test(options.id))
    throw new Refusal('The --id must have 1 to 128 printable ASCII characters without spaces.')
  if (options.name.trim() === '') throw new Refusal('The --name is empty.')
  const unknown = grantTypes.find((grant) => !grants.includes(grant))
  if (unknown !== undefined)
    throw new Refusal(`There is no --grant ${unknown}; there are ${grants.join(', ')}.`)
  const code = grantTypes.includes('authorization_code')
  const others = options.ciba !== undefined || grantTypes.includes('device_code')
  if (grantTypes.includes('refresh_token') && !code && !others)
    throw new Refusal('--grant refresh_token needs --grant authorization_code or device_code, or --ciba.')
  if (grantTypes.includes('client_credentials') && options.public)
    throw new Refusal('--grant client_credentials needs a secret: leave out --public.')
  if (code !== options.redirectUri.length > 0) {
    throw new Refusal(
      code ? 'At least one --redirect-uri is needed.' : '--redirect-uri needs --grant authorization_code.',
    )
  }
  if (options.idTokenAlg !== undefined && !algorithms.includes(options.idTokenAlg)) {
    throw new Refusal(`There is no --id-token-alg ${options.idTokenAlg}; there are ${algorithms.join(', ')}.`)
  }
  if (options.minimumAcr !== undefined && !/^\S+$/.test(options.minimumAcr))
    throw new Refusal('The --minimum-acr is one value without spaces, such as phr.')
  if (options.secondFactorMaxAge !== undefined && !/^[1-9]\d{0,9}$/.test(options.secondFactorMaxAge))
    throw new Refusal('The --second-factor-max-age is a whole number of seconds from 1, such as 900.')
  for (const [name, uri] of shownUris(options))
    if (uri !== undefined && URL.parse(uri)?.protocol !== 'https:')
      throw new Refusal(`The --${name.replaceAll('_', '-')} must be https.`)
}

/** How an application learns what people decide whom it asks on their phones (CIBA Core 1.0 §4). */
const cibaOf = ({
  ciba: mode,
  notificationEndpoint: endpoint,
  ...options
}: ClientOptions): Record<string, unknown> => {
  if (mode !== undefined && mode !== 'poll' && mode !== 'ping')
    throw new Refusal(`There is no --ciba ${mode}; there are poll, ping.`)
  if (mode !== undefined && options.public)
    throw new Refusal('--ciba needs a secret, or anybody could ask people: leave out --public.')
  if ((mode === 'ping') !== (endpoint !== undefined))
    throw new Refusal(
      endpoint === undefined
        ? '--ciba ping needs a --notification-endpoint.'
        : '--notification-endpoint needs --ciba ping.',
    )
  if (mode === undefined) return {}
  if (endpoint === undefined) return { backchannel_token_delivery_mode: mode }
  const url = URL.parse(endpoint)
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '' || endpoint.includes('#'))
    throw new Refusal('The --notification-endpoint must be https, without credentials and fragment.')
  return { backchannel_token_delivery_mode: mode, backchannel_client_notification_endpoint: endpoint }
}

/** The grants that are named; else what the other options need. */
const grantsOf = ({ grant, ciba, redirectUri }: ClientOptions): string[] => {
  const usual = ciba !== undefined && redirectUri.length === 0 ? [] : ['authorization_code']
  return [...new Set(grant.length > 0 ? grant : usual)]
}

/** What the relying party says of single factors, beside the general policy. */
const factorRulesOf = ({ requireFactor, forbidFactor }: ClientOptions): Record<string, unknown> => {
  const unknown = [...requireFactor, ...forbidFactor].find((name) => !factorNames.some((one) => one === name))
  if (unknown !== undefined)
    throw new Refusal(`There is no factor ${unknown}; there are ${factorNames.join(', ')}.`)
  if (requireFactor.includes('recovery-code'))
    throw new Refusal('--require-factor recovery-code would keep everybody out: nobody can set them up.')
  if (['webauthn', 'totp'].every((name) => forbidFactor.includes(name)))
    throw new Refusal('--forbid-factor leaves nothing that people could set up.')
  const both = requireFactor.find((name) => forbidFactor.includes(name))
  if (both !== undefined) throw new Refusal(`The factor ${both} is required and forbidden at once.`)
  const rules = [
    ...requireFactor.map((name) => [name, 'require'] as const),
    ...forbidFactor.map((name) => [name, 'forbid'] as const),
  ]
  return rules.length > 0 ? { second_factors: Object.fromEntries(rules) } : {}
}

/** OIDC Dynamic Registration metadata of a new client, with a secret of 256 bits unless it is public. */
export const clientMetadata = async (
  options: ClientOptions,
  random: RandomBytes,
): Promise<ClientMetadata> => {
  const grantTypes = grantsOf(options)
  checkChoices(options, grantTypes)
  const ciba = cibaOf(options)
  const authentication = await authenticationOf(options, random)
  const kinds = new Set(options.redirectUri.map((uri) => kindOfUri('--redirect-uri', uri)))
  if (kinds.size > 1)
    throw new Refusal('Private schemes and web addresses are two applications: register two clients.')
  const native = kinds.has('native')
  if (native && !options.public)
    throw new Refusal('A private scheme belongs to an app, which can keep no secret: add --public.')
  for (const uri of options.postLogoutRedirectUri) kindOfUri('--post-logout-redirect-uri', uri)
  const identity = {
    redirect_uris: options.redirectUri,
    grant_types: [
      ...grantTypes.map((grant) => (grant === 'device_code' ? deviceGrant : grant)),
      ...(options.ciba === undefined ? [] : [cibaGrant]),
    ],
  }
  return {
    client_id: options.id,
    client_name: options.name,
    ...identity,
    response_types: grantTypes.includes('authorization_code') ? ['code'] : [],
    application_type: native ? 'native' : 'web',
    ...authentication,
    ...protectionOf(options),
    ...subjectOf(options, { ...identity, ...authentication }),
    ...(options.postLogoutRedirectUri.length > 0 && {
      post_logout_redirect_uris: options.postLogoutRedirectUri,
    }),
    ...logoutOf(options),
    ...Object.fromEntries(shownUris(options).filter(([, uri]) => uri !== undefined)),
    ...(options.requireConsent && { require_consent: true }),
    ...(options.requireSecondFactor && { require_second_factor: true }),
    ...ciba,
    ...factorRulesOf(options),
    ...(options.minimumAcr !== undefined && { minimum_acr: options.minimumAcr }),
    ...(options.secondFactorMaxAge !== undefined && {
      second_factor_max_age: Number(options.secondFactorMaxAge),
    }),
    ...(options.idTokenAlg !== undefined && { id_token_signed_response_alg: options.idTokenAlg }),
  }
}
