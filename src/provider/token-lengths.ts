/**
 * Lengths of opaque tokens, in characters of 6 random bits each: at least 256 bits, and another length for each kind, so
 * that the store is asked once for a token of unknown kind (`lengths` of the adapter).
 */
export const tokenLengths = { AccessToken: 44, RefreshToken: 45, ClientCredentials: 46 } as const

const bitsOfCharacter = 6
const bitsOtherwise = 256

/** For oidc-provider's `formats.bitsOfOpaqueRandomness`. */
export const bitsOfToken = (_ctx: unknown, { kind }: { kind?: string | undefined }): number => {
  const length = (tokenLengths as Record<string, number>)[kind ?? '']
  return length === undefined ? bitsOtherwise : length * bitsOfCharacter
}
