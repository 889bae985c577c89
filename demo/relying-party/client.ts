import * as oidc from 'openid-client'
import { askVault, type StepUp, type VaultAnswer } from './vault.ts'

export interface ClientOptions {
  issuer: string
  clientId: string
  clientSecret: string
  /** Ask for consent at every sign-in: some providers give no refresh token otherwise (OIDC Core §11). */
  consent?: boolean
  /** A resource server to be asked with the access token: its resource indicator (RFC 8707), and the scope it wants. */
  vault?: { url: string; scope: string }
  /** Milliseconds to wait for a provider that does not answer yet. */
  patience?: number
}

/** What the relying party wants of a sign-in beyond a name. */
export interface Wish {
  /** Ask for the password and the second factor again, session or not (`prompt=login`). */
  again?: boolean
  /** One of these `acr` values, or an error. */
  essentialAcr?: readonly string[]
  /** What a resource server asked for; whether it was met, it judges by itself (RFC 9470 §4). */
  stepUp?: StepUp & { before: string | undefined }
}

/** A sign-in under way: what has to be known when the browser comes back. */
export interface PendingSignIn {
  state: string
  nonce: string
  codeVerifier: string
  startedAt: number
  wish: Wish
}

export interface SignedIn {
  claims: oidc.IDToken
  idToken: string
  accessToken: string
  refreshToken: string | undefined
}

/** The provider answered, but its answer must not be used. `reason` is one of ours or an OAuth error code. */
export class SignInRefused extends Error {
  readonly reason: string
  constructor(reason: string, options?: { cause?: unknown }) {
    super(`sign-in refused: ${reason}`, options)
    this.name = 'SignInRefused'
    this.reason = reason
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Seconds by which the clocks of provider and relying party may differ. */
const clockTolerance = 30

export const createClient = (options: ClientOptions, home: URL) => {
  const { issuer, clientId, clientSecret, consent = false, vault, patience = 10_000 } = options
  const redirectUri = new URL('/callback', home).href
  const resource: Record<string, string> = vault === undefined ? {} : { resource: vault.url }
  const scopes = [
    'openid',
    'profile',
    'email',
    'offline_access',
    ...(vault === undefined ? [] : [vault.scope]),
  ]
  let known: Promise<oidc.Configuration> | undefined

  const discover = async (): Promise<oidc.Configuration> => {
    const execute = [oidc.enableNonRepudiationChecks]
    // Plain http is for a provider on this machine; anything else keeps to https.
    if (isLoopback(new URL(issuer))) execute.push(oidc.allowInsecureRequests)
    const until = Date.now() + patience
    for (;;) {
      try {
        const metadata = { [oidc.clockTolerance]: clockTolerance }
        return await oidc.discovery(
          new URL(issuer),
          clientId,
          metadata,
          oidc.ClientSecretBasic(clientSecret),
          {
            execute,
            timeout: 5,
          },
        )
      } catch (cause) {
        if (Date.now() >= until) throw new SignInRefused('provider_unreachable', { cause })
        await pause(250)
      }
    }
  }

  /** Discovered at first use, once for all; a failure is not kept. */
  const configuration = (): Promise<oidc.Configuration> => {
    known ??= discover().catch((error) => {
      known = undefined
      throw error
    })
    return known
  }

  return {
    /** Where to send the browser, and what to remember until it is back. */
    async begin(wish: Wish): Promise<{ url: URL; pending: PendingSignIn }> {
      const config = await configuration()
      const pending: PendingSignIn = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        codeVerifier: oidc.randomPKCECodeVerifier(),
        startedAt: Date.now(),
        wish,
      }
      const prompt = [...(wish.again === true ? ['login'] : []), ...(consent ? ['consent'] : [])]
      const { stepUp } = wish
      const acr = wish.essentialAcr === undefined ? null : { essential: true, values: wish.essentialAcr }
      const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        ...resource,
        scope: scopes.join(' '),
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(pending.codeVerifier),
        code_challenge_method: 'S256',
        ...(prompt.length > 0 && { prompt: prompt.join(' ') }),
        ...(stepUp?.acrValues.length && { acr_values: stepUp.acrValues.join(' ') }),
        ...(stepUp?.maxAge !== undefined && { max_age: String(stepUp.maxAge) }),
        claims: JSON.stringify({ id_token: { acr, amr: null, auth_time: null, name: null, email: null } }),
      })
      return { url, pending }
    },

    /** Exchanges the code and verifies the ID token: signature, issuer, audience, expiry, nonce, and what was wished for. */
    async finish(callback: URL, pending: PendingSignIn): Promise<SignedIn> {
      const config = await configuration()
      const maxAge = pending.wish.stepUp?.maxAge
      const tokens = await refusing(
        oidc.authorizationCodeGrant(
          config,
          callback,
          {
            expectedState: pending.state,
            expectedNonce: pending.nonce,
            pkceCodeVerifier: pending.codeVerifier,
            idTokenExpected: true,
            ...(maxAge !== undefined && { maxAge }),
          },
          resource,
        ),
      )
      const signedIn = takeSignedIn(tokens)
      checkWish(signedIn.claims, pending)
      return signedIn
    },

    /** A new ID token without the person. It says when and how they signed in then, not now (OIDC Core §12.2). */
    async refresh(current: SignedIn): Promise<SignedIn> {
      const config = await configuration()
      if (current.refreshToken === undefined) throw new SignInRefused('no_refresh_token')
      const tokens = await refusing(oidc.refreshTokenGrant(config, current.refreshToken, resource))
      const refreshed = takeSignedIn(tokens)
      const same = (['iss', 'sub', 'auth_time'] as const).every(
        (claim) => refreshed.claims[claim] === current.claims[claim],
      )
      if (!same) throw new SignInRefused('other_person')
      // Without rotation the answer holds no refresh token: the old one stays good.
      return { ...refreshed, refreshToken: refreshed.refreshToken ?? current.refreshToken }
    },

    /** Calls the vault with the person's access token. `language`: for what people are to read. */
    async openVault({ accessToken }: SignedIn, language: string): Promise<VaultAnswer> {
      if (vault === undefined) throw new SignInRefused('not_found')
      return askVault(await configuration(), accessToken, vault.url, language)
    },

    /** Where to send the browser to end the provider's session too (RP-Initiated Logout). */
    async signOutUrl(current: SignedIn): Promise<URL> {
      return oidc.buildEndSessionUrl(await configuration(), {
        id_token_hint: current.idToken,
        post_logout_redirect_uri: new URL('/', home).href,
      })
    },
  }
}

/** Hands on a rejection of the provider by its OAuth error code, and everything else as what it is. */
const refusing = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer
  } catch (cause) {
    if (cause instanceof oidc.AuthorizationResponseError || cause instanceof oidc.ResponseBodyError)
      throw new SignInRefused(cause.error, { cause })
    if (cause instanceof oidc.ClientError) throw new SignInRefused('answer_not_valid', { cause })
    throw new SignInRefused('provider_unreachable', { cause })
  }
}

const takeSignedIn = (tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers): SignedIn => {
  const claims = tokens.claims()
  if (claims === undefined || tokens.id_token === undefined) throw new SignInRefused('answer_not_valid')
  return {
    claims,
    idToken: tokens.id_token,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
  }
}

/** What was wished for travelled through the browser, where it can be taken out: believe only the token. */
const checkWish = (claims: oidc.IDToken, { wish, startedAt }: PendingSignIn): void => {
  if (wish.essentialAcr !== undefined && !wish.essentialAcr.includes(String(claims.acr)))
    throw new SignInRefused('unmet_authentication_requirements')
  if (wish.again === true && Number(claims.auth_time) < startedAt / 1000 - clockTolerance)
    throw new SignInRefused('not_signed_in_again')
}

const isLoopback = ({ hostname }: URL): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
