import type { IncomingMessage, ServerResponse } from 'node:http'
import type * as OpenidClient from 'openid-client'
import type { Clock } from '../clock.ts'
import { DuepassiError } from '../errors.ts'
import { accountClientId } from './account-client.ts'
import { createInProcessFetch } from './in-process-fetch.ts'
import type { PageSession } from './page-sessions.ts'
import type { PendingSignIn, Proof } from './pending-sign-ins.ts'
import type { Addresses } from './places.ts'

/** `refused`: the provider's answer is an error, or must not be used; `code` is a word of OAuth or of ours. */
export type Finished =
  | { kind: 'signed-in'; session: PageSession; seconds: number }
  | { kind: 'refused'; code: string }

export interface RelyingParty {
  /** Where to send the browser. */
  authorizationUrl(request: {
    state: string
    nonce: string
    verifier: string
    language: string
    proof?: Proof
  }): Promise<URL>
  /**
   * Exchanges the code; checks `state`, `iss`, the ID token with its signature and nonce, and whatever proof was asked for.
   *
   * @throws DuepassiError `store_unavailable` when the provider could not answer.
   */
  finish(search: string, state: string, pending: PendingSignIn): Promise<Finished>
  /** Whether the access token still is this account's, as userinfo says. Throws as `finish`. */
  isAlive(session: Pick<PageSession, 'accessToken' | 'sub'>): Promise<boolean>
  /** Where to send the browser to end the provider's session too (RP-Initiated Logout). */
  endSessionUrl(idToken: string | undefined): Promise<URL>
}

/** Seconds by which the clocks of two nodes of the provider may differ. */
const clockTolerance = 10

/** Seconds that an answer of our own handler may take. */
const patience = 10

type Library = typeof OpenidClient
interface Discovered {
  oidc: Library
  config: OpenidClient.Configuration
}

/** The security page's side of OpenID Connect, by openid-client, which is loaded at first use. */
export const createRelyingParty = (parts: {
  issuer: string
  handler(req: IncomingMessage, res: ServerResponse): void
  addresses: Addresses
  clock: Clock
}): RelyingParty => {
  const { issuer, handler, addresses, clock } = parts
  let known: Promise<Discovered> | undefined

  const discover = async (): Promise<Discovered> => {
    const oidc = await import('openid-client')
    const config = await answered(
      oidc,
      oidc.discovery(
        new URL(issuer),
        accountClientId,
        { [oidc.clockTolerance]: clockTolerance },
        oidc.None(),
        {
          execute: [
            // In the code flow the signature of an ID token is looked at only on request.
            oidc.enableNonRepudiationChecks,
            // Nothing leaves the process, whatever the scheme says.
            ...(issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : []),
          ],
          [oidc.customFetch]: createInProcessFetch(handler, addresses.origin),
          timeout: patience,
        },
      ),
    )
    if ('refused' in config) throw unavailable(config.refused)
    return { oidc, config: config.answer }
  }

  /** Discovered once; a failure is not kept. */
  const discovered = (): Promise<Discovered> => {
    known ??= discover().catch((error: unknown) => {
      known = undefined
      throw error
    })
    return known
  }

  return {
    async authorizationUrl({ state, nonce, verifier, language, proof }) {
      const { oidc, config } = await discovered()
      return oidc.buildAuthorizationUrl(config, {
        redirect_uri: addresses.callback,
        scope: 'openid',
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ui_locales: language,
        ...(proof && { max_age: String(proof.maxAge) }),
        ...(proof?.acrs && {
          claims: JSON.stringify({ id_token: { acr: { essential: true, values: proof.acrs } } }),
        }),
      })
    },

    async finish(search, state, { nonce, verifier, proof, startedAt }) {
      const { oidc, config } = await discovered()
      const elapsed = Math.max(0, Math.ceil((clock.now() - startedAt) / 1000))
      const granted = await answered(
        oidc,
        oidc.authorizationCodeGrant(config, new URL(`${addresses.callback}${search}`), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
          // auth_time is when the password was typed, and whoever looks for their phone afterwards takes their time.
          ...(proof && { maxAge: proof.maxAge + elapsed }),
        }),
      )
      if ('refused' in granted) return { kind: 'refused', code: granted.refused }
      const { answer } = granted
      const claims = answer.claims()
      const authTime = claims?.auth_time
      const { expires_in: seconds, id_token: idToken } = answer
      if (!claims || idToken === undefined || typeof authTime !== 'number' || !seconds)
        return { kind: 'refused', code: invalid }
      const { sub, acr, amr } = claims
      // What was asked for went through the browser, where it can be taken out: only the token counts.
      if (proof?.acrs && !proof.acrs.some((one) => one === acr))
        return { kind: 'refused', code: 'unmet_authentication_requirements' }
      return {
        kind: 'signed-in',
        seconds,
        session: {
          sub,
          accessToken: answer.access_token,
          idToken,
          authTime,
          expiresAt: clock.now() + seconds * 1000,
          acr: typeof acr === 'string' ? acr : null,
          amr: Array.isArray(amr) ? amr.map(String) : [],
        },
      }
    },

    async isAlive({ accessToken, sub }) {
      const { oidc, config } = await discovered()
      return 'answer' in (await answered(oidc, oidc.fetchUserInfo(config, accessToken, sub)))
    },

    async endSessionUrl(idToken) {
      const { oidc, config } = await discovered()
      return oidc.buildEndSessionUrl(config, {
        post_logout_redirect_uri: addresses.signedOut,
        ...(idToken !== undefined && { id_token_hint: idToken }),
      })
    },
  }
}

const invalid = 'answer_not_valid'

/** What openid-client says when there was no proper answer at all. */
const noAnswer = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_PARSE_ERROR',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
])

/** Tells a refusal, or an answer that must not be used, from a provider that could not answer. */
const answered = async <Answer>(
  oidc: Library,
  promise: Promise<Answer>,
): Promise<{ answer: Answer } | { refused: string }> => {
  try {
    return { answer: await promise }
  } catch (cause) {
    if (cause instanceof oidc.AuthorizationResponseError) return { refused: cause.error }
    if (cause instanceof oidc.ResponseBodyError && cause.status < 500) return { refused: cause.error }
    if (cause instanceof oidc.WWWAuthenticateChallengeError && cause.status < 500)
      return { refused: 'invalid_token' }
    if (cause instanceof oidc.ClientError && cause.code !== undefined && !noAnswer.has(cause.code))
      return { refused: invalid }
    throw unavailable(cause)
  }
}

const unavailable = (cause: unknown): DuepassiError =>
  new DuepassiError('store_unavailable', 'the provider could not answer its own security page', { cause })
