import type { ClientAuthorizationState, KoaContextWithOIDC, Provider, Session } from 'oidc-provider'
import { describeClient } from '../../interaction/visit.ts'
import type { Log } from '../../log.ts'
import { chooseLanguage } from '../../pages/language.ts'
import type { Pages } from '../../pages/pages.ts'
import { type FrontchannelClient, logoutFrame, sessionProperty, uriProperty } from './frontchannel-uri.ts'

/** Discovery metadata (Front-Channel Logout 1.0 §3). */
export const frontchannelDiscovery = {
  frontchannel_logout_supported: true,
  frontchannel_logout_session_supported: true,
}

/** Seconds after which the browser goes on, whatever the relying parties answer. */
const patience = 3

/**
 * OpenID Connect Front-Channel Logout 1.0, which oidc-provider gave up. Where a session ends in the browser, the redirect
 * onwards becomes a page that loads the `frontchannel_logout_uri` of each client that is signed out, and then goes on.
 */
export const attachFrontchannelLogout = (
  provider: Provider,
  { pages, log }: { pages: Pages; log: Log },
): void => {
  giveSid(provider)
  const address = provider.pathFor('end_session_confirm', { mountPath: '' })

  const frameOf = async (clientId: string, sid: string | undefined): Promise<string | undefined> => {
    try {
      const client = await provider.Client.find(clientId)
      return client && logoutFrame(client as FrontchannelClient, { iss: provider.issuer, sid })
    } catch (error) {
      // Its metadata is not valid any more; the others are signed out all the same.
      log.warn({ err: error, client: clientId }, 'a relying party could not be signed out by the browser')
      return undefined
    }
  }

  provider.use(async (ctx, next) => {
    if (ctx.method !== 'POST' || ctx.path !== address) return next()
    // Before it ends, since afterwards nobody knows who was signed in to.
    const session = await provider.Session.get(ctx).catch(() => undefined)
    const authorizations = { ...session?.authorizations }
    await next()
    const location = ctx.response.get('location')
    if (!session || ctx.status !== 303 || location === '') return
    const { oidc } = ctx as KoaContextWithOIDC
    const ended = endedBy(session, Boolean(oidc.params?.['logout']), authorizations)
    const found = await Promise.all(ended.map(([clientId, { sid }]) => frameOf(clientId, sid)))
    const frames = [...new Set(found.filter((frame) => frame !== undefined))]
    if (frames.length === 0) return
    const { status, headers, body } = pages.render({
      language: chooseLanguage(ctx.req),
      ...(oidc.client && { client: describeClient(oidc.client) }),
      view: 'interaction/signing-out',
      locals: { frames, next: location, seconds: patience },
    })
    ctx.remove('location')
    ctx.status = status
    ctx.set(headers)
    ctx.body = body
  })
}

/** The clients that oidc-provider signs out: all, or the one that asked (lib/actions/end_session.js). */
const endedBy = (
  { state }: Session,
  everywhere: boolean,
  authorizations: Record<string, ClientAuthorizationState>,
): [clientId: string, authorization: ClientAuthorizationState][] =>
  Object.entries(authorizations).filter(([clientId]) => everywhere || clientId === state?.['clientId'])

/** ID tokens say `sid` to whom it will be told. */
const giveSid = ({ Client }: Provider): void => {
  const { includeSid } = Client.prototype
  Client.prototype.includeSid = function (this: InstanceType<typeof Client> & FrontchannelClient) {
    return (
      Boolean(includeSid.call(this)) || (this[uriProperty] !== undefined && this[sessionProperty] === true)
    )
  }
}
