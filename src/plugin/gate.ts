import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { Judge } from './judge.ts'

/**
 * Layer two: whatever became of the interaction policy, an authorization that our check did not admit ends here.
 * The listener must stay synchronous: oidc-provider emits inline, so a throw stops the response, whereas a rejected
 * promise would come after the code has been issued.
 */
export const guardAuthorization = (provider: Provider, judge: Judge): void => {
  provider.on('authorization.accepted', (ctx: KoaContextWithOIDC) => {
    if (!judge.isAdmitted(ctx.oidc))
      throw new errors.UnmetAuthenticationRequirements(
        'this authorization was not admitted by the second factor',
      )
  })
}
