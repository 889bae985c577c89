import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Attempts } from '../attempts/attempts.ts'
import type { RecordEvent } from '../audit/trail.ts'
import type { PasskeyOutcome } from '../challenge/passkey.ts'
import type { Directory } from '../directory/directory.ts'
import { canonicalName } from '../directory/name.ts'
import type { Pages } from '../pages/pages.ts'
import type { PageError } from '../pages/views.ts'
import type { Hasher } from '../passwords/hashing.ts'
import type { Visit } from './visit.ts'

export interface LoginParts {
  directory: Pick<Directory, 'accountById' | 'accountByName' | 'changeAccount'>
  hasher: Hasher
  attempts: Attempts
  record: RecordEvent
  pages: Pages
  /** Longest password that is hashed at all, in characters. */
  maxLength: number
  primarySucceeded(
    req: IncomingMessage,
    res: ServerResponse,
    who: { accountId: string; amr: readonly string[]; device?: string | undefined; failures?: number },
  ): Promise<void>
  /** The issuer that trusted devices sign for; absent where they sign nothing. */
  boundTo?: string | undefined
  /** Absent: nobody is offered to sign in by passkey alone. */
  passkeys?: {
    rpId: string
    question(
      uid: string,
      client: object | undefined,
    ): Promise<{ options: Record<string, unknown>; question: string } | undefined>
    signIn(
      req: IncomingMessage,
      res: ServerResponse,
      answer: {
        response: string
        question: string
        mayEnter(accountId: string): Promise<boolean>
      },
    ): Promise<Extract<PasskeyOutcome, { kind: 'refused' }> | { kind: 'answered' }>
  }
}

interface Again {
  username?: string
  error: PageError
  status: number
  /** Keeps the password's button off. */
  waitSeconds?: number
  retryAfter?: number
  unknownPasskey?: string
}

/**
 * The password page. Whether a name exists, is disabled or has a second factor cannot be told from its answers: the same
 * text, the same work, the same counting.
 */
export const createLoginScreen = (parts: LoginParts) => {
  const show = async (visit: Visit, again?: Again): Promise<void> => {
    const { req, res, language, client, metadata, interaction, uid } = visit
    const hint = interaction.params['login_hint']
    const username = again?.username ?? (typeof hint === 'string' ? hint : undefined)
    const retryAfter = again?.retryAfter ?? again?.waitSeconds
    const passkey = await parts.passkeys?.question(uid, metadata)
    const { unknownPasskey: credentialId } = again ?? {}
    parts.pages.send(req, res, {
      status: again?.status ?? 200,
      language,
      ...(client && { client }),
      ...(retryAfter !== undefined && { retryAfter }),
      view: 'interaction/login',
      locals: {
        ...(username !== undefined && { username }),
        ...(again && { error: again.error }),
        ...(again?.waitSeconds !== undefined && { waitSeconds: again.waitSeconds }),
        ...(passkey && { passkey }),
        ...(parts.boundTo !== undefined && { device: { issuer: parts.boundTo, uid } }),
        ...(parts.passkeys &&
          credentialId !== undefined && { unknownPasskey: { rpId: parts.passkeys.rpId, credentialId } }),
      },
    })
  }

  const mayEnter = async (accountId: string): Promise<boolean> =>
    (await parts.directory.accountById(accountId))?.disabledAt === null

  return {
    show: (visit: Visit): Promise<void> => show(visit),

    /** Without a name or password: the passkey says who is there. */
    async submitPasskey(visit: Visit, form: Record<string, string>): Promise<void> {
      const { response = '', question = '' } = form
      const outcome = await parts.passkeys?.signIn(visit.req, visit.res, { response, question, mayEnter })
      if (outcome?.kind === 'answered') return
      await show(visit, outcome ? refusedPasskey(outcome) : { ...passkeyFailed, status: 400 })
    },

    async submit(visit: Visit, form: Record<string, string>): Promise<void> {
      const { req, res, interaction } = visit
      const { username = '', password = '', 'device-proof': device } = form
      const wrong = { username, error: { key: 'error.login.wrong' }, status: 401 } as const
      // Nothing that could be a name or a password: there is nothing to judge, and so nothing to count.
      if (canonicalName(username) === '' || password === '') return show(visit, wrong)
      const account = await parts.directory.accountByName(username)
      const subject =
        account?.id ?? `name:${createHash('sha256').update(canonicalName(username)).digest('base64url')}`
      const reservation = await parts.attempts.reserve(subject, 'password')
      if (reservation.kind !== 'judge') {
        const seconds = reservation.kind === 'wait' ? reservation.seconds : 60
        return show(visit, {
          username,
          error: { key: 'error.login.wait', values: { seconds } },
          status: 429,
          waitSeconds: seconds,
        })
      }
      const clientId = String(interaction.params['client_id'])
      const usable = account?.disabledAt === null ? account : undefined
      // Longer than any password can be: cut, so that nobody makes us hash a novel, and still wrong.
      const right = await parts.hasher
        .verify(usable?.passwordHash, [...password].slice(0, parts.maxLength + 1).join(''))
        .catch(async (error: unknown) => {
          // No place to hash it in: it was not judged, so it does not count.
          await parts.attempts.giveBack(subject, 'password', reservation.failures)
          throw error
        })
      if (!right || !usable) {
        await parts.record('password.refused', { accountId: account?.id ?? null, clientId })
        return show(visit, wrong)
      }
      await parts.attempts.settle(subject, 'password')
      await parts.record('password.accepted', { accountId: usable.id, clientId })
      if (parts.hasher.isOutdated(usable.passwordHash)) {
        const { passwordHash } = usable
        // Never in the place of one that was set meanwhile.
        const renewed = { passwordHash: await parts.hasher.hash(password) }
        await parts.directory.changeAccount(usable.id, renewed, { passwordHash })
      }
      const failures = reservation.failures - 1
      await parts.primarySucceeded(req, res, { accountId: usable.id, amr: ['pwd'], device, failures })
    },
  }
}

const passkeyFailed = { error: { key: 'error.passkey.failed' } } as const

const refusedPasskey = ({
  reason,
  waitSeconds,
  credentialId,
}: Extract<PasskeyOutcome, { kind: 'refused' }>): Again => {
  switch (reason) {
    case 'wait': {
      const seconds = waitSeconds ?? 60
      return { error: { key: 'error.webauthn.wait', values: { seconds } }, status: 429, retryAfter: seconds }
    }
    case 'unknown':
      return {
        error: { key: 'error.passkey.unknown' },
        status: 401,
        ...(credentialId !== undefined && { unknownPasskey: credentialId }),
      }
    case 'forbidden':
      return { error: { key: 'error.passkey.forbidden' }, status: 403 }
    case 'turned-away':
      return { error: { key: 'error.turned-away' }, status: 403 }
    case 'expired':
      return { error: { key: 'error.passkey.expired' }, status: 401 }
    case 'unverified':
      return { error: { key: 'error.webauthn.unverified' }, status: 401 }
    case 'cloned':
      return { error: { key: 'error.webauthn.cloned' }, status: 401 }
    default:
      return { ...passkeyFailed, status: 401 }
  }
}
