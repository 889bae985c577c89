import type { Command } from 'commander'
import type { Config } from '../config/schema.ts'
import type { ClientMetadata } from '../directory/directory.ts'
import { collect } from './collect.ts'
import { Refusal } from './io.ts'
import { checkSector } from './sector-document.ts'

/** By what name a relying party knows people, and what it may ask for in detail. */
export interface SubjectOptions {
  pairwise: boolean
  sectorIdentifierUri?: string
  authorizationDetailsType: string[]
}

export const addSubjectOptions = (command: Command): Command =>
  command
    .option('--pairwise', 'knows people by names of its own, which no other relying party can match', false)
    .option(
      '--sector-identifier-uri <uri>',
      'lists the addresses of relying parties that know people by the same names',
    )
    .option(
      '--authorization-details-type <type>',
      'may ask for it, of `protocol.authorizationDetails`; may be given several times',
      collect,
      [],
    )

interface Registered {
  redirect_uris: readonly string[]
  grant_types: readonly string[]
  token_endpoint_auth_method?: unknown
  jwks_uri?: unknown
}

/** Grants in which no redirect URI says whose sector it is. */
const withoutRedirect = ['urn:ietf:params:oauth:grant-type:device_code', 'urn:openid:params:grant-type:ciba']

/**
 * Client metadata of OIDC Core §8 and RFC 9396 §10.
 *
 * @throws Refusal for what the configuration, or oidc-provider, would not serve
 */
export const subjectOf = (
  { pairwise, sectorIdentifierUri: uri, authorizationDetailsType: types }: SubjectOptions,
  known: Registered,
): Record<string, unknown> => {
  if (uri !== undefined && !pairwise) throw new Refusal('--sector-identifier-uri needs --pairwise.')
  if (uri !== undefined && (URL.parse(uri)?.protocol !== 'https:' || uri.includes('#')))
    throw new Refusal('The --sector-identifier-uri must be https, without fragment.')
  if (pairwise) checkSectorOf(known, uri)
  return {
    ...(pairwise && { subject_type: 'pairwise' }),
    ...(uri !== undefined && { sector_identifier_uri: uri }),
    ...(types.length > 0 && { authorization_details_types: types }),
  }
}

const checkSectorOf = (known: Registered, uri: string | undefined): void => {
  const redirects = known.redirect_uris
  const hosts = new Set(redirects.map((one) => new URL(one).host))
  if (hosts.size > 1 && uri === undefined)
    throw new Refusal('--pairwise with redirect URIs on several hosts needs a --sector-identifier-uri.')
  if (hosts.has('') && uri === undefined)
    throw new Refusal(
      '--pairwise with a private scheme, which names no host, needs a --sector-identifier-uri.',
    )
  const grants = known.grant_types.filter((grant) => withoutRedirect.includes(grant))
  if (grants.length === 0) {
    if (redirects.length === 0)
      throw new Refusal('--pairwise needs a --redirect-uri, whose host is its sector.')
    return
  }
  const byKeys = ['private_key_jwt', 'self_signed_tls_client_auth']
  if (known.jwks_uri === undefined || !byKeys.includes(String(known.token_endpoint_auth_method)))
    throw new Refusal(
      '--pairwise with --ciba or --grant device_code needs --auth private_key_jwt and --jwks-uri, whose host is its sector.',
    )
  if (redirects.length > 0 && uri === undefined)
    throw new Refusal('--pairwise with --redirect-uri and --jwks-uri needs a --sector-identifier-uri.')
}

/** @throws Refusal for what is not in the configuration, or where the sector does not know the relying party */
export const checkSubject = async (
  { pairwise, sectorIdentifierUri: uri, authorizationDetailsType: types }: SubjectOptions,
  metadata: ClientMetadata,
  config: Config,
): Promise<void> => {
  if (pairwise && config.keys.pairwise === undefined)
    throw new Refusal('--pairwise needs keys.pairwise: 32 random bytes that never change.')
  const unknown = types.find((type) => !config.protocol.authorizationDetails.some((one) => one.type === type))
  if (unknown !== undefined)
    throw new Refusal(`There is no --authorization-details-type ${unknown} in protocol.authorizationDetails.`)
  if (uri === undefined) return
  const { openOutbound } = await import('../provider/outbound.ts')
  const guarded = openOutbound(config)
  await checkSector(uri, metadata, guarded).finally(() => guarded.close())
}
