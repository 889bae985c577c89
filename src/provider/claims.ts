import type { Account as OidcAccount } from 'oidc-provider'
import type { Account } from '../directory/directory.ts'

/** Which claims a scope releases (OIDC Core §5.4). */
export const claims = {
  openid: ['sub'],
  profile: ['name', 'preferred_username', 'locale'],
  email: ['email', 'email_verified'],
}

/** The account as oidc-provider asks for it. E-mail addresses are set by the administrator and so count as verified. */
export const toOidcAccount = (account: Account): OidcAccount => ({
  accountId: account.id,
  claims: async () => ({
    sub: account.id,
    name: account.name,
    preferred_username: account.username,
    ...(account.locale !== null && { locale: account.locale }),
    ...(account.email !== null && { email: account.email, email_verified: true }),
  }),
})

/** The scope that releases a claim; the claim's own name for one that no scope releases. */
export const scopeOf = (claim: string): string =>
  Object.entries(claims).find(([, released]) => released.includes(claim))?.[0] ?? claim
