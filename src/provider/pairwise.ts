import { createHash, createHmac } from 'node:crypto'
import { type Client, type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Store } from '../stores/store.ts'
import type { OwnProperty } from './clients/own-metadata.ts'

const cibaGrant = 'urn:openid:params:grant-type:ciba'

/** So that no end of one part can be the beginning of the other. */
const withLength = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/**
 * What an account is called in a sector: relying parties of one host, or of one `sector_identifier_uri`, know it by one
 * name, and those of two sectors cannot tell that they mean the same person (OIDC Core §8.1).
 */
export const pairwiseSubject = (key: Buffer, sector: string, accountId: string): string =>
  createHmac('sha256', key).update(withLength(sector)).update(withLength(accountId)).digest('base64url')

export interface PairwiseSubjects {
  configuration: Pick<Configuration, 'subjectTypes' | 'pairwiseIdentifier' | 'sectorIdentifierUriValidate'>
  /** The account behind a `sub`, wherever oidc-provider asks for one by a token that was given to a relying party. */
  accountIdOf(ctx: KoaContextWithOIDC, sub: string): Promise<string>
}

/**
 * Pairwise subjects, where there is a key for them. Nothing leads from one to its account but this: applications that ask
 * people on their phones may name them by an old ID token, so for those, and for so long, it is remembered whose it is.
 *
 * @param seconds for which an ID token may still name somebody
 */
export const pairwiseSubjects = (parts: {
  key: string | undefined
  store: Store
  seconds: number
}): PairwiseSubjects => {
  const { store, seconds } = parts
  if (parts.key === undefined) return { configuration: {}, accountIdOf: async (_ctx, sub) => sub }
  const key = Buffer.from(parts.key, 'base64')
  const keyOf = (sub: string) => `pw:${createHash('sha256').update(sub).digest('base64url')}`

  return {
    configuration: {
      subjectTypes: ['public', 'pairwise'],
      async pairwiseIdentifier(_ctx, accountId, client) {
        const sub = pairwiseSubject(key, sectorOf(client), accountId)
        if (client.grantTypeAllowed(cibaGrant)) await store.put(keyOf(sub), accountId, seconds)
        return sub
      },
      // At the registration (OIDC Registration §5), and never in the middle of somebody's sign-in.
      sectorIdentifierUriValidate: () => registrations.has(Provider.ctx?.oidc.route ?? ''),
    },
    async accountIdOf({ oidc }, sub) {
      const isHint = oidc.route === 'backchannel_authentication' && oidc.entities.IdTokenHint !== undefined
      if (!isHint || (oidc.client as Client | undefined)?.subjectType !== 'pairwise') return sub
      return (await store.get(keyOf(sub))) ?? ''
    },
  }
}

/** All private schemes would be one sector, as they name no host (OIDC Core §8.1 knows web addresses alone). */
export const sectorWithHost: OwnProperty = {
  name: 'subject_type',
  check(type, client) {
    const first = [client.redirect_uris].flat()[0]
    if (type !== 'pairwise' || client.sector_identifier_uri !== undefined || first === undefined) return
    if (URL.parse(String(first))?.host === '')
      throw new errors.InvalidClientMetadata('subject_type pairwise needs a sector_identifier_uri here')
  },
}

/** Missing in the types; it throws for a client whose sector cannot be told. */
const sectorOf = (client: Client): string =>
  (client as Client & { sectorIdentifier: string }).sectorIdentifier

const registrations = new Set(['registration', 'client_update'])
