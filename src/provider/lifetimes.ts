import { type Configuration, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'

/**
 * Lifetimes in seconds. A session ends when it was idle for too long, and at the latest so long after the sign-in,
 * however busy it was (NIST SP 800-63B-4 §2.2.3).
 */
export const lifetimes = (
  settings: Config['lifetimes'],
  clock: Clock,
): NonNullable<Configuration['ttl']> => ({
  Interaction: settings.interaction,
  Session(_ctx: KoaContextWithOIDC, session: { authTime(): number | undefined }) {
    const since = session.authTime()
    if (since === undefined) return settings.sessionIdle
    const left = since + settings.session - Math.floor(clock.now() / 1000)
    return Math.max(1, Math.min(settings.sessionIdle, left))
  },
  AuthorizationCode: settings.authorizationCode,
  AccessToken: settings.accessToken,
  ClientCredentials: settings.accessToken,
  IdToken: settings.idToken,
  RefreshToken: settings.refreshToken,
  // A grant shorter than its refresh token would end it in silence.
  Grant: Math.max(settings.refreshToken, settings.session),
})

/**
 * The interaction policy with an end to every session. Its lifetime alone cannot be that end: each request writes the
 * session anew, and it must live for another second at least.
 */
export const limitSessions = (settings: Config['lifetimes'], clock: Clock) => {
  const policy = interactionPolicy.base()
  policy.get('login')?.checks.add(
    new interactionPolicy.Check(
      'session_over',
      'the session has reached its longest life',
      'login_required',
      ({ oidc }: KoaContextWithOIDC) => {
        const since = oidc.session?.authTime()
        return since !== undefined && since + settings.session <= Math.floor(clock.now() / 1000)
      },
    ),
  )
  return policy
}
