import type { IncomingMessage, ServerResponse } from 'node:http'
import { errors, type Interaction, type InteractionResults, type Provider } from 'oidc-provider'
import { DuepassiError } from '../errors.ts'
import { chooseLanguage } from '../pages/language.ts'
import type { Language, PageClient } from '../pages/views.ts'

/** One request to a page of a running interaction. The interaction cookie has bound it to this browser. */
export interface Visit {
  req: IncomingMessage
  res: ServerResponse
  interaction: Interaction
  uid: string
  client: PageClient | undefined
  /** The relying party's metadata as oidc-provider knows it. */
  metadata: object | undefined
  language: Language
}

/**
 * @throws DuepassiError `interaction_gone`: expired, finished, or begun in another browser.
 */
export const openVisit = async (
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Visit> => {
  const interaction = await provider.interactionDetails(req, res).catch((cause: unknown) => {
    if (cause instanceof errors.SessionNotFound)
      throw new DuepassiError('interaction_gone', 'the interaction is over', { cause })
    throw cause
  })
  const clientId = interaction.params['client_id']
  const client = typeof clientId === 'string' ? await provider.Client.find(clientId) : undefined
  const locales = interaction.params['ui_locales']
  return {
    req,
    res,
    interaction,
    uid: interaction.uid,
    client: client && describeClient(client),
    metadata: client,
    language: chooseLanguage(req, typeof locales === 'string' ? locales : undefined),
  }
}

export const describeClient = ({
  clientId,
  clientName,
  logoUri,
  clientUri,
  policyUri,
  tosUri,
}: {
  clientId: string
  clientName?: string | undefined
  logoUri?: string | undefined
  clientUri?: string | undefined
  policyUri?: string | undefined
  tosUri?: string | undefined
}): PageClient => ({
  name: clientName ?? clientId,
  ...(logoUri !== undefined && { logoUri }),
  ...(clientUri !== undefined && { uri: clientUri }),
  ...(policyUri !== undefined && { policyUri }),
  ...(tosUri !== undefined && { tosUri }),
})

/**
 * Ends the interaction with a result and sends the browser on. The result is put on the interaction at hand, which
 * saves `interactionFinished` looking it up again. Doing it twice is harmless until the browser has followed.
 */
export const finish = async ({ interaction, res }: Visit, result: InteractionResults): Promise<void> => {
  interaction.result = { ...interaction.lastSubmission, ...result }
  await interaction.persist()
  redirect(res, interaction.returnTo)
}

/** 303: a browser must not send the form on to where it is redirected (RFC 9700 §4.12). */
export const redirect = (res: ServerResponse, location: string): void => {
  // `//host` would leave for another host: what is echoed from a request must not be able to.
  if (/^[/\\]{2}/.test(location))
    throw new DuepassiError('interaction_gone', 'an address that leads elsewhere')
  res.writeHead(303, { Location: location, 'Cache-Control': 'no-store', 'Content-Length': 0 })
  res.end()
}
