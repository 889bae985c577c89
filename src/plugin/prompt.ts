import { type Configuration, errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
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
    policy.add(prompt.name === 'login' ? withoutAcrChecks(prompt) : prompt)
    if (prompt.name === 'login') policy.add(secondFactorPrompt(judge))
  }
  return policy
}

/** A copy: the host's own prompt object stays as it is. */
const withoutAcrChecks = (login: PromptInstance): PromptInstance => {
  // `requestable` adds its own check again.
  const kept = login.checks.filter(({ reason }) => !takenOver.has(reason) && reason !== 'login_prompt')
  return new Prompt(
    { name: 'login', requestable: login.requestable },
    login.details,
    ...kept,
    accountUnavailable(),
  )
}

/** A live session of an account that is gone makes oidc-provider answer 500; a login prompt is the right answer. */
const accountUnavailable = () =>
  new Check(
    'account_unavailable',
    'the account is not available',
    'login_required',
    ({ oidc }: KoaContextWithOIDC) => Boolean(oidc.session?.accountId) && !oidc.account,
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
