import type { KoaContextWithOIDC } from 'oidc-provider'
import type { SecondFactorDirectory } from '../directory/directory.ts'
import { type Decision, decide, type Facts } from '../policy/policy.ts'
import { gatherFacts, type PolicySettings, type Request } from './facts.ts'

type OidcContext = NonNullable<KoaContextWithOIDC['oidc']>

export interface Judge {
  /** The decision about the session and request at the authorization endpoint; computed once for each request. */
  authorization(ctx: KoaContextWithOIDC): Promise<Decision>
  /** The decision about something proven elsewhere: a running sign-in, a code, a refresh token, a CIBA approval. */
  proof(
    accountId: string,
    client: object | undefined,
    request: Request | undefined,
    proven: Facts['proven'],
  ): Promise<Decision>
  /** Marks a request as judged and allowed; whatever is not marked gets no code and no token. */
  admit(oidc: OidcContext): void
  isAdmitted(oidc: OidcContext): boolean
}

export const createJudge = (
  settings: PolicySettings,
  directory: Pick<SecondFactorDirectory, 'standing'>,
): Judge => {
  const decisions = new WeakMap<OidcContext, Promise<Decision>>()
  const admitted = new WeakSet<OidcContext>()
  const proof: Judge['proof'] = async (accountId, client, request, proven) =>
    decide(gatherFacts(settings, client, request, await directory.standing(accountId), proven))
  return {
    proof,
    authorization(ctx) {
      const { oidc } = ctx
      const known = decisions.get(oidc)
      if (known !== undefined) return known
      const { accountId, acr, amr } = oidc.session ?? {}
      const decision: Promise<Decision> = accountId
        ? proof(accountId, oidc.client, oidc.params, { acr, amr: amr ?? [] })
        : Promise.resolve({ kind: 'step-up', acr: settings.ladder[1] })
      decisions.set(oidc, decision)
      return decision
    },
    admit: (oidc) => void admitted.add(oidc),
    isAdmitted: (oidc) => admitted.has(oidc),
  }
}
