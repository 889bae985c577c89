import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Authenticators, Device } from '../challenge/authenticators.ts'
import { noteAuthenticatorHere } from '../context/authenticator-cookie.ts'
import { DuepassiError } from '../errors.ts'
import type { Log } from '../log.ts'
import { addressOf } from '../pages/address.ts'
import { guardCrossSite } from '../pages/form.ts'
import { type Answer, readJson, sendAnswer } from './call.ts'

export interface AuthenticatorParts {
  issuer: string
  authenticators: Authenticators
  /** Where a call comes from, by which guesses of invitations are counted. */
  addressOf(req: IncomingMessage): string | null
  log: Log
}

/** Where the API lies beneath the issuer. */
export const apiPath = '/authenticator/api/'

const gone: Answer = { status: 404, body: { error: 'request_gone' } }
const used: Answer = { status: 409, body: { error: 'invitation_used' } }
const unknownInvitation: Answer = { status: 404, body: { error: 'invitation_unknown' } }
const refused = (error: string): Answer => ({ status: 422, body: { error } })
const wait = (seconds: number): Answer => ({
  status: 429,
  body: { error: 'wait', seconds },
  retryAfter: seconds,
})
const unknownDevice: Answer = { status: 401, body: { error: 'device_unknown' } }

/**
 * What a phone asks and answers, as JSON. Answers with whatever it decided; what fails is an error of the same shape.
 */
export const createApi = (parts: AuthenticatorParts) => {
  const { issuer, authenticators } = parts
  const { origin, pathname } = new URL(issuer)
  const base = `${pathname.replace(/\/$/, '')}${apiPath}`
  const secure = issuer.startsWith('https:')

  const offer = async (req: IncomingMessage): Promise<Answer> => {
    const { token } = await readJson(req)
    const offered = await authenticators.offer(String(token ?? ''), parts.addressOf(req))
    if ('wait' in offered) return wait(offered.wait)
    if ('unknown' in offered) return unknownInvitation
    return { status: 200, body: offered }
  }

  const present = async (req: IncomingMessage, res: ServerResponse): Promise<Answer> => {
    const { token, ...rest } = await readJson(req)
    const presented = await authenticators.present(
      String(token ?? ''),
      JSON.stringify({ token, ...rest }),
      parts.addressOf(req),
    )
    switch (presented.kind) {
      case 'presented':
        noteAuthenticatorHere(req, res, presented.accountId, { here: true, secure })
        return { status: 201, body: presented.told }
      case 'wait':
        return wait(presented.seconds)
      case 'refused':
        if (presented.reason === 'replayed') return used
        return presented.reason === 'expired' ? unknownInvitation : refused(presented.reason)
      case 'gone':
        return used
      case 'unknown':
        return unknownInvitation
    }
  }

  const decide = async (req: IncomingMessage, device: Device, id: string): Promise<Answer> => {
    const decided = await authenticators.decide(device, id, JSON.stringify(await readJson(req)))
    switch (decided.kind) {
      case 'decided':
        return { status: 200, body: { outcome: decided.outcome } }
      case 'refused':
        return refused(decided.reason)
      case 'wait':
        return wait(decided.seconds)
      case 'locked':
        return { status: 423, body: { error: 'locked' } }
      case 'gone':
        return gone
    }
  }

  /** What is asked of a device that exists, or is being set up. */
  const ofDevice = async (
    req: IncomingMessage,
    res: ServerResponse,
    path: string,
  ): Promise<Answer | undefined> => {
    const method = req.method ?? ''
    const decision = /^requests\/([\w-]{1,64})\/decision$/.exec(path)?.[1]
    const isKnown =
      (path === 'device' && ['GET', 'PUT', 'DELETE'].includes(method)) ||
      (path === 'requests' && method === 'GET') ||
      (decision !== undefined && method === 'POST')
    if (!isKnown) return undefined
    const url = `${origin}${base}${path}`
    const device = await authenticators.open(req.headers.authorization, { method, url })
    if (!device) return unknownDevice
    if (decision !== undefined) return decide(req, device, decision)
    if (path === 'requests') return { status: 200, body: await authenticators.requests(device) }
    const { accountId } = device
    switch (method) {
      case 'PUT': {
        const { address } = await readJson(req)
        const kept = await authenticators.setAddress(device, address)
        if (kept === 'not-allowed') return refused(kept)
        if (kept === 'gone') return unknownDevice
        noteAuthenticatorHere(req, res, accountId, { here: true, secure })
        return { status: 204 }
      }
      case 'DELETE':
        await authenticators.remove(device)
        noteAuthenticatorHere(req, res, accountId, { here: false, secure })
        return { status: 204 }
      default:
        return { status: 200, body: await authenticators.describe(device) }
    }
  }

  const answer = async (req: IncomingMessage, res: ServerResponse, path: string): Promise<Answer> => {
    if (req.method === 'POST' && path === 'invitations') return offer(req)
    if (req.method === 'POST' && path === 'devices') return present(req, res)
    return (await ofDevice(req, res, path)) ?? { status: 404, body: { error: 'not_found' } }
  }

  /** Answers; false, having done nothing, for an address that is not the API's. */
  return async (req: IncomingMessage, res: ServerResponse): Promise<boolean> => {
    const [path = ''] = addressOf(req).split('?', 1)
    if (!path.startsWith(base)) return false
    try {
      guardCrossSite(req, origin)
      sendAnswer(res, await answer(req, res, path.slice(base.length)))
    } catch (error) {
      const known = error instanceof DuepassiError ? error : undefined
      if (!known || known.status >= 500) parts.log.error({ err: error }, 'a call of an authenticator failed')
      sendAnswer(res, {
        status: known?.status ?? 500,
        body: { error: known?.code ?? 'unexpected' },
        ...(known?.retryAfter !== undefined && { retryAfter: known.retryAfter }),
      })
    }
    return true
  }
}
