import * as oidc from 'openid-client'

/** What a resource server asks for before it opens (RFC 9470 §3). */
export interface StepUp {
  /** Any of these, most wanted first. */
  acrValues: readonly string[]
  /** Seconds since the sign-in. */
  maxAge: number | undefined
}

export interface Treasure {
  title: string
  text: string
  /** The level that the vault found in the token. */
  acr: string
}

export type VaultAnswer =
  | { kind: 'opened'; treasure: Treasure }
  | { kind: 'step-up'; stepUp: StepUp }
  /** The token is not taken; a new one may be. */
  | { kind: 'invalid-token' }
  | { kind: 'refused' | 'unreachable'; cause?: unknown }

/** Asks the vault with the access token of the person. */
export const askVault = async (
  config: oidc.Configuration,
  accessToken: string,
  url: string,
  language: string,
): Promise<VaultAnswer> => {
  const headers = new Headers({ 'accept-language': language })
  try {
    const response = await oidc.fetchProtectedResource(
      config,
      accessToken,
      new URL(url),
      'GET',
      undefined,
      headers,
    )
    if (response.status !== 200) return { kind: 'unreachable', cause: response.status }
    return { kind: 'opened', treasure: (await response.json()) as Treasure }
  } catch (cause) {
    return cause instanceof oidc.WWWAuthenticateChallengeError
      ? readChallenges(cause.cause)
      : { kind: 'unreachable', cause }
  }
}

/** `WWW-Authenticate` as openid-client took it apart. What the challenge asks for is handed on, not judged. */
const readChallenges = (challenges: readonly oidc.WWWAuthenticateChallenge[]): VaultAnswer => {
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')?.parameters
  if (bearer?.error === 'invalid_token') return { kind: 'invalid-token' }
  if (bearer?.error !== 'insufficient_user_authentication') return { kind: 'refused', cause: bearer?.error }
  const { acr_values: acrValues, max_age: maxAge } = bearer as Record<string, string | undefined>
  return {
    kind: 'step-up',
    stepUp: {
      acrValues: acrValues?.split(' ').filter((value) => value !== '') ?? [],
      maxAge: maxAge !== undefined && /^\d{1,9}$/.test(maxAge) ? Number(maxAge) : undefined,
    },
  }
}
