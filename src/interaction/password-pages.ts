import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { guardCrossSite, readForm } from '../pages/form.ts'
import { type ConsentParts, createConsentScreen } from './consent.ts'
import { type FailureParts, showFailure } from './failure.ts'
import { createLoginScreen, type LoginParts } from './login.ts'
import { createNewPasswordScreen, type NewPasswordParts, newPasswordPrompt } from './new-password.ts'
import { secondFactorPath } from './second-factor.ts'
import { openVisit, redirect } from './visit.ts'

type PasswordPagesParts = LoginParts &
  NewPasswordParts &
  FailureParts & {
    provider(): Provider
    accountName(accountId: string): Promise<string>
    scopeOf(claim: string): string
    wordsOf: ConsentParts['wordsOf']
  }

/** Where the pages of an interaction live: `/interaction/<uid>`, and the second step beneath. */
export const interactionArea = '/interaction/'

const ownPath = /^\/interaction\/[\w-]+(?:\?|$)/

/** The ready provider's own pages of an interaction, at `/interaction/<uid>`: the password, a new one, and consent. */
export const createPasswordPages = (parts: PasswordPagesParts) => {
  const login = createLoginScreen(parts)
  const newPassword = createNewPasswordScreen(parts)
  const consent = createConsentScreen(parts)

  /** Answers; false, having done nothing, when the address is another. */
  return async (req: IncomingMessage, res: ServerResponse): Promise<boolean> => {
    if (!ownPath.test(req.url ?? '')) return false
    try {
      guardCrossSite(req, new URL(parts.provider().issuer).origin)
      const visit = await openVisit(parts.provider(), req, res)
      const form = req.method === 'POST' ? await readForm(req) : undefined
      switch (visit.interaction.prompt.name) {
        case 'login':
          if (!form) await login.show(visit)
          else
            await (form['intent'] === 'passkey'
              ? login.submitPasskey(visit, form)
              : login.submit(visit, form))
          break
        case newPasswordPrompt:
          await (form ? newPassword.submit(visit, form) : newPassword.show(visit))
          break
        case 'consent':
          await (form ? consent.submit(visit, form) : consent.show(visit))
          break
        default:
          redirect(res, secondFactorPath(req.url ?? '/'))
      }
    } catch (error) {
      await showFailure(parts, req, res, error)
    }
    return true
  }
}
