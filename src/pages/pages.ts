import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Language, PageClient, ViewName, Views } from './views.ts'

export interface Page<View extends ViewName> {
  /** 200 when absent. */
  status?: number
  view: View
  language: Language
  locals: Views[View]
  client?: PageClient
  /** Seconds; sent as Retry-After. `interaction/busy` sends its own. */
  retryAfter?: number
  headers?: OutgoingHttpHeaders
}

export interface RenderedPage {
  status: number
  headers: Record<string, string>
  body: string
}

export interface Pages {
  /** For hosts that answer by themselves, such as `logoutSource(ctx, form)` of oidc-provider: `ctx.set(headers); ctx.body = body`. */
  render<View extends ViewName>(page: Omit<Page<View>, 'headers'>): RenderedPage
  /** Renders and answers. Answers HEAD without a body. */
  send<View extends ViewName>(req: IncomingMessage, res: ServerResponse, page: Page<View>): void
}
