import type { IncomingMessage, ServerResponse } from 'node:http'
import { redirect } from '../interaction/visit.ts'
import { chooseLanguage } from '../pages/language.ts'
import type { PageError } from '../pages/views.ts'
import type { SecretCookie } from './cookies.ts'
import type { PageSessions } from './page-sessions.ts'
import type { AccountParts } from './parts.ts'
import { type PendingSignIns, type Proof, pendingSeconds } from './pending-sign-ins.ts'
import type { Addresses, Place } from './places.ts'
import type { RelyingParty } from './relying-party.ts'
import type { createVisits } from './visits.ts'

type SignInParts = Pick<AccountParts, 'clock' | 'random' | 'log' | 'pages'> & {
  addresses: Addresses
  sessions: PageSessions
  sessionCookie: SecretCookie
  pending: PendingSignIns
  /** Binds sign-ins under way to the browser. */
  browserCookie: SecretCookie
  relyingParty: RelyingParty
  visits: ReturnType<typeof createVisits>
}

export type AccountSignIn = ReturnType<typeof createAccountSignIn>

/** To the provider and back, like any relying party. */
export const createAccountSignIn = (parts: SignInParts) => {
  const { addresses, sessions, sessionCookie, pending, browserCookie, relyingParty, random } = parts

  /** The end of a sign-in that failed: says so and leads on, and never begins another by itself. */
  const refuse = (req: IncomingMessage, res: ServerResponse, code: string): void => {
    parts.log.warn({ reason: code }, 'a sign-in at the security page was refused')
    parts.pages.send(req, res, {
      status: code === 'server_error' || code === 'temporarily_unavailable' ? 503 : 403,
      language: chooseLanguage(req),
      view: 'interaction/error',
      locals: {
        error: refusalText(code),
        restartUrl: addresses.base,
        technical: { code },
      },
    })
  }

  return {
    refuse,

    /** Sends the browser to the provider; it comes back to the place. `proof`: what the person has to prove anew. */
    async begin(req: IncomingMessage, res: ServerResponse, place: Place, proof?: Proof): Promise<void> {
      // One secret for all tabs of the browser.
      const browser = browserCookie.read(req) ?? random(32).toString('base64url')
      const nonce = random(32).toString('base64url')
      const verifier = random(32).toString('base64url')
      const asked = { place, nonce, verifier, startedAt: parts.clock.now(), ...(proof && { proof }) }
      const state = await pending.begin(asked, browser)
      const url = await relyingParty.authorizationUrl({
        state,
        nonce,
        verifier,
        language: chooseLanguage(req),
        ...(proof && { proof }),
      })
      browserCookie.write(res, browser, pendingSeconds)
      redirect(res, url.href)
    },

    async callback(req: IncomingMessage, res: ServerResponse, search: string): Promise<void> {
      const before = sessionCookie.read(req)
      const state = new URLSearchParams(search).get('state') ?? ''
      const browser = browserCookie.read(req)
      const asked = browser === undefined ? undefined : await pending.take(state, browser)
      if (!asked) {
        // The back button, or a second click: whoever is signed in already loses nothing.
        if (before !== undefined && (await sessions.find(before))) return redirect(res, addresses.base)
        return parts.pages.send(req, res, {
          status: 400,
          language: chooseLanguage(req),
          view: 'interaction/expired',
          locals: { reason: 'expired', restartUrl: addresses.base },
        })
      }
      const finished = await relyingParty.finish(search, state, asked)
      if (finished.kind === 'refused') return refuse(req, res, wordOf(finished.code))
      const { session, seconds } = finished
      // Otherwise the first page would begin again, and again.
      if (!(await relyingParty.isAlive(session))) return refuse(req, res, 'invalid_token')
      const old = before === undefined ? undefined : await sessions.find(before)
      // A change that was begun in another tab goes on, for the same person.
      const change = old?.sub === session.sub ? old.change : undefined
      const id = await sessions.begin({ ...session, ...(change && { change }) }, seconds)
      if (before !== undefined && old) await (change ? sessions.drop(before) : parts.visits.end(before, old))
      sessionCookie.write(res, id)
      redirect(res, addresses.addressOf(asked.place))
    },

    /** Ends the page's session, and leads to the end of the provider's. */
    async end(req: IncomingMessage, res: ServerResponse): Promise<void> {
      const id = sessionCookie.read(req)
      const session = id === undefined ? undefined : await sessions.find(id)
      const url = await relyingParty.endSessionUrl(session?.idToken)
      if (id !== undefined && session) await parts.visits.end(id, session)
      sessionCookie.clear(res)
      redirect(res, url.href)
    },

    signedOut(req: IncomingMessage, res: ServerResponse): void {
      parts.pages.send(req, res, {
        language: chooseLanguage(req),
        view: 'interaction/signed-out',
        locals: {},
      })
    },
  }
}

/** It comes out of the address: only a word of OAuth is repeated. */
const wordOf = (code: string): string => (/^[a-z_]{1,60}$/.test(code) ? code : 'invalid_request')

const refusalText = (code: string): PageError => {
  switch (code) {
    case 'unmet_authentication_requirements':
      return { key: 'error.policy.unreachable' }
    case 'server_error':
      return { key: 'error.unexpected' }
    case 'temporarily_unavailable':
      return { key: 'error.store' }
    default:
      return { key: 'error.interaction_gone' }
  }
}
