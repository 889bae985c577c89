import { interactionPolicy, type KoaContextWithOIDC, type Account as OidcAccount } from 'oidc-provider'
import type { Clock } from '../clock.ts'
import type { Account } from '../directory/directory.ts'
import { isOutlived, newPasswordPrompt } from '../interaction/new-password.ts'
import { toOidcAccount } from './claims.ts'

const { Check, Prompt } = interactionPolicy
type Policy = ReturnType<typeof interactionPolicy.base>

/** The account as oidc-provider asks for it, with what the prompt needs: so it costs no look-up of its own. */
export const withPasswordDue = (account: Account): OidcAccount =>
  Object.assign(toOidcAccount(account), { passwordDue: account.passwordDue })

/** Read anew for each request. Where it is not known, something else than `withPasswordDue` made the account. */
const dueOf = ({ account }: KoaContextWithOIDC['oidc']): number | null => {
  if (!account) return null
  const { passwordDue } = account as OidcAccount & { passwordDue?: number | null }
  if (passwordDue === undefined) throw new TypeError('it is not known whether a new password is demanded')
  return passwordDue
}

/**
 * Adds the prompt for a new password to a policy, after `login`; the second factor inserts itself between the two. A session
 * that began before the new password was demanded signs in again first, in whatever browser it is.
 */
export const askForNewPasswords = (policy: Policy, clock: Clock): Policy => {
  const login = policy.findIndex(({ name }) => name === 'login')
  policy[login]?.checks.add(
    new Check(
      'password_demanded_since',
      'a new password has been demanded since the session began',
      'interaction_required',
      ({ oidc }: KoaContextWithOIDC) => {
        const due = dueOf(oidc)
        return due !== null && isOutlived(due, oidc.session?.authTime(), clock)
      },
    ),
  )
  policy.add(
    new Prompt(
      { name: newPasswordPrompt, requestable: false },
      new Check(
        'password_demanded',
        'a new password is demanded',
        'interaction_required',
        ({ oidc }: KoaContextWithOIDC) => dueOf(oidc) !== null,
      ),
    ),
    login + 1,
  )
  return policy
}
