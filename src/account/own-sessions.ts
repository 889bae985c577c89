import type { OpenSession } from '../pages/views.ts'

/** One of a person's sessions at the provider, as the security page lists it. */
export type OwnSession = OpenSession

export interface OwnSessions {
  /** The one that the access token belongs to comes first, the others latest first. */
  list(accountId: string, accessToken: string): Promise<OwnSession[]>
  /** With all that came of it; false where the account has no such session. */
  end(accountId: string, id: string): Promise<boolean>
  /**
   * Ends every session but the token's own, with its grants, and whatever is under way. `factor-removed`: whoever holds what
   * was removed may be signed in with it.
   */
  endOthers(accountId: string, accessToken: string, reason?: 'by-owner' | 'factor-removed'): Promise<void>
}
