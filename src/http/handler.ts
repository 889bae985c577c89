import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AccountPages } from '../account/account-pages.ts'
import type { AuthenticatorPages } from '../authenticator/authenticator-pages.ts'
import { type createPasswordPages, interactionArea } from '../interaction/password-pages.ts'
import type { Log } from '../log.ts'
import type { Routes } from '../plugin/routes.ts'
import { relatedOriginsPath } from '../provider/webauthn-options.ts'

/** oidc-provider adds the hashes of its own scripts (account switch, form_post) to this header. */
const policyOfProtocolPages = "default-src 'none'; script-src 'none'; base-uri 'none'; frame-ancestors 'none'"

/** The only addresses of oidc-provider that answer pages. */
const answersPages = (url: string): boolean =>
  url.startsWith('/auth') || url.startsWith('/session') || url.startsWith('/device')

interface Parts {
  /** What a request says of its host is not believed. */
  nameOwnHost: (req: IncomingMessage) => void
  /** Waited for before anything is signed or verified; undefined where nothing is due. Never rejects. */
  fresh: () => Promise<void> | undefined
  protocol: (req: IncomingMessage, res: ServerResponse) => Promise<void>
  secondStep: Routes
  passwordPages: ReturnType<typeof createPasswordPages>
  accountPages: AccountPages
  /** The authenticator app, where there is one. */
  authenticatorPages: AuthenticatorPages | undefined
  /** The document at `/.well-known/webauthn`, if there is one. */
  relatedOrigins: string | undefined
  log: Log
}

/** Our pages and oidc-provider side by side: tokens are not asked whether they might be a page. */
export const createHandler = (parts: Parts): ((req: IncomingMessage, res: ServerResponse) => void) => {
  const answer = answerWith(parts)
  return (req, res) => {
    parts.nameOwnHost(req)
    const wait = parts.fresh()
    if (wait === undefined) answer(req, res)
    else void wait.then(() => answer(req, res))
  }
}

const answerWith =
  (parts: Parts) =>
  (req: IncomingMessage, res: ServerResponse): void => {
    const url = req.url ?? '/'
    if (url === relatedOriginsPath && parts.relatedOrigins !== undefined)
      return void res
        .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'public, max-age=3600' })
        .end(req.method === 'HEAD' ? undefined : parts.relatedOrigins)
    // Whoever comes to the bare address is a person.
    if (url === '/') return void res.writeHead(303, { location: '/account' }).end()
    const ofAccount = url.startsWith('/account')
    const ofApp = url.startsWith('/authenticator') ? parts.authenticatorPages : undefined
    if (!url.startsWith(interactionArea) && !ofAccount && !ofApp) {
      if (answersPages(url)) res.setHeader('content-security-policy', policyOfProtocolPages)
      return void parts.protocol(req, res)
    }
    const answer = async () => {
      if (ofApp) return void ((await ofApp(req, res)) || parts.protocol(req, res))
      if (ofAccount) return void ((await parts.accountPages(req, res)) || parts.protocol(req, res))
      const next = async () => (await parts.passwordPages(req, res)) || parts.protocol(req, res)
      await parts.secondStep(req, res, next)
    }
    answer().catch((error: unknown) => {
      parts.log.error({ err: error }, 'a page could not be answered')
      if (!res.headersSent) res.writeHead(500, { 'content-type': 'text/plain' })
      res.end()
    })
  }
