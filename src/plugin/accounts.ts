import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { type Ladder, levelOf, oneFactor } from '../policy/acr.ts'
import { provenBy, withAuthenticators } from './authenticators.ts'
import type { Judge, Proven } from './judge.ts'

type FindAccount = NonNullable<Configuration['findAccount']>
type LoadExistingGrant = NonNullable<Configuration['loadExistingGrant']>

/** What is exchanged for tokens, and carries how its account was authenticated. */
const exchangeable = new Set([
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PreAuthorizedCode',
])

/**
 * Layer three: a code, refresh token, device code or CIBA request that no longer meets the policy, or whose second
 * factor is locked, is `invalid_grant`. The account is asked of the host first: a disabled one is gone anyway.
 */
export const guardAccounts =
  (findAccount: FindAccount, judge: Judge, ladder: Ladder): FindAccount =>
  async (ctx, sub, token) => {
    const found = await findAccount(ctx, sub, token)
    const account = found && withAuthenticators(found, judge, () => provenBy(ctx, token))
    if (!account || !token || !exchangeable.has(String(token.kind))) return account
    const proven = provenBy(ctx, token) as Proven
    const decision = await judge.proof(sub, ctx.oidc.client, undefined, proven)
    const levelIn = (acr: string | undefined) => levelOf(ladder, acr) ?? oneFactor
    // Tokens repeat the `acr` they come from: what is no longer worth that must not say it again.
    if (decision.kind !== 'allowed' || levelIn(decision.acr) < levelIn(proven.acr))
      throw new errors.InvalidGrant('the authentication behind it no longer meets the policy')
    judge.admit(ctx.oidc)
    return account
  }

/** An existing grant is looked up, or made for a trusted client, only for a session that is allowed to use it. */
export const guardGrants =
  (loadExistingGrant: LoadExistingGrant = sessionGrant, judge: Judge): LoadExistingGrant =>
  async (ctx) =>
    (await judge.authorization(ctx)).kind === 'allowed' ? loadExistingGrant(ctx) : undefined

/** What oidc-provider does by default (its documentation, `loadExistingGrant`). */
const sessionGrant = async (ctx: KoaContextWithOIDC) => {
  const { oidc } = ctx
  const grantId =
    oidc.result?.consent?.grantId ?? (oidc.client && oidc.session?.grantIdFor(oidc.client.clientId))
  return grantId ? oidc.provider.Grant.find(grantId) : undefined
}
