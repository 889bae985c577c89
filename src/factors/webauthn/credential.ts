import { z } from 'zod'
import type { Credential } from '../../directory/directory.ts'
import type { Assurance } from '../factor.ts'

/** What is kept of a credential beside its id and its counter (WebAuthn L3 §4, credential record). */
const stored = z.strictObject({
  v: z.literal(1),
  /** Base64url; the same for all credentials of a person. */
  userHandle: z.string().min(1),
  /** COSE_Key, base64url. */
  publicKey: z.string().min(1),
  /** COSE algorithm identifier. */
  alg: z.int(),
  transports: z.array(z.string()),
  aaguid: z.string(),
  /** Format of the attestation statement. */
  fmt: z.string(),
  /** The model is proven: its certificate chain was verified, and its status looked up. */
  attested: z.boolean(),
  backupEligible: z.boolean(),
  backedUp: z.boolean(),
  /** The authenticator has verified its user at least once. */
  userVerified: z.boolean(),
  /** From `credProps`; null where the browser did not say. */
  discoverable: z.boolean().nullable(),
})

export type StoredCredential = z.infer<typeof stored>

/** @throws Error, which tells nothing of what is stored, when the secret is not one of ours */
export const readCredential = ({ id, secret }: Pick<Credential, 'id' | 'secret'>): StoredCredential => {
  try {
    return stored.parse(JSON.parse(secret))
  } catch {
    throw new Error(`The WebAuthn credential ${id} is not stored as it should be`)
  }
}

export const writeCredential = (credential: StoredCredential): string => JSON.stringify(credential)

/** What a page may tell of a credential, and what the signal methods of browsers need (WebAuthn L3 §5.1.10). */
export interface CredentialDescription {
  /** Base64url. */
  credentialId: string
  /** Base64url. */
  userHandle: string
  /** Its provider may bring it to all devices of the person; otherwise it stays in one authenticator for ever. */
  synced: boolean
  /** Lies with the provider now. */
  backedUp: boolean
  /** Signs in by itself, without a name; null: unknown. */
  discoverable: boolean | null
  userVerified: boolean
  aaguid: string
  /** The model is proven, not only claimed. */
  attested: boolean
  transports: readonly string[]
}

export const describeCredential = (credential: Credential): CredentialDescription => {
  const { userHandle, backedUp, backupEligible, discoverable, userVerified, aaguid, attested, transports } =
    readCredential(credential)
  return {
    credentialId: credential.handle ?? '',
    userHandle,
    synced: backupEligible,
    backedUp,
    discoverable,
    userVerified,
    aaguid,
    attested,
    transports,
  }
}

export const assuranceOf = (
  { attested, backupEligible }: Pick<StoredCredential, 'attested' | 'backupEligible'>,
  userVerified: boolean,
): Assurance => ({ userVerified, deviceBound: !backupEligible, attested })

/**
 * RFC 8176 §2. `hwk` where the hardware is proven and the key cannot leave it; `mfa` where the authenticator verified
 * its user, since then one answer proves possession, and knowledge or inherence.
 */
export const methodsOf = (
  { attested, backupEligible }: Pick<StoredCredential, 'attested' | 'backupEligible'>,
  userVerified: boolean,
): string[] => [
  'pop',
  'user',
  ...(attested && !backupEligible ? ['hwk'] : []),
  ...(userVerified ? ['mfa'] : []),
]
