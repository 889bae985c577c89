import type { Account, KoaContextWithOIDC } from 'oidc-provider'
import type { Proofs } from '../challenge/proof.ts'
import { trustedDevice } from '../policy/amr.ts'
import type { Judge, Proven } from './judge.ts'

/** Released to whoever asks for it by name (`claims` parameter, OIDC Core §5.5), and to nobody else. */
export const authenticatorsClaim = 'authenticators'

/** One way of proving behind a token; what is not known is left out. */
interface AuthenticatorClaim {
  factor: string
  /** Seconds since the Unix epoch. */
  time: number
  user_verified?: boolean
  device_bound?: boolean
  attested?: boolean
}

/**
 * The account with one more claim: by which factors it was authenticated, when, and how sure it is. So a relying party need
 * not trust a policy that it cannot see. A factor that is not remembered is not listed.
 */
export const withAuthenticators = (
  account: Account,
  judge: Pick<Judge, 'proofsOf'>,
  provenBy: () => Proven | undefined,
): Account =>
  // Inherits, because a host's account may be a class with more than oidc-provider asks for.
  Object.create(account, {
    claims: {
      async value(...asked: Parameters<Account['claims']>) {
        const own = await account.claims(...asked)
        if (!Object.hasOwn(asked[2] ?? {}, authenticatorsClaim)) return own
        const proven = provenBy()
        const proofs = proven && (await judge.proofsOf(account.accountId, proven))
        return { ...own, [authenticatorsClaim]: claimOf(proofs ?? {}) }
      },
    },
  }) as Account

const claimOf = (proofs: Proofs): AuthenticatorClaim[] =>
  Object.entries(proofs).map(([factor, { at, userVerified, deviceBound, attested }]) => ({
    factor,
    time: at,
    ...(userVerified !== undefined && { user_verified: userVerified }),
    ...(deviceBound !== undefined && { device_bound: deviceBound }),
    ...(attested !== undefined && { attested }),
    ...(factor === trustedDevice && { user_verified: false }),
  }))

/** What oidc-provider keeps with a token, or with the session where there is none. */
export const provenBy = ({ oidc }: KoaContextWithOIDC, token: object | undefined): Proven | undefined => {
  if (token) {
    const { acr, amr, sessionUid, authTime, extra } = token as {
      acr?: string
      amr?: string[]
      sessionUid?: string
      authTime?: number
      extra?: { amr?: string[]; auth_time?: number }
    }
    return { acr, amr: amr ?? extra?.amr ?? [], sessionUid, at: authTime ?? extra?.auth_time }
  }
  const { session } = oidc
  return (
    session && { acr: session.acr, amr: session.amr ?? [], sessionUid: session.uid, at: session.authTime() }
  )
}
