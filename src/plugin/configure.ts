import type { AccountClaims, Configuration, Interaction, KoaContextWithOIDC } from 'oidc-provider'
import type { Clock } from '../clock.ts'
import type { RequestMemory } from '../interaction/requests.ts'
import { secondFactorPath } from '../interaction/second-factor.ts'
import { spendsByItself, storeAdapter } from '../stores/oidc-adapter.ts'
import type { Store } from '../stores/store.ts'
import { guardAccounts, guardGrants } from './accounts.ts'
import { authenticatorsClaim } from './authenticators.ts'
import {
  demandProperty,
  factorsProperty,
  maxAgeProperty,
  minimumProperty,
  mustBeBoolean,
  mustBeFactorRules,
  mustBeOnLadder,
  mustBeSeconds,
  type PolicySettings,
} from './facts.ts'
import type { Judge } from './judge.ts'
import { insertPrompt, promptName } from './prompt.ts'
import { spendOnce } from './spend-once.ts'

interface Parts {
  judge: Judge
  policy: PolicySettings
  store: Store
  clock: Clock
  requests: RequestMemory
}

/** Claims of the ID token that say how the person was authenticated; always in, since `openid` is always asked for. */
const assuranceClaims = ['acr', 'amr', 'auth_time']

/**
 * A new configuration with the second factor in it. Nothing that the host set is overwritten: functions are wrapped,
 * lists are united, the prompt is inserted by name.
 */
export const extendConfiguration = (host: Configuration, parts: Parts): Configuration => {
  if (!host.findAccount)
    throw new TypeError('the configuration has no findAccount: without it oidc-provider knows no account')
  if (host.features?.devInteractions?.enabled)
    throw new TypeError('features.devInteractions replaces every interaction page: switch it off')
  const interactionUrl = interactionUrlOf(host)
  return {
    ...host,
    adapter: adapterOf(host.adapter, parts),
    findAccount: guardAccounts(host.findAccount, parts.judge, parts.policy.ladder),
    loadExistingGrant: guardGrants(host.loadExistingGrant, parts.judge),
    extraTokenClaims: withAssurance(host.extraTokenClaims, parts.judge),
    claims: { ...host.claims, [authenticatorsClaim]: null, openid: withOpenid(host.claims?.openid) },
    acrValues: [...new Set([...(host.acrValues ?? []), ...parts.policy.ladder.map(({ acr }) => acr)])],
    discovery: withPromptValues(host.discovery),
    features: { ...host.features, devInteractions: { enabled: false } },
    extraClientMetadata: withDemands(host.extraClientMetadata, parts.policy),
    interactions: {
      ...host.interactions,
      policy: insertPrompt(host.interactions?.policy, parts.judge),
      async url(ctx, interaction) {
        const url = await interactionUrl(ctx, interaction)
        parts.requests.remember(interaction, url)
        return interaction.prompt.name === promptName ? secondFactorPath(url) : url
      },
    },
  }
}

/** Layer five for whatever the host stores in; our own adapter where it named none. */
const adapterOf = (
  given: Configuration['adapter'],
  { store, clock }: Parts,
): NonNullable<Configuration['adapter']> => {
  if (!given) return storeAdapter({ store, clock })
  return spendsByItself(given) ? given : spendOnce(given, store, clock)
}

/** Where the host's interactions begin; oidc-provider's own address where it named none. */
export const interactionUrlOf = (host: Configuration): InteractionUrl => host.interactions?.url ?? defaultUrl

type InteractionUrl = NonNullable<NonNullable<Configuration['interactions']>['url']>

const defaultUrl = (_ctx: KoaContextWithOIDC, interaction: Interaction): string =>
  `/interaction/${interaction.uid}`

const withOpenid = (openid: AccountClaims | string[] | null | undefined | unknown) =>
  Array.isArray(openid)
    ? [...new Set(['sub', ...openid, ...assuranceClaims])]
    : {
        ...(openid as object | undefined),
        ...Object.fromEntries(['sub', ...assuranceClaims].map((claim) => [claim, null])),
      }

const withPromptValues = (discovery: Configuration['discovery']): NonNullable<Configuration['discovery']> => {
  const listed = (discovery as { prompt_values_supported?: string[] } | undefined)?.prompt_values_supported
  return {
    ...discovery,
    prompt_values_supported: [...new Set([...(listed ?? ['none', 'login', 'consent']), promptName])],
  }
}

type ExtraTokenClaims = NonNullable<Configuration['extraTokenClaims']>

/** Access tokens of an account say how it was authenticated (RFC 9470 §6), after a refresh too. */
const withAssurance =
  (host: Configuration['extraTokenClaims'], judge: Judge): ExtraTokenClaims =>
  async (ctx, token) => {
    const claims = await host?.(ctx, token)
    const { RefreshToken, AuthorizationCode, DeviceCode, BackchannelAuthenticationRequest } =
      ctx.oidc.entities
    const source = (RefreshToken ?? AuthorizationCode ?? DeviceCode ?? BackchannelAuthenticationRequest) as
      | { acr?: string; amr?: string[]; authTime?: number }
      | undefined
    const session = ctx.oidc.session
    const own = judge.provenByGrant(ctx.oidc)
    const proof =
      source ??
      (own && { acr: own.acr, amr: [...own.amr], authTime: own.at }) ??
      (session && { acr: ctx.oidc.acr, amr: session.amr, authTime: session.authTime() })
    if (token.kind !== 'AccessToken' || !proof?.acr) return claims
    return { ...claims, acr: proof.acr, amr: proof.amr, auth_time: proof.authTime }
  }

const withDemands = (
  host: Configuration['extraClientMetadata'],
  { known, ladder }: PolicySettings,
): NonNullable<Configuration['extraClientMetadata']> => ({
  ...host,
  properties: [
    ...new Set([
      ...(host?.properties ?? []),
      demandProperty,
      factorsProperty,
      maxAgeProperty,
      minimumProperty,
    ]),
  ],
  validator(ctx, key, value, metadata) {
    mustBeBoolean(demandProperty)(ctx, key, value)
    mustBeFactorRules(known)(ctx, key, value)
    mustBeOnLadder(ladder)(ctx, key, value)
    mustBeSeconds(ctx, key, value)
    return host?.validator?.(ctx, key, value, metadata)
  },
})
