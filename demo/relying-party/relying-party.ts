import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import accepts from 'accepts'
import { type ClientOptions, createClient, type SignedIn, SignInRefused, type Wish } from './client.ts'
import type { Html } from './html.ts'
import { levelsAbove } from './meanings.ts'
import { claimsPage, homePage, problemPage } from './pages.ts'
import { createSessions, recall, remember, type Session } from './sessions.ts'
import { type Language, problemOf } from './texts.ts'
import { vaultPage } from './vault-page.ts'

export interface RelyingPartyOptions extends ClientOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** The demo's page of mails and messages, linked from the start page. */
  providerInboxUrl?: string
  /** Told of what went wrong. Never receives a token, a code or a cookie. */
  log?: (message: string, error: unknown) => void
}

/** Cookies do not know ports: on localhost the provider gets this one too, so the name must be ours alone. */
const cookieName = 'example_relying_party'

/**
 * Starts the relying party. The provider may come up later: it is asked at the first sign-in.
 * `url` has no slash at the end. Rejects when the port is taken (`EADDRINUSE`).
 */
export const startRelyingParty = async (
  options: RelyingPartyOptions,
): Promise<{ url: string; close(): Promise<void> }> => {
  const assets = {
    '/style.css': {
      type: 'text/css; charset=utf-8',
      body: await readFile(new URL('style.css', import.meta.url)),
    },
    '/logo.svg': { type: 'image/svg+xml', body: await readFile(new URL('logo.svg', import.meta.url)) },
  }
  const sessions = createSessions()
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const home = new URL(`http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`)
  const client = createClient(options, home)

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', home)
    const language = languageOf(request)
    const session = sessions.find(readCookie(request))
    const signedIn = session?.signedIn

    const beginSignIn = async (wish: Wish) => {
      const { url: provider, pending } = await client.begin(wish)
      const mine = session ?? sessions.create()
      remember(mine, pending)
      setCookie(response, mine)
      redirect(response, provider.href)
    }

    const finishSignIn = async () => {
      const pending = recall(session, url.searchParams.get('state'))
      if (session === undefined || pending === undefined) throw new SignInRefused('gone')
      const person = await client.finish(url, pending)
      // A new identifier, so that one planted in this browser before does not become signed in.
      const fresh = sessions.create()
      fresh.signedIn = person
      fresh.pending = session.pending
      sessions.remove(session)
      setCookie(response, fresh)
      const { stepUp } = pending.wish
      if (stepUp === undefined) return redirect(response, '/claims')
      fresh.steppedUp = { stepUp, before: stepUp.before }
      redirect(response, '/vault')
    }

    const renew = async (session: Session, before: SignedIn): Promise<SignedIn> => {
      session.refreshing ??= client.refresh(before).finally(() => {
        session.refreshing = undefined
      })
      try {
        session.signedIn = await session.refreshing
        return session.signedIn
      } catch (error) {
        // The provider took the grant back (a lock, a sign-out elsewhere): what it said before no longer holds.
        if (error instanceof SignInRefused && error.reason === 'invalid_grant') session.signedIn = undefined
        throw error
      }
    }

    const refresh = async () => {
      if (session?.signedIn === undefined) return redirect(response, '/')
      const before = session.signedIn
      await renew(session, before)
      session.refreshedFrom = before.claims.exp
      redirect(response, '/claims')
    }

    const openVault = async () => {
      if (session?.signedIn === undefined) return redirect(response, '/')
      const story = session.steppedUp
      session.steppedUp = undefined
      let person = session.signedIn
      let answered = await client.openVault(person, language)
      if (answered.kind === 'invalid-token' && person.refreshToken !== undefined) {
        // Expired, most likely: access tokens live for minutes.
        person = await renew(session, person)
        answered = await client.openVault(person, language)
      }
      if (answered.kind === 'opened')
        return send(response, 200, vaultPage(language, answered.treasure, story))
      if (answered.kind === 'unreachable')
        throw new SignInRefused('vault_unreachable', { cause: answered.cause })
      // Asked for again right after the step up: it was not met, and another round would not meet it either.
      if (answered.kind !== 'step-up' || story !== undefined) throw new SignInRefused('vault_refused')
      const { acr } = person.claims
      await beginSignIn({
        stepUp: { ...answered.stepUp, before: typeof acr === 'string' ? acr : undefined },
      })
    }

    const signOut = async () => {
      if (session === undefined || signedIn === undefined) return redirect(response, '/')
      sessions.remove(session)
      redirect(response, (await client.signOutUrl(signedIn)).href)
    }

    try {
      switch (`${request.method === 'HEAD' ? 'GET' : request.method} ${url.pathname}`) {
        case 'GET /':
          if (signedIn !== undefined) return redirect(response, '/claims')
          return send(response, 200, homePage(language, options.issuer, options.providerInboxUrl))
        case 'GET /claims':
          if (signedIn === undefined) return redirect(response, '/')
          return send(
            response,
            200,
            claimsPage(language, {
              signedIn,
              refreshedFrom: session?.refreshedFrom,
              now: Date.now(),
              vault: options.vault !== undefined,
            }),
          )
        case 'GET /sign-in':
          return await beginSignIn({})
        case 'GET /sign-in-again':
          return await beginSignIn({ again: true })
        case 'GET /ask-for-more':
          return await beginSignIn({ essentialAcr: levelsAbove(signedIn?.claims.acr) })
        case 'GET /vault':
          return await openVault()
        case 'GET /callback':
          return await finishSignIn()
        case 'POST /refresh':
          refuseOtherSites(request, home)
          return await refresh()
        case 'POST /sign-out':
          refuseOtherSites(request, home)
          return await signOut()
        case 'GET /style.css':
        case 'GET /logo.svg': {
          const asset = assets[url.pathname as keyof typeof assets]
          // The provider's pages show the logo too.
          response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin')
          response.setHeader('Cache-Control', 'public, max-age=300')
          response.setHeader('Content-Type', asset.type).end(asset.body)
          return
        }
        default:
          throw new SignInRefused('not_found')
      }
    } catch (error) {
      const reason = error instanceof SignInRefused ? error.reason : 'unexpected'
      if (reason !== 'not_found' && reason !== 'gone') options.log?.(`relying party: ${reason}`, error)
      const stillSignedIn = sessions.find(session?.id)?.signedIn !== undefined
      send(response, statusOf(reason), problemPage(language, problemOf(reason), reason, stillSignedIn))
    }
  }

  server.on('request', (request, response) => {
    guard(response, options.issuer)
    answer(request, response).catch((error) => {
      options.log?.('relying party: unexpected', error)
      response.destroy()
    })
  })

  return {
    url: home.origin,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      }),
  }
}

/** Headers of every answer. No script runs here, so none is allowed. */
const guard = (response: ServerResponse, issuer: string): void => {
  response.setHeader(
    'Content-Security-Policy',
    // Chrome holds a form's redirects to `form-action` too, and signing out redirects to the provider.
    `default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' ${new URL(issuer).origin}`,
  )
  response.setHeader('Cache-Control', 'no-store')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('Referrer-Policy', 'same-origin')
}

const send = (response: ServerResponse, status: number, page: Html): void => {
  response
    .writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', Vary: 'Accept-Language' })
    .end(page.text)
}

const redirect = (response: ServerResponse, location: string): void => {
  response.writeHead(303, { Location: location }).end()
}

const statusOf = (reason: string): number => {
  if (reason === 'not_found') return 404
  if (reason === 'cross_site' || reason === 'vault_refused') return 403
  if (reason === 'provider_unreachable' || reason === 'vault_unreachable') return 502
  return reason === 'unexpected' ? 500 : 400
}

/** A button of this application is pressed on this application: Sec-Fetch-Site, or Origin where it is missing. */
const refuseOtherSites = (request: IncomingMessage, home: URL): void => {
  const site = request.headers['sec-fetch-site']
  const own = site === undefined ? request.headers.origin === home.origin : site === 'same-origin'
  if (!own) throw new SignInRefused('cross_site')
}

const languageOf = (request: IncomingMessage): Language =>
  accepts(request).languages(['en', 'it']) === 'it' ? 'it' : 'en'

const readCookie = (request: IncomingMessage): string | undefined =>
  request.headers.cookie
    ?.split('; ')
    .find((pair) => pair.startsWith(`${cookieName}=`))
    ?.slice(cookieName.length + 1)

const setCookie = (response: ServerResponse, session: Session): void => {
  // On https add `; Secure` and the prefix `__Host-`.
  response.setHeader('Set-Cookie', `${cookieName}=${session.id}; Path=/; HttpOnly; SameSite=Lax`)
}
