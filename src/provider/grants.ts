import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'

/** Client metadata of a relying party that is not the organisation's own: the person is asked before it gets anything. */
export const consentProperty = 'require_consent'

/**
 * The grant of a session; for the organisation's own relying parties it is made on the spot with what was asked for, so
 * that nobody is asked whether their employer may know their name.
 */
export const loadExistingGrant: NonNullable<Configuration['loadExistingGrant']> = async (ctx: KoaContextWithOIDC) => {
  const { client, session, result, provider, params, account } = ctx.oidc
  if (!client || !session || !account) return undefined
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
  const known = grantId ? await provider.Grant.find(grantId) : undefined
  if ((client as { [consentProperty]?: unknown })[consentProperty] === true) return known
  const asked = typeof params?.['scope'] === 'string' ? params['scope'] : ''
  const resources = Object.entries(ctx.oidc.resourceServers ?? {})
  const covers = known && asked.split(' ').every((scope) => known.getOIDCScope().split(' ').includes(scope)) && resources.length === 0
  if (covers) return known
  const grant = known ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  grant.addOIDCScope(asked)
  for (const [identifier, server] of resources) grant.addResourceScope(identifier, [...server.scopes].filter((scope) => asked.split(' ').includes(scope)).join(' '))
  await grant.save()
  return grant
}
