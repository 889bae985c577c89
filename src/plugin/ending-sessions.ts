import type { Provider } from 'oidc-provider'

/**
 * Ends the session that an interaction began with, by `end`, which is given its uid; undefined where nobody was signed in.
 * The interaction itself stays, so that its page says what happened, and the relying party hears of it.
 */
export const endSessionBehind = async (
  provider: Provider,
  interactionUid: string,
  end: (sessionUid: string | undefined) => Promise<void>,
): Promise<void> => {
  const interaction = await provider.Interaction.find(interactionUid)
  const sessionUid = interaction?.session?.uid
  await end(sessionUid)
  if (!interaction || sessionUid === undefined) return
  // oidc-provider shows no interaction whose session is gone (`interactionDetails`). Last: by it the session is found.
  delete interaction.session
  await interaction.persist()
}

/** Ends a session of this account, and the grants of its relying parties, in whatever adapter a host keeps them. */
export const endByModels = async (provider: Provider, accountId: string, uid: string): Promise<void> => {
  const session = await provider.Session.findByUid(uid)
  if (session?.accountId !== accountId) return
  const grants = Object.values(session.authorizations ?? {}).flatMap(({ grantId }) => grantId ?? [])
  await Promise.all(grants.map(async (grantId) => (await provider.Grant.find(grantId))?.destroy()))
  await session.destroy()
}
