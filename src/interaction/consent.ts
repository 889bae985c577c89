import type { Provider } from 'oidc-provider'
import type { Pages } from '../pages/pages.ts'
import { finish, type Visit } from './visit.ts'

interface ConsentDetails {
  missingOIDCScope?: string[]
  missingOIDCClaims?: string[]
  missingResourceScopes?: Record<string, string[]>
}

/** Asks the person whether a relying party that is not the organisation's own may have what it asks for. */
export const createConsentScreen = (parts: {
  provider(): Provider
  pages: Pages
  accountName(accountId: string): Promise<string>
  /** The scope that releases a claim: what the person is told when the claim is asked for by itself. */
  scopeOf(claim: string): string
}) => ({
  async show({ req, res, language, client, interaction }: Visit): Promise<void> {
    const details = interaction.prompt.details as ConsentDetails
    const missing = [
      ...(details.missingOIDCScope ?? []),
      ...Object.values(details.missingResourceScopes ?? {}).flat(),
      ...(details.missingOIDCClaims ?? []).map(parts.scopeOf),
    ]
    // Asked again although everything was granted before (`prompt=consent`): the whole request is shown.
    const scopes = missing.length > 0 ? missing : String(interaction.params['scope'] ?? '').split(' ')
    const accountName = interaction.session && (await parts.accountName(interaction.session.accountId))
    parts.pages.send(req, res, {
      language,
      ...(client && { client }),
      view: 'interaction/consent',
      locals: {
        scopes: [...new Set(scopes)].filter((scope) => scope !== 'openid'),
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
