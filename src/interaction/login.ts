import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Attempts } from '../attempts/attempts.ts'
import type { RecordEvent } from '../audit/trail.ts'
import type { Directory } from '../directory/directory.ts'
import { canonicalName } from '../directory/name.ts'
import type { Pages } from '../pages/pages.ts'
import type { PageError } from '../pages/views.ts'
import type { Hasher } from '../passwords/hashing.ts'
import type { Visit } from './visit.ts'

export interface LoginParts {
  directory: Pick<Directory, 'accountByName' | 'changeAccount'>
  hasher: Hasher
  attempts: Attempts
  record: RecordEvent
  pages: Pages
  /** Longest password that is hashed at all, in characters. */
  maxLength: number
  primarySucceeded(
    req: IncomingMessage,
    res: ServerResponse,
    who: { accountId: string; amr: readonly string[] },
  ): Promise<void>
}

/**
 * The password page. Whether a name exists, is disabled or has a second factor cannot be told from its answers: the same
 * text, the same work, the same counting.
 */
export const createLoginScreen = (parts: LoginParts) => {
  const show = (
    { req, res, language, client, interaction }: Visit,
    again?: { username: string; error: PageError; status: number; waitSeconds?: number },
  ): void => {
    const hint = interaction.params['login_hint']
    const username = again?.username ?? (typeof hint === 'string' ? hint : undefined)
    parts.pages.send(req, res, {
      status: again?.status ?? 200,
      language,
      ...(client && { client }),
      ...(again?.waitSeconds !== undefined && { retryAfter: again.waitSeconds }),
      view: 'interaction/login',
      locals: {
        ...(username !== undefined && { username }),
        ...(again && { error: again.error }),
        ...(again?.waitSeconds !== undefined && { waitSeconds: again.waitSeconds }),
      },
    })
  }

  return {
    show: (visit: Visit): void => show(visit),

    async submit(visit: Visit, form: Record<string, string>): Promise<void> {
      const { req, res, interaction } = visit
      const { username = '', password = '' } = form
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
      if (parts.hasher.isOutdated(usable.passwordHash))
        await parts.directory.changeAccount(usable.id, { passwordHash: await parts.hasher.hash(password) })
      await parts.primarySucceeded(req, res, { accountId: usable.id, amr: ['pwd'] })
    },
  }
}
