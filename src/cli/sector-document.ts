import type { ClientMetadata } from '../directory/directory.ts'
import type { OutboundFetch } from '../outbound/guarded-fetch.ts'
import { Refusal } from './io.ts'

const read = async (uri: string, outbound: OutboundFetch): Promise<unknown> => {
  const answer = await outbound(uri, { headers: { accept: 'application/json' } })
  if (answer.status !== 200) throw new Error(`it answered ${answer.status}`)
  return answer.json()
}

/**
 * The document of a sector names the relying parties that may know people by its names (OIDC Registration §5): without it
 * anybody could join the sector of another.
 *
 * @throws Refusal where it cannot be had, or does not name this one
 */
export const checkSector = async (
  uri: string,
  { redirect_uris: redirects, jwks_uri: keys }: ClientMetadata,
  outbound: OutboundFetch,
): Promise<void> => {
  const listed = await read(uri, outbound).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : 'it did not answer'
    throw new Refusal(`The --sector-identifier-uri ${uri} cannot be read: ${reason}.`)
  })
  if (!Array.isArray(listed) || listed.some((one) => typeof one !== 'string'))
    throw new Refusal(`The --sector-identifier-uri ${uri} is not a JSON list of addresses.`)
  const wanted = [...(redirects as string[]), ...(typeof keys === 'string' ? [keys] : [])]
  const missing = wanted.find((one) => !listed.includes(one))
  if (missing !== undefined) throw new Refusal(`The --sector-identifier-uri ${uri} does not list ${missing}.`)
}
