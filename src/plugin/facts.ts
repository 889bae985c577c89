import { errors } from 'oidc-provider'
import type { Standing } from '../directory/directory.ts'
import type { Ladder } from '../policy/acr.ts'
import type { Facts, SecondFactorMode } from '../policy/policy.ts'

/** Client metadata by which a relying party demands a second factor whatever the general policy says. */
export const demandProperty = 'require_second_factor'

/**
 * A validator of client metadata: a property that is neither true nor false is refused, since taking it for false would
 * switch off what it asks for.
 */
export const mustBeBoolean =
  (property: string) =>
  (_ctx: unknown, key: string, value: unknown): void => {
    if (key === property && value !== undefined && typeof value !== 'boolean')
      throw new errors.InvalidClientMetadata(`${property} must be true or false`)
  }

export interface PolicySettings {
  secondFactor: SecondFactorMode
  /** `acr` values, weakest first: one factor, two factors. */
  ladder: Ladder
}

export interface Request {
  acr_values?: unknown
  claims?: unknown
}

/** Gathers what `policy/` decides on. `request` is absent where no authorization request is at hand (token endpoint). */
export const gatherFacts = (
  settings: PolicySettings,
  client: object | undefined,
  request: Request | undefined,
  standing: Standing,
  proven: Facts['proven'],
): Facts => ({
  ladder: settings.ladder,
  mode: settings.secondFactor,
  clientDemands: (client as { [demandProperty]?: unknown } | undefined)?.[demandProperty] === true,
  acrValues: typeof request?.acr_values === 'string' ? request.acr_values.split(' ') : [],
  essentialAcr: essentialAcr(request?.claims),
  factors: standing.factors,
  locked: standing.lockedAt !== null,
  proven,
})

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
