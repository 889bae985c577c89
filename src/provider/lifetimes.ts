import {
  type Client,
  type Configuration,
  interactionPolicy,
  type KoaContextWithOIDC,
  type Session,
} from 'oidc-provider'
import { accountClientId } from '../account/account-client.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'

type Settings = Config['lifetimes']

/**
 * Seconds for a form of the security page, whose session ends with its token. It shows the token to nobody else, and asks at
 * every request whether it still is good.
 */
const pageToken = 600

/** Seconds that a session of a level may last, and may be unused. */
export const sessionLimits = (
  { session, sessionIdle, levels }: Pick<Settings, 'session' | 'sessionIdle' | 'levels'>,
  acr: string | undefined,
): { session: number; sessionIdle: number } => {
  const own = acr !== undefined && Object.hasOwn(levels, acr) ? levels[acr] : undefined
  return { session: own?.session ?? session, sessionIdle: own?.sessionIdle ?? sessionIdle }
}

/**
 * Lifetimes in seconds. A session ends when it was idle for too long, and at the latest so long after the sign-in,
 * however busy it was (NIST SP 800-63B-4 §2.2.3).
 */
export const lifetimes = (settings: Settings, clock: Clock): NonNullable<Configuration['ttl']> => ({
  Interaction: settings.interaction,
  Session(_ctx: KoaContextWithOIDC, session: Pick<Session, 'acr' | 'authTime'>) {
    const since = session.authTime()
    const limits = sessionLimits(settings, session.acr)
    if (since === undefined) return limits.sessionIdle
    const left = since + limits.session - Math.floor(clock.now() / 1000)
    return Math.max(1, Math.min(limits.sessionIdle, left))
  },
  AuthorizationCode: settings.authorizationCode,
  AccessToken: (_ctx: KoaContextWithOIDC, _token: unknown, client?: Pick<Client, 'clientId'>) =>
    client?.clientId === accountClientId ? Math.max(settings.accessToken, pageToken) : settings.accessToken,
  ClientCredentials: settings.accessToken,
  IdToken: settings.idToken,
  RefreshToken: settings.refreshToken,
  // A grant shorter than its refresh token would end it in silence.
  Grant: Math.max(settings.refreshToken, ...sessionLengths(settings)),
})

const sessionLengths = (settings: Settings): number[] => [
  settings.session,
  ...Object.keys(settings.levels).map((acr) => sessionLimits(settings, acr).session),
]

/**
 * The interaction policy with an end to every session. Its lifetime alone cannot be that end: each request writes the
 * session anew, and it must live for another second at least.
 */
export const limitSessions = (settings: Settings, clock: Clock) => {
  const policy = interactionPolicy.base()
  policy.get('login')?.checks.add(
    new interactionPolicy.Check(
      'session_over',
      'the session has reached its longest life',
      'login_required',
      ({ oidc }: KoaContextWithOIDC) => {
        const since = oidc.session?.authTime()
        const { session } = sessionLimits(settings, oidc.session?.acr)
        return since !== undefined && since + session <= Math.floor(clock.now() / 1000)
      },
    ),
  )
  return policy
}
