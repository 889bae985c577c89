import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Judge } from './judge.ts'

/**
 * Layer four: CIBA results and custom grants, which never pass through the interaction policy.
 *
 * Every access or refresh token of an account is checked as it is saved, for all grants alike: a custom grant passes
 * by looking its account up with a source token (`findAccount(ctx, sub, token)`), or by `admit`.
 */
export const guardGrantTypes = (provider: Provider, judge: Judge): void => {
  guardBackchannel(provider, judge)
  guardTokens(provider, judge)
  guardTokenResponses(provider, judge)
}

const refusal = () => new errors.InvalidGrant('no second factor was proven for this account')

const guardBackchannel = (provider: Provider, judge: Judge): void => {
  const original = provider.backchannelResult.bind(provider)
  provider.backchannelResult = async (request, result, options) => {
    if (result instanceof Error) return original(request, result, options)
    const found =
      typeof request === 'string' ? await provider.BackchannelAuthenticationRequest.find(request) : request
    const client = found?.clientId ? await provider.Client.find(found.clientId) : undefined
    if (!found?.accountId || !client) throw refusal()
    const decision = await judge.proof(found.accountId, client, undefined, {
      acr: options?.acr,
      amr: options?.amr ?? [],
      sessionUid: options?.sessionUid,
      at: options?.authTime,
    })
    if (decision.kind !== 'allowed') throw refusal()
    return original(found, result, options)
  }
}

const guardTokens = (provider: Provider, judge: Judge): void => {
  const check = (token: { accountId?: string }) => {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined
    if (token.accountId && ctx?.oidc && !judge.isAdmitted(ctx.oidc)) throw refusal()
  }
  provider.on('access_token.saved', check)
  provider.on('access_token.issued', check)
  provider.on('refresh_token.saved', check)
}

/**
 * Looks at what the token endpoint is about to answer, whichever grant it was and whenever it was registered: an ID token
 * or refresh token, or an access token that is no machine's, goes out for an admitted account alone.
 */
const guardTokenResponses = (provider: Provider, judge: Judge): void => {
  provider.use(async (ctx, next) => {
    await next()
    const { oidc } = ctx as KoaContextWithOIDC
    if (oidc?.route !== 'token' || ctx.status !== 200) return
    const { access_token, id_token, refresh_token } = (ctx.body ?? {}) as Record<string, unknown>
    const { ClientCredentials, Account } = oidc.entities
    const ofAnAccount = id_token || refresh_token || (access_token && (Account || !ClientCredentials))
    if (!ofAnAccount || judge.isAdmitted(oidc)) return
    const { error, error_description, status } = refusal()
    ctx.status = status ?? 400
    ctx.body = { error, error_description }
  })
}
