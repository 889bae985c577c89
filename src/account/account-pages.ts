import type { IncomingMessage, ServerResponse } from 'node:http'
import { showError } from '../interaction/failure.ts'
import { redirect } from '../interaction/visit.ts'
import { guardCrossSite, readForm } from '../pages/form.ts'
import { watchOf } from '../pages/watching.ts'
import { createAdd, createStartChange } from './change.ts'
import { createChangePage } from './change-page.ts'
import { createCodes } from './codes.ts'
import { createSecretCookie } from './cookies.ts'
import { createEndSessions } from './end-sessions.ts'
import { createForget } from './forget.ts'
import { createHome } from './home.ts'
import { createPageSessions } from './page-sessions.ts'
import type { AccountParts } from './parts.ts'
import { createPendingSignIns } from './pending-sign-ins.ts'
import { createAddresses, type Place, type PlaceName, type Target } from './places.ts'
import { createProofs } from './proofs.ts'
import { createRelyingParty } from './relying-party.ts'
import { createRemove } from './remove.ts'
import { createRename } from './rename.ts'
import { createGoHome, type Screen } from './screen.ts'
import { createAccountSignIn } from './sign-in.ts'
import { createVisits } from './visits.ts'
import { showWrongMethod } from './wrong-method.ts'

/** Answers; false, having done nothing, for an address that is not the security page's. */
export type AccountPages = (req: IncomingMessage, res: ServerResponse) => Promise<boolean>

/** A person's security page, at `/account` beneath the issuer. */
export const createAccountPages = (parts: AccountParts): AccountPages => {
  const { issuer, handler, clock } = parts
  const secure = issuer.startsWith('https:')
  const addresses = createAddresses(issuer)
  const sessions = createPageSessions(parts)
  const sessionCookie = createSecretCookie('duepassi-account', secure)
  const relyingParty = createRelyingParty({ issuer, handler, addresses, clock })
  const visits = createVisits({ ...parts, sessions, sessionCookie, relyingParty })
  const signIn = createAccountSignIn({
    ...parts,
    addresses,
    sessions,
    sessionCookie,
    pending: createPendingSignIns(parts),
    browserCookie: createSecretCookie('duepassi-account-sign-in', secure),
    relyingParty,
    visits,
  })
  const proofs = createProofs({ ...parts, signIn })
  const goHome = createGoHome({ sessions, addresses })
  const shared = { ...parts, addresses, ownSessions: parts.sessions, sessions, proofs, goHome }
  const startChange = createStartChange(shared)
  const home = createHome(shared)
  const screens: Record<PlaceName, Screen> = {
    home,
    add: createAdd({ ...shared, startChange }),
    change: createChangePage(shared),
    remove: createRemove(shared),
    rename: createRename(shared),
    codes: createCodes({ ...shared, startChange }),
    forget: createForget(shared),
    end: createEndSessions({ sessions: parts.sessions, goHome }),
  }

  const methodsOf = (target: Target): readonly string[] => {
    if (target.kind === 'open')
      return { callback: ['GET'], 'signed-out': ['GET', 'HEAD'], 'sign-out': ['POST'] }[target.name]
    const { actsOnShow, submit } = screens[target.place.name]
    return ['GET', ...(actsOnShow ? [] : ['HEAD']), ...(submit ? ['POST'] : [])]
  }

  const answerPlace = async (req: IncomingMessage, res: ServerResponse, place: Place): Promise<void> => {
    const opened = await visits.open(req, res, place)
    // A page that watches by itself begins no sign-in: the person does, by whatever they press next.
    if (opened.kind !== 'open' && place.name === 'change' && watchOf(req))
      return void res.writeHead(401).end()
    if (opened.kind === 'account-gone') {
      sessionCookie.clear(res)
      return signIn.refuse(req, res, 'access_denied')
    }
    if (opened.kind === 'signed-out')
      // What was sent is lost, but a change under way is not: its page says where it stands.
      return req.method === 'POST' && place.name !== 'change'
        ? redirect(res, addresses.base)
        : signIn.begin(req, res, place.name === 'change' ? { name: 'change' } : place)
    const { visit } = opened
    if (visit.overview.state === 'locked' && place.name !== 'home') return home.showLocked(visit)
    const screen = screens[place.name]
    return req.method === 'POST' ? screen.submit?.(visit, await readForm(req)) : screen.show(visit)
  }

  const answer = (req: IncomingMessage, res: ServerResponse, target: Target): Promise<void> | void => {
    if (target.kind === 'place') return answerPlace(req, res, target.place)
    switch (target.name) {
      case 'callback':
        return signIn.callback(req, res, target.search)
      case 'sign-out':
        return signIn.end(req, res)
      case 'signed-out':
        return signIn.signedOut(req, res)
    }
  }

  return async (req, res) => {
    const target = addresses.targetOf(req)
    if (!target) return false
    try {
      const allowed = methodsOf(target)
      if (!allowed.includes(req.method ?? '')) showWrongMethod(parts, req, res, allowed)
      else {
        guardCrossSite(req, addresses.origin)
        await answer(req, res, target)
      }
    } catch (error) {
      showError(parts, req, res, error)
    }
    return true
  }
}
