import type { Account as OidcAccount } from 'oidc-provider'
import type { Account } from '../directory/directory.ts'

/** Which claims a scope releases (OIDC Core §5.4). */
export const claims = {
  openid: ['sub'],
  profile: [
    'name',
    'given_name',
    'family_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
}

/**
 * The account as oidc-provider asks for it. E-mail addresses are set by the administrator and so count as verified; phone
 * numbers do where that is said.
 */
export const toOidcAccount = (account: Account): OidcAccount => ({
  accountId: account.id,
  claims: async () => ({
    ...account.claims,
    ...(account.claims.phone_number !== undefined && {
      phone_number_verified: account.claims.phone_number_verified ?? false,
    }),
    updated_at: account.claims.updated_at ?? Math.floor(account.createdAt / 1000),
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
