import type { Provider } from 'oidc-provider'
import type { Pages } from '../pages/pages.ts'
import type { Language } from '../pages/views.ts'
import { type DetailWords, showDetail } from './shown-detail.ts'
import { finish, type Visit } from './visit.ts'

interface ConsentDetails {
  missingOIDCScope?: string[]
  missingOIDCClaims?: string[]
  missingResourceScopes?: Record<string, string[]>
  /** Authorization details (RFC 9396), all of the request. */
  rar?: Record<string, unknown>[]
}

export interface ConsentParts {
  provider(): Provider
  pages: Pages
  accountName(accountId: string): Promise<string>
  /** The scope that releases a claim: what the person is told when the claim is asked for by itself. */
  scopeOf(claim: string): string
  /** What people read for a type of authorization details. */
  wordsOf(type: string, language: Language): DetailWords
}

/** Asks the person whether a relying party that is not the organisation's own may have what it asks for. */
export const createConsentScreen = (parts: ConsentParts) => ({
  async show({ req, res, language, client, interaction }: Visit): Promise<void> {
    const details = interaction.prompt.details as ConsentDetails
    const missing = [
      ...(details.missingOIDCScope ?? []),
      ...Object.values(details.missingResourceScopes ?? {}).flat(),
      ...(details.missingOIDCClaims ?? []).map(parts.scopeOf),
    ]
    const shownDetails = (details.rar ?? []).map((detail) =>
      showDetail(detail, parts.wordsOf(String(detail['type']), language)),
    )
    // Asked again although everything was granted before (`prompt=consent`): the whole request is shown.
    const isWhole = missing.length === 0 && (shownDetails.length === 0 || isPromptedFor(interaction.prompt))
    const scopes = isWhole ? String(interaction.params['scope'] ?? '').split(' ') : missing
    const accountName = interaction.session && (await parts.accountName(interaction.session.accountId))
    parts.pages.send(req, res, {
      language,
      ...(client && { client }),
      view: 'interaction/consent',
      locals: {
        scopes: [...new Set(scopes)].filter((scope) => scope !== 'openid'),
        ...(shownDetails.length > 0 && { details: shownDetails }),
        ...(accountName !== undefined && { accountName }),
      },
    })
  },

  async submit(visit: Visit, form: Record<string, string>): Promise<void> {
    const { interaction } = visit
    if (form['intent'] !== 'allow' || !interaction.session)
      return finish(visit, { error: 'access_denied', error_description: 'the person did not consent' })
    const { Grant } = parts.provider()
    const known = interaction.grantId ? await Grant.find(interaction.grantId) : undefined
    const grant =
      known ??
      new Grant({
        accountId: interaction.session.accountId,
        clientId: String(interaction.params['client_id']),
      })
    const details = interaction.prompt.details as ConsentDetails
    if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(' '))
    if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims)
    for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {}))
      grant.addResourceScope(resource, scopes.join(' '))
    return finish(visit, { consent: { grantId: await grant.save() } })
  },
})

const isPromptedFor = ({ reasons }: { reasons?: readonly string[] }): boolean =>
  reasons?.includes('consent_prompt') === true
