import type { Configuration, Grant, KoaContextWithOIDC } from 'oidc-provider'

/** Client metadata of a relying party that is not the organisation's own: the person is asked before it gets anything. */
export const consentProperty = 'require_consent'

/**
 * Client metadata, written by us alone: seconds since which a relying party that registered itself has this name and all of
 * these redirect URIs. What people consented to before was something else.
 */
export const consentSinceProperty = 'consent_since'

/**
 * The grant of a session; for the organisation's own relying parties it is made on the spot with what was asked for, so
 * that nobody is asked whether their employer may know their name.
 */
export const loadExistingGrant: NonNullable<Configuration['loadExistingGrant']> = async (
  ctx: KoaContextWithOIDC,
) => {
  const { client, session, result, provider, params, account } = ctx.oidc
  if (!client || !session || !account) return undefined
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
  const known = grantId ? await provider.Grant.find(grantId) : undefined
  const own = client as { [consentProperty]?: unknown; [consentSinceProperty]?: number }
  if (own[consentProperty] === true) {
    // Not what was consented to a moment ago: the clock of another node may be ahead.
    const since = result?.consent?.grantId === undefined ? own[consentSinceProperty] : undefined
    return known && since !== undefined && givenAt(known) < since ? undefined : known
  }
  const asked = typeof params?.['scope'] === 'string' ? params['scope'].split(' ') : []
  const askedClaims = [...ctx.oidc.requestParamClaims]
  const resources = Object.entries(ctx.oidc.resourceServers ?? {})
  const covered =
    known &&
    resources.length === 0 &&
    within(asked, known.getOIDCScope().split(' ')) &&
    within(askedClaims, known.getOIDCClaims())
  if (covered) return known
  const grant = known ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  grant.addOIDCScope(asked.join(' '))
  if (askedClaims.length > 0) grant.addOIDCClaims(askedClaims)
  for (const [identifier, server] of resources)
    grant.addResourceScope(identifier, [...server.scopes].filter((scope) => asked.includes(scope)).join(' '))
  await grant.save()
  return grant
}

/** A grant is kept without the time at which it was given, but all live equally long from then on. */
const givenAt = ({ exp = 0, expiration }: Pick<Grant, 'exp' | 'expiration'>): number => exp - expiration

const within = (wanted: readonly string[], granted: readonly string[]): boolean =>
  wanted.every((one) => granted.includes(one))
