import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'

/** Client metadata of a relying party that is not the organisation's own: the person is asked before it gets anything. */
export const consentProperty = 'require_consent'

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
  if ((client as { [consentProperty]?: unknown })[consentProperty] === true) return known
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

const within = (wanted: readonly string[], granted: readonly string[]): boolean =>
  wanted.every((one) => granted.includes(one))
