import type { Provider } from 'oidc-provider'
import { DuepassiError } from '../../errors.ts'
import { readText } from '../../pages/form.ts'
import { chooseLanguage } from '../../pages/language.ts'
import type { Pages } from '../../pages/pages.ts'

/** What may be asked for (RP-Initiated Logout 1.0 §2). */
const parameters = [
  'id_token_hint',
  'logout_hint',
  'client_id',
  'post_logout_redirect_uri',
  'state',
  'ui_locales',
]

/**
 * RP-Initiated Logout 1.0 §2: a relying party may ask by a form too. Its POST comes from another site, without our
 * cookies (`SameSite=Lax`); the GET that it leads to has them. Where oidc-provider answers such forms by itself
 * (`protocol.postAuthorization`, with cookies for all sites) nothing is done.
 */
export const takePostedLogouts = (provider: Provider, pages: Pages): void => {
  const address = provider.pathFor('end_session', { mountPath: '' })
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.method !== 'POST' || ctx.path !== address || ctx.status !== 404) return
    try {
      if (!ctx.is('application/x-www-form-urlencoded'))
        throw new DuepassiError('bad_form', 'the content type is not urlencoded')
      const posted = new URLSearchParams(await readText(ctx.req))
      // Given twice they stay two, so that they are refused.
      const asked = [...posted].filter(([name]) => parameters.includes(name))
      ctx.status = 303
      ctx.redirect(`${provider.urlFor('end_session')}?${new URLSearchParams(asked)}`)
      ctx.set('cache-control', 'no-store')
    } catch (error) {
      if (!(error instanceof DuepassiError)) throw error
      const { status, headers, body } = pages.render({
        status: error.status,
        language: chooseLanguage(ctx.req),
        view: 'interaction/error',
        locals: { error: { key: 'error.bad_form' } },
      })
      ctx.status = status
      ctx.set(headers)
      ctx.body = body
    }
  })
}
