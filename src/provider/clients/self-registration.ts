import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Clock } from '../../clock.ts'
import { ladderOf } from '../../config/policy-rules.ts'
import type { Config } from '../../config/schema.ts'
import { demandProperty, factorsProperty, maxAgeProperty, minimumProperty } from '../../plugin/facts.ts'
import type { Ladder } from '../../policy/acr.ts'
import { consentProperty, consentSinceProperty } from '../grants.ts'
import { signatureAlgorithms } from '../keys/algorithms.ts'
import { pkceProperty } from './pkce.ts'
import { faultOfUris } from './registered-uris.ts'

type ExtraClientMetadata = NonNullable<Configuration['extraClientMetadata']>
type Metadata = Record<string, unknown>

/** Client metadata that tells a relying party that registered itself; only we write it. */
export const selfRegisteredProperty = 'self_registered'

const routes = ['registration', 'client_update']

/** What any relying party may have that the provider offers at all. Another grant needs nobody in front of a browser. */
const usualGrants = ['authorization_code', 'refresh_token', 'implicit']

/** Controls, directions, what nobody sees, and marks piled up until they cover the lines around. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}\p{DI}]|\p{M}{5}/u

/** By which a client gets something without anybody's browser: it must prove who it is (RFC 6749 §4.4.2, CIBA Core 1.0 §4). */
const grantsOfProven = ['client_credentials', 'urn:openid:params:grant-type:ciba']

const most = { characters: 2_000, entries: 20, name: 100, all: 20_000 }

const refuse = (description: string): never => {
  throw new errors.InvalidClientMetadata(description)
}

/**
 * What a relying party that registers itself may say of itself: nothing that lowers what is asked of people, whom we do not
 * know it to have anything to do with. Wraps the other validators, and comes before them.
 */
export const selfRegistered = (
  host: ExtraClientMetadata,
  config: Config,
  clock: Clock,
): ExtraClientMetadata => ({
  properties: [selfRegisteredProperty, consentSinceProperty, ...(host.properties ?? [])],
  validator(ctx, key, value, given) {
    if (key === selfRegisteredProperty && isRegistering(ctx)) {
      restrict(ctx, given as Metadata, config)
      askAnew(ctx, given as Metadata, clock)
    }
    return host.validator?.(ctx, key, value, given)
  },
})

const isRegistering = (ctx: KoaContextWithOIDC | undefined): ctx is KoaContextWithOIDC =>
  routes.includes(ctx?.oidc.route ?? '')

const restrict = ({ oidc }: KoaContextWithOIDC, metadata: Metadata, config: Config): void => {
  const { protocol } = config
  // At an update what was there before, which an administrator may have changed.
  const before = (oidc.client ?? {}) as unknown as Metadata & { grantTypes?: string[] }
  checkSizes(metadata)
  const fault = faultOfUris(metadata)
  if (fault !== undefined) refuse(fault)
  const grants = [...usualGrants, ...protocol.registration.grants, ...(before.grantTypes ?? [])]
  if (!listOf(metadata['grant_types']).every((grant) => grants.some((one) => one === grant)))
    refuse(`grant_types can only contain ${[...new Set(grants)].join(', ')}`)
  const unproven = grantsOfProven.find((grant) => listOf(metadata['grant_types']).includes(grant))
  if (metadata['token_endpoint_auth_method'] === 'none' && unproven !== undefined)
    refuse(`the grant_type ${unproven} needs a client that authenticates`)
  if (metadata[pkceProperty] === false && protocol.pkce !== 'optional' && before[pkceProperty] !== false)
    refuse(`${pkceProperty} must not be false`)
  keepDemands(metadata, before, ladderOf(config))
  metadata[selfRegisteredProperty] = true
  metadata[consentProperty] = true
  defaultToRs256(oidc.body as Metadata | undefined, metadata, config)
}

/**
 * A registration access token that was stolen must not lead people to other addresses whom nobody asks any more, nor may what
 * was consented to take the name of somebody else.
 */
const askAnew = ({ oidc }: KoaContextWithOIDC, metadata: Metadata, clock: Clock): void => {
  const { client } = oidc
  metadata[consentSinceProperty] = (client as Metadata | undefined)?.[consentSinceProperty]
  if (!client) return
  const isSame =
    metadata['client_name'] === client.clientName &&
    listOf(metadata['redirect_uris']).every((uri) => client.redirectUris?.some((known) => known === uri))
  if (!isSame) metadata[consentSinceProperty] = Math.floor(clock.now() / 1000)
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const checkSizes = (metadata: Metadata): void => {
  for (const [name, value] of Object.entries(metadata)) {
    const texts = Array.isArray(value) ? value : [value]
    if (texts.length > most.entries) refuse(`${name} must have at most ${most.entries} entries`)
    if (texts.some((text) => typeof text === 'string' && text.length > most.characters))
      refuse(`${name} must have at most ${most.characters} characters`)
  }
  const name = metadata['client_name']
  // What people read when they decide: nothing that turns it around, hides a part, or is no name at all.
  if (
    typeof name === 'string' &&
    (name.length > most.name || unprintable.test(name) || !/[\p{L}\p{N}]/u.test(name))
  )
    refuse(`client_name must have at most ${most.name} printable characters, and a letter or digit`)
  if (JSON.stringify(metadata).length > most.all) refuse('there is too much metadata')
}

/**
 * Demands may only rise: an update keeps the stricter of old and new. `forbid` takes away ways of proving, perhaps the better
 * ones, so nobody forbids any by themselves.
 */
const keepDemands = (metadata: Metadata, before: Metadata, ladder: Ladder): void => {
  const rules = rulesIn(metadata[factorsProperty])
  const old = rulesIn(before[factorsProperty])
  const forbidden = Object.keys(rules).find((name) => rules[name] === 'forbid' && old[name] !== 'forbid')
  if (forbidden !== undefined) refuse(`${factorsProperty} must not forbid ${forbidden}`)
  const kept = Object.entries(old).filter(([, rule]) => rule !== 'allow')
  if (kept.length > 0) metadata[factorsProperty] = { ...rules, ...Object.fromEntries(kept) }
  if (before[demandProperty] === true) metadata[demandProperty] = true
  const [asked, age] = [metadata[maxAgeProperty], before[maxAgeProperty]]
  if (age !== undefined && !(Number(asked) <= Number(age))) metadata[maxAgeProperty] = age
  const height = (acr: unknown): number => ladder.findIndex((level) => level.acr === acr)
  const [wanted, minimum] = [metadata[minimumProperty], before[minimumProperty]]
  if (minimum !== undefined && (wanted === undefined || height(minimum) > height(wanted)))
    metadata[minimumProperty] = minimum
}

const rulesIn = (rules: unknown): Record<string, unknown> =>
  typeof rules === 'object' && rules !== null && !Array.isArray(rules)
    ? (rules as Record<string, unknown>)
    : {}

/** OIDC Registration §2: whoever names no algorithm gets RS256, and expects it, where there is such a key. */
const defaultToRs256 = (body: Metadata | undefined, metadata: Metadata, config: Config): void => {
  const names = ['id_token_signed_response_alg', 'id_token_signing_alg_values_supported', 'profile']
  if (names.some((name) => body?.[name] !== undefined)) return
  if (signatureAlgorithms(config).includes('RS256')) metadata['id_token_signed_response_alg'] = 'RS256'
}
