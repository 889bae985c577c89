import type { Provider } from 'oidc-provider'

/**
 * Ends the session that an interaction began with, and the grants of its relying parties: somebody said that whoever sits
 * there is not them. An interaction without a session has nothing to end, since nothing was signed in. The interaction itself
 * stays, so that its page says what happened, and the relying party hears of it.
 */
export const endSessionOf = async (provider: Provider, uid: string): Promise<void> => {
  const interaction = await provider.Interaction.find(uid)
  const sessionUid = interaction?.session?.uid
  if (!interaction || sessionUid === undefined) return
  const session = await provider.Session.findByUid(sessionUid)
  if (session) {
    const grants = Object.values(session.authorizations ?? {}).flatMap(({ grantId }) => grantId ?? [])
    await Promise.all(grants.map(async (grantId) => (await provider.Grant.find(grantId))?.destroy()))
    await session.destroy()
  }
  // oidc-provider shows no interaction whose session is gone (`interactionDetails`). Last: by it the session is found.
  delete interaction.session
  await interaction.persist()
}
