import { type Configuration, errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import { liveConfiguration } from './internals.ts'
import type { Judge } from './judge.ts'

const { Check, Prompt, base } = interactionPolicy
type PromptInstance = InstanceType<typeof Prompt>
type Policy = NonNullable<NonNullable<Configuration['interactions']>['policy']>

export const promptName = 'second_factor'
export const checkName = 'second_factor_required'

/** The login prompt's own checks of essential acr loop when the level cannot be reached; ours take their place. */
const takenOver = new Set(['essential_acr', 'essential_acrs'])

/** Layer one: a prompt that recomputes the requirement at every authorization, inserted by name after `login`. */
export const insertPrompt = (given: Policy | undefined, judge: Judge): Policy => {
  const prompts = [...(given ?? base())]
  const index = prompts.findIndex(({ name }) => name === 'login')
  if (index < 0)
    throw new TypeError(
      'the interaction policy has no `login` prompt: the second factor has nothing to follow',
    )
  if (prompts.some(({ name }) => name === promptName))
    throw new TypeError('the interaction policy has a `second_factor` prompt already')
  const policy = base()
  policy.clear()
  for (const prompt of prompts) {
    policy.add(prompt.name === 'login' ? ownChecks(prompt, judge) : prompt)
    if (prompt.name === 'login') policy.add(secondFactorPrompt(judge))
  }
  return policy
}

/** A copy: the host's own prompt object stays as it is. */
const ownChecks = (login: PromptInstance, judge: Judge): PromptInstance => {
  // `requestable` adds its own check again.
  const kept = login.checks.filter(({ reason }) => !takenOver.has(reason) && reason !== 'login_prompt')
  return new Prompt(
    { name: 'login', requestable: login.requestable },
    login.details,
    ...kept,
    accountUnavailable(judge),
    somebodyElse(),
  )
}

/**
 * A live session of an account that is gone makes oidc-provider answer 500; a login prompt is the right answer. So it is where
 * the second factor is locked: whoever uses the browser next is not held up by it, and whose account it is hears why after the
 * password.
 */
const accountUnavailable = (judge: Judge) =>
  new Check(
    'account_unavailable',
    'the account is not available',
    'login_required',
    async (ctx: KoaContextWithOIDC) => {
      const { session, account } = ctx.oidc
      if (!session?.accountId) return false
      if (!account) return true
      const decision = await judge.authorization(ctx)
      return decision.kind === 'refused' && decision.because === 'locked'
    },
  )

/**
 * Whoever `id_token_hint` names is who a relying party wants, and a sign-in as somebody else is an error (OIDC Core §3.1.2.1).
 * oidc-provider reads the hint at the request, and forgets it when the person comes back from signing in.
 */
const somebodyElse = () =>
  new Check(
    'id_token_hint_after_login',
    'id_token_hint and authenticated subject do not match',
    'login_required',
    async (ctx: KoaContextWithOIDC) => {
      const { client, entities, params, provider, session } = ctx.oidc
      const hint = params?.['id_token_hint']
      const accountId = session?.accountId
      if (typeof hint !== 'string' || entities.IdTokenHint || !client || accountId === undefined) return false
      const { payload } = await provider.IdToken.validate(hint, client)
      const subjects = liveConfiguration(provider)
      const sub =
        client.subjectType === 'pairwise'
          ? await subjects?.pairwiseIdentifier?.(ctx, accountId, client)
          : accountId
      if (payload['sub'] !== sub)
        throw new errors.LoginRequired('somebody else has signed in than id_token_hint names')
      return false
    },
  )

const secondFactorPrompt = (judge: Judge): PromptInstance =>
  new Prompt(
    { name: promptName, requestable: true },
    new Check(
      checkName,
      'a second factor is required',
      'interaction_required',
      async (ctx: KoaContextWithOIDC) => {
        const decision = await judge.authorization(ctx)
        if (decision.kind === 'refused' && decision.because === 'unreachable')
          throw new errors.UnmetAuthenticationRequirements(
            'no factor of this provider reaches the requested acr',
          )
        if (decision.kind !== 'allowed') return true
        judge.admit(ctx.oidc, decision.acr)
        return false
      },
    ),
  )
