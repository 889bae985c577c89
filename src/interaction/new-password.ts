import type { InteractionResults, Provider } from 'oidc-provider'
import type { RecordEvent } from '../audit/trail.ts'
import type { Clock } from '../clock.ts'
import type { Notice } from '../delivery/notices.ts'
import type { Account, Directory } from '../directory/directory.ts'
import type { Pages } from '../pages/pages.ts'
import type { Views } from '../pages/views.ts'
import { faultOf, type PasswordFault } from '../passwords/acceptable.ts'
import type { Hasher } from '../passwords/hashing.ts'
import { isTrustNamed, isWeak, provesTwoFactors } from '../policy/amr.ts'
import { finish, type Visit } from './visit.ts'

/** The prompt of oidc-provider that this screen answers. */
export const newPasswordPrompt = 'new_password'

export interface NewPasswordParts {
  provider(): Provider
  directory: Pick<Directory, 'accountById' | 'changeAccount' | 'standing' | 'audit'>
  hasher: Pick<Hasher, 'hash' | 'verify'>
  clock: Clock
  pages: Pages
  record: RecordEvent
  /** Tells the person; nobody waits for it. */
  notify(notice: Notice & { accountId: string }): void
  /** In characters. */
  minLength: number
  maxLength: number
  /** Ends sign-ins under way, the trust in browsers, and every session and grant but those of this session. */
  endOthers(accountId: string, sessionUid: string): Promise<void>
}

/**
 * True for a session that is older than the demand for a new password: whoever began it may be the one because of whom it is
 * demanded, so they sign in once more first. A demand from the future (clocks differ) is older than nothing.
 *
 * @param passwordDue milliseconds; `authTime` seconds.
 */
export const isOutlived = (passwordDue: number, authTime: number | undefined, { now }: Clock): boolean =>
  passwordDue <= now() && (authTime === undefined || authTime < Math.floor(passwordDue / 1000))

type Asked = Account & { passwordDue: number }

/** Asks for a new password, in a sign-in whose every factor is proven. */
export const createNewPasswordScreen = (parts: NewPasswordParts) => {
  const { directory, hasher } = parts
  const lengths = { minLength: parts.minLength, maxLength: parts.maxLength }

  /**
   * The account, if a new password is asked of it and whoever is here has proven enough. Otherwise undefined: the sign-in
   * goes on, and its own checks say how.
   */
  const askedOf = async ({ interaction }: Visit): Promise<Asked | undefined> => {
    const { session } = interaction
    const account = session && (await directory.accountById(session.accountId))
    if (!account || account.disabledAt !== null || !isAsked(account)) return undefined
    const began = (await parts.provider().Session.findByUid(session.uid))?.authTime()
    if (isOutlived(account.passwordDue, began, parts.clock)) return undefined
    const amr = session.amr ?? []
    if (provesTwoFactors(amr) && !isTrustNamed(amr)) return account
    const { factors } = await directory.standing(account.id)
    if (factors.every(isWeak)) return account
    // A policy that lets the password do, or a browser that is trusted, does for this request no more.
    const prompts = new Set(String(interaction.params['prompt'] ?? '').split(' ')).add('second_factor')
    interaction.params = { ...interaction.params, prompt: [...prompts].filter(Boolean).join(' ') }
    return undefined
  }

  const render = async (visit: Visit, account: Asked, fault?: PasswordFault): Promise<void> => {
    const { req, res, language, client } = visit
    parts.pages.send(req, res, {
      status: fault === undefined ? 200 : 422,
      language,
      ...(client && { client }),
      view: 'interaction/new-password',
      locals: {
        accountName: account.username,
        because: await reasonOf(account),
        least: parts.minLength,
        most: parts.maxLength,
        ...(fault !== undefined && { error: { key: `error.password.${fault}` } }),
      },
    })
  }

  /** The trail knows what the demand came from; where so much has happened since, both reasons are named. */
  const reasonOf = async ({ id }: Asked): Promise<Views['interaction/new-password']['because']> => {
    const events = await directory.audit(id, 200)
    const cause = events.find(({ type }) => type === 'password.expired' || type === 'request.reported')
    if (!cause) return 'unknown'
    return cause.type === 'request.reported' || cause.reason === 'reported' ? 'reported' : 'administrator'
  }

  /** Of many at once, one changes it. What the old password began ends, or the new one is soon asked for again. */
  const change = async ({ interaction }: Visit, account: Asked, password: string): Promise<void> => {
    const { id, passwordHash: oldHash, passwordDue } = account
    const passwordHash = await hasher.hash(password)
    const change = { passwordHash, passwordDue: null }
    if (!(await directory.changeAccount(id, change, { passwordHash: oldHash, passwordDue }))) return
    try {
      const clientId = String(interaction.params['client_id'])
      await parts.record('password.changed', { accountId: id, clientId, reason: 'by-owner' })
      parts.notify({ kind: 'own-password-changed', accountId: id })
      await parts.endOthers(id, interaction.session?.uid ?? '')
    } catch (error) {
      await directory.changeAccount(id, { passwordDue }, change)
      throw error
    }
  }

  const giveUp = async (visit: Visit): Promise<void> => {
    const { session, params } = visit.interaction
    const who = { accountId: session?.accountId ?? null, clientId: String(params['client_id']) }
    await parts.record('signin.given-up', who)
    return finish(visit, denied)
  }

  return {
    async show(visit: Visit): Promise<void> {
      const account = await askedOf(visit)
      await (account ? render(visit, account) : finish(visit, {}))
    },

    async submit(visit: Visit, form: Record<string, string>): Promise<void> {
      const { 'new-password': password = '', 'new-password-again': again = '', intent } = form
      if (intent === 'give-up') return giveUp(visit)
      const account = await askedOf(visit)
      if (!account) return finish(visit, {})
      if (intent !== 'change') return render(visit, account)
      const names = [account.username, ...(account.email === null ? [] : [account.email])]
      const fault = faultOf({ password, again }, names, lengths)
      if (fault !== undefined) return render(visit, account, fault)
      if (await hasher.verify(account.passwordHash, password)) return render(visit, account, 'same')
      await change(visit, account, password)
      await finish(visit, {})
    },
  }
}

const isAsked = (account: Account): account is Asked => account.passwordDue !== null

const denied: InteractionResults = {
  error: 'access_denied',
  error_description: 'the person chose no new password',
}
