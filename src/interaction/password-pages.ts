import type { Context, Next } from 'koa'
import type { Provider } from 'oidc-provider'
import { guardCrossSite, readForm } from '../pages/form.ts'
import { createConsentScreen } from './consent.ts'
import { type FailureParts, showFailure } from './failure.ts'
import { createLoginScreen, type LoginParts } from './login.ts'
import { secondFactorPath } from './second-factor.ts'
import { openVisit, redirect } from './visit.ts'

type PasswordPagesParts = LoginParts & FailureParts & { provider(): Provider; accountName(accountId: string): Promise<string> }

/** The ready provider's own pages of an interaction, at `/interaction/<uid>`: the password, and consent. */
export const createPasswordPages = (parts: PasswordPagesParts) => {
  const login = createLoginScreen(parts)
  const consent = createConsentScreen(parts)
  const base = /^\/interaction\/[\w-]+$/

  return async (ctx: Context, next: Next): Promise<void> => {
    if (!base.test(ctx.path)) {
      // oidc-provider adds the hashes of its own scripts (account switch, form_post) to this header.
      ctx.set('content-security-policy', "default-src 'none'; script-src 'none'; base-uri 'none'; frame-ancestors 'none'")
      return next()
    }
    const { req, res } = ctx
    ctx.respond = false
    try {
      guardCrossSite(req, new URL(parts.provider().issuer).origin)
      const visit = await openVisit(parts.provider(), req, res)
      const form = req.method === 'POST' ? await readForm(req) : undefined
      switch (visit.interaction.prompt.name) {
        case 'login':
          return form ? await login.submit(visit, form) : login.show(visit)
        case 'consent':
          return await (form ? consent.submit(visit, form) : consent.show(visit))
        default:
          return redirect(res, secondFactorPath(req.url ?? '/'))
      }
    } catch (error) {
      await showFailure(parts, req, res, error)
    }
  }
}
