import type { Configuration, ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import { DuepassiError } from '../errors.ts'
import type { RequestMemory } from '../interaction/requests.ts'
import { describeClient } from '../interaction/visit.ts'
import type { Log } from '../log.ts'
import { chooseLanguage } from '../pages/language.ts'
import type { Pages, RenderedPage } from '../pages/pages.ts'

type Logout = NonNullable<
  NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']>['logoutSource']
>
type SignedOut = NonNullable<
  NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']>['postLogoutSuccessSource']
>

/** The pages that oidc-provider asks its configuration for. */
export interface OwnPages {
  error: NonNullable<Configuration['renderError']>
  logout: Logout
  signedOut: SignedOut
}

export const createOwnPages = ({
  pages,
  requests,
  log,
}: {
  pages: Pages
  requests: RequestMemory
  log: Log
}): OwnPages => {
  const answer = (ctx: KoaContextWithOIDC, { status, headers, body }: RenderedPage): void => {
    ctx.status = status
    ctx.set(headers)
    ctx.body = body
  }
  const clientOf = (ctx: KoaContextWithOIDC) =>
    ctx.oidc?.client && { client: describeClient(ctx.oidc.client) }

  return {
    async error(ctx, out: ErrorOut, error: Error) {
      const language = chooseLanguage(ctx.req)
      const cause = error instanceof DuepassiError ? error : undefined
      if (cause?.code === 'busy')
        return answer(
          ctx,
          pages.render({
            status: 503,
            language,
            view: 'interaction/busy',
            locals: { seconds: cause.retryAfter ?? 5 },
          }),
        )
      const status = cause?.status ?? ctx.status
      if (status >= 500) log.error({ err: error }, 'oidc-provider could not answer')
      const uid = /\/auth\/([\w-]{43})/.exec(ctx.path)?.[1]
      // A resumed interaction that is gone: back button, second tab, or too late.
      const again =
        uid && !cause ? await requests.recall(ctx.oidc.provider, uid).catch(() => undefined) : undefined
      if (uid && out.error === 'invalid_request' && !cause)
        return answer(
          ctx,
          pages.render({
            status: 400,
            language,
            ...clientOf(ctx),
            view: 'interaction/expired',
            locals: {
              reason: 'done',
              ...(again?.restartUrl !== undefined && { restartUrl: again.restartUrl }),
            },
          }),
        )
      answer(
        ctx,
        pages.render({
          status,
          language,
          ...clientOf(ctx),
          view: 'interaction/error',
          locals: {
            error: { key: cause ? 'error.store' : status >= 500 ? 'error.unexpected' : 'error.request' },
            technical: {
              code: out.error,
              ...(out.error_description !== undefined && { description: out.error_description }),
            },
          },
        }),
      )
    },
    async logout(ctx, form) {
      answer(
        ctx,
        pages.render({
          language: chooseLanguage(ctx.req),
          ...clientOf(ctx),
          view: 'interaction/logout',
          locals: { form },
        }),
      )
    },
    async signedOut(ctx) {
      answer(
        ctx,
        pages.render({
          language: chooseLanguage(ctx.req),
          ...clientOf(ctx),
          view: 'interaction/signed-out',
          locals: {},
        }),
      )
    },
  }
}
