import { errors } from 'oidc-provider'
import type { ContextSettings, TrustSettings } from '../context/devices.ts'
import type { Standing } from '../directory/directory.ts'
import type { Ladder } from '../policy/acr.ts'
import { type FactorRuleSet, type FactorRules, factorRules } from '../policy/factor-rules.ts'
import type { Facts, SecondFactorMode } from '../policy/policy.ts'

/** Client metadata by which a relying party demands a second factor whatever the general policy says. */
export const demandProperty = 'require_second_factor'

/** Client metadata that says which factors count at a relying party: `{"webauthn": "require", "totp": "forbid"}`. */
export const factorsProperty = 'second_factors'

/** Client metadata: seconds after which a second factor has to be proven again; it demands one. */
export const maxAgeProperty = 'second_factor_max_age'

/** Client metadata that names the least `acr` that a relying party takes, whatever its requests say. */
export const minimumProperty = 'minimum_acr'

type Validator = (ctx: unknown, key: string, value: unknown) => void

/**
 * A validator of client metadata: a property that is neither true nor false is refused, since taking it for false would
 * switch off what it asks for.
 */
export const mustBeBoolean =
  (property: string): Validator =>
  (_ctx, key, value) => {
    if (key === property && value !== undefined && typeof value !== 'boolean')
      throw new errors.InvalidClientMetadata(`${property} must be true or false`)
  }

/** Likewise for the least `acr`: one that nobody knows must not mean none. */
export const mustBeOnLadder =
  (ladder: Ladder): Validator =>
  (_ctx, key, value) => {
    if (key === minimumProperty && value !== undefined && !ladder.some(({ acr }) => acr === value))
      throw new errors.InvalidClientMetadata(
        `${minimumProperty} must be one of ${ladder.map(({ acr }) => acr).join(', ')}`,
      )
  }

/** Likewise for the age of a second factor: what is no number must not mean any age. */
export const mustBeSeconds: Validator = (_ctx, key, value) => {
  if (key === maxAgeProperty && value !== undefined && !isSeconds(value))
    throw new errors.InvalidClientMetadata(`${maxAgeProperty} must be a whole number of seconds from 1`)
}

const isSeconds = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1

/** Likewise for factor rules: a misspelt factor or rule must not mean "allow". */
export const mustBeFactorRules =
  (known: readonly string[]): Validator =>
  (_ctx, key, value) => {
    if (key === factorsProperty && value !== undefined && !isFactorRuleSet(value, known))
      throw new errors.InvalidClientMetadata(
        `${factorsProperty} must say \`require\`, \`allow\` or \`forbid\` for ${known.join(', ')}`,
      )
  }

export const isFactorRuleSet = (value: unknown, known: readonly string[]): value is FactorRuleSet =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.entries(value).every(
    ([factor, rule]) => known.includes(factor) && factorRules.some((one) => one === rule),
  )

/**
 * What holds besides for the members of a group. `minimum`: the least `acr` that will do for them. `trustedDevices` false:
 * they are asked everywhere, each time.
 */
export interface GroupPolicy {
  factors?: FactorRuleSet
  minimum?: string | undefined
  trustedDevices?: boolean | undefined
}

export interface PolicySettings {
  secondFactor: SecondFactorMode
  ladder: Ladder
  /** What holds of each factor for everybody. */
  factors: FactorRuleSet
  /** What holds besides for the members of a group, by its name. */
  groups: Readonly<Record<string, GroupPolicy>>
  /** Every factor of this provider. */
  known: readonly string[]
  /** Of these, those that people set up themselves. */
  enrollable: readonly string[]
  /** Keys are set up with attestation. */
  attested: boolean
  trustedDevices: TrustSettings
  context: ContextSettings
  /** CIDR networks whose requests are unusual. */
  networks: readonly string[]
}

export interface Request {
  acr_values?: unknown
  claims?: unknown
  prompt?: unknown
  max_age?: unknown
}

export interface GatheredFrom {
  settings: PolicySettings
  client: object | undefined
  /** Absent where no authorization request is at hand (token endpoint). */
  request: Request | undefined
  standing: Standing
  groups: ReadonlyArray<GroupPolicy & { name: string }>
  rules: FactorRules
  signals: Facts['signals']
  proven: Facts['proven']
}

/** Gathers what `policy/` decides on. */
export const gatherFacts = ({
  settings,
  client,
  request,
  standing,
  groups,
  rules,
  signals,
  proven,
}: GatheredFrom): Facts => ({
  ladder: settings.ladder,
  mode: settings.secondFactor,
  clientDemands: (client as { [demandProperty]?: unknown } | undefined)?.[demandProperty] === true,
  minimums: [
    ...demandOf('account', standing.minimum ?? undefined),
    ...groups.flatMap(({ name, minimum }) => demandOf(`group:${name}`, minimum)),
    ...demandOf(
      `client:${minimumProperty}`,
      (client as Record<string, unknown> | undefined)?.[minimumProperty],
    ),
  ],
  acrValues: typeof request?.acr_values === 'string' ? request.acr_values.split(' ') : [],
  essentialAcr: essentialAcr(request?.claims),
  fresh: wantsFreshProof(request),
  prompted: promptsOf(request).includes('second_factor'),
  maxAge: maxAgeOf(client),
  signals,
  rules,
  enrollable: settings.enrollable,
  attested: settings.attested,
  factors: standing.factors,
  locked: standing.lockedAt !== null,
  proven,
})

/** A relying party's own rules; those that were written into the store past every validator count as none that is known. */
export const rulesOfClient = (client: object | undefined): FactorRuleSet | undefined =>
  (client as { [factorsProperty]?: FactorRuleSet } | undefined)?.[factorsProperty]

const demandOf = (rule: string, acr: unknown): Facts['minimums'] =>
  acr === undefined ? [] : [{ rule, acr: String(acr) }]

/** An age that was written into the store past every validator, and is none, means: prove it now. */
const maxAgeOf = (client: object | undefined): number | undefined => {
  const seconds = (client as Record<string, unknown> | undefined)?.[maxAgeProperty]
  if (seconds === undefined) return undefined
  return isSeconds(seconds) ? seconds : 0
}

const promptsOf = (request: Request | undefined): string[] =>
  typeof request?.prompt === 'string' ? request.prompt.split(' ') : []

/** Whoever asks for the person to prove it now, or not long ago, does not mean a device that remembers. */
const wantsFreshProof = (request: Request | undefined): boolean =>
  promptsOf(request).some((prompt) => prompt === 'login' || prompt === 'second_factor') ||
  request?.max_age !== undefined

/**
 * The essential `acr` of the `claims` parameter, read from the request itself: oidc-provider replaces it by
 * `acr_values` when both are sent, so a person editing the address could lower what the relying party demands.
 */
const essentialAcr = (claims: unknown): readonly string[] | undefined => {
  const parsed = typeof claims === 'string' ? (JSON.parse(claims) as unknown) : claims
  const acr = (
    parsed as
      | { id_token?: { acr?: { essential?: unknown; value?: unknown; values?: unknown } | null } }
      | undefined
  )?.id_token?.acr
  if (acr?.essential !== true) return undefined
  const values = [acr.value, ...(Array.isArray(acr.values) ? acr.values : [])].filter(
    (value) => typeof value === 'string',
  )
  return values.length > 0 ? values : undefined
}
