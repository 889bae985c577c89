import { createHash } from 'node:crypto'
import { type BackchannelAuthenticationRequest, errors, type Grant, type Provider } from 'oidc-provider'
import type { RecordEvent } from '../audit/trail.ts'
import type { Challenge, Outcome } from '../challenge/challenge.ts'
import type { SignIn } from '../challenge/machine.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { acrOf, type Ladder, levelProvenBy } from '../policy/acr.ts'
import { amrClaim } from '../policy/amr.ts'
import { meetsRules } from '../policy/factor-rules.ts'
import type { Judge } from './judge.ts'
import type { ProofMemory } from './proofs.ts'

interface Parts {
  provider(): Provider
  challenge: Pick<Challenge, 'beginElsewhere' | 'send'>
  judge: Judge
  memory: ProofMemory
  ladder: Ladder
  clock: Clock
  record: RecordEvent
  log: Log
  /** Whether the sign-in's question still waits for an answer. */
  isAsked(signIn: SignIn): boolean
  /** True for the first who says this name, and for nobody after. */
  once(name: string): Promise<boolean>
}

type Proof = Parameters<Provider['backchannelResult']>[2]

/** All that an approval can prove (RFC 8176): a key behind PIN, finger or face, told of on another channel. */
const approval = { factor: 'push', amr: ['pop', 'mca', 'mfa'] } as const

/**
 * Sign-ins that an application begins by itself (CIBA): the person is asked on their phone, by the same request, limits and
 * screens as at a sign-in in a browser. What they approve there is all that is proven.
 */
export const createBackchannel = (parts: Parts) => {
  const { challenge, judge, memory, ladder, clock, record, log } = parts

  /** The `auth_req_id` is as good as a token to its application: it makes no key of the store. */
  const uidOf = ({ jti }: BackchannelAuthenticationRequest): string =>
    `ciba-${createHash('sha256').update(jti).digest('base64url')}`
  const now = (): number => Math.floor(clock.now() / 1000)
  const whoOf = ({ accountId, clientId }: BackchannelAuthenticationRequest) => ({
    accountId: String(accountId),
    clientId: String(clientId),
  })

  const tell = async (
    request: BackchannelAuthenticationRequest,
    result: Grant | errors.AccessDenied,
    proof?: Proof,
  ): Promise<void> => {
    try {
      await parts.provider().backchannelResult(request, result, proof)
    } catch (error) {
      const kept = await parts.provider().BackchannelAuthenticationRequest.find(request.jti)
      if (!kept?.grantId && !kept?.error) throw error
      // It will learn it when it asks: a ping tells nothing that polling does not (CIBA Core 1.0 §10.2).
      log.warn({ err: error, clientId: request.clientId }, 'an application could not be told of a decision')
    }
  }

  /** Of many answers the first is the result: a second grant would make tokens of one approval twice. */
  const isFirst = (request: BackchannelAuthenticationRequest): Promise<boolean> =>
    parts.once(`cb:${uidOf(request)}`)

  /** However a request is refused, the application hears the same: who has no phone is nobody's business. */
  const deny = (request: BackchannelAuthenticationRequest): Promise<void> =>
    tell(request, new errors.AccessDenied())

  /** What a relying party may do: the scopes that it asked for, which the phone's owner has approved. */
  const grantFor = async (request: BackchannelAuthenticationRequest): Promise<Grant> => {
    const { scope = '', resource, claims = {} } = request
    const grant = new (parts.provider().Grant)(whoOf(request))
    grant.addOIDCScope(scope)
    const named = [claims.id_token, claims.userinfo].flatMap((one) => Object.keys(one ?? {}))
    if (named.length > 0) grant.addOIDCClaims(named)
    for (const one of [resource ?? []].flat()) grant.addResourceScope(one, scope)
    await grant.save()
    return grant
  }

  const approve = async (request: BackchannelAuthenticationRequest, signIn: SignIn): Promise<void> => {
    const { accountId, clientId } = whoOf(request)
    const client = await parts.provider().Client.find(clientId)
    const amr = amrClaim(signIn.proven)
    const acr = acrOf(ladder, levelProvenBy(amr))
    const at = now()
    const { proofs } = signIn
    const decision = await judge.proof(accountId, client, request.params, { acr, amr, proofs, at })
    if (decision.kind !== 'allowed') return deny(request)
    // There is no session, and what proved it is remembered all the same: a phone that is removed counts for nothing any more.
    const sessionUid = uidOf(request)
    await memory.note({ accountId, sessionUid, at, amr }, proofs)
    const proof = { acr: decision.acr, amr, authTime: at, sessionUid, expiresWithSession: false }
    await tell(request, await grantFor(request), proof)
    await record('signin.finished', { accountId, clientId, factor: approval.factor })
  }

  /** Asks the person, if all that they could approve would do; otherwise says why nobody was asked. */
  const begin = async (
    request: BackchannelAuthenticationRequest,
    client: object,
  ): Promise<string | undefined> => {
    const { accountId, clientId } = whoOf(request)
    const { params = {}, jti } = request
    const at = now()
    const decision = await judge.proof(accountId, client, params, {
      acr: acrOf(ladder, levelProvenBy(approval.amr)),
      amr: approval.amr,
      proofs: { [approval.factor]: { at } },
      at,
    })
    if (decision.kind !== 'allowed') return 'because' in decision ? decision.because : 'unreachable'
    const rules = await judge.demands(accountId, client, decision)
    if (!meetsRules(rules, [approval.factor])) return 'unreachable'
    const uid = uidOf(request)
    const primary = { amr: [], at }
    const who = { purpose: 'backchannel', accountId, clientId, primary, rules, authReqId: jti } as const
    if (!(await challenge.beginElsewhere(uid, who))) return 'no-device'
    const outcome = await challenge.send(uid, {
      bindingMessage: String(params['binding_message'] ?? ''),
      // Nobody approves what can be redeemed no more, nor waits for what nobody can approve.
      seconds: request.remainingTTL,
    })
    if (outcome.kind === 'refused') return outcome.refusal.reason
    return outcome.kind === 'moved' ? undefined : 'expired'
  }

  return {
    /**
     * To be called by `features.ciba.triggerAuthenticationDevice`, after the answer has gone out: an application that is
     * pinged must know the `auth_req_id`, and nobody is to be told by its time who has a phone. Rejects where a store or
     * the like fails; the request is denied then too, if that can still be done.
     */
    async ask(request: BackchannelAuthenticationRequest, client: object): Promise<void> {
      try {
        const reason = await begin(request, client)
        if (reason === undefined) return
        await record('signin.refused', { ...whoOf(request), reason })
      } catch (error) {
        if (await isFirst(request)) await deny(request)
        throw error
      }
      if (await isFirst(request)) await deny(request)
    },

    /** To be called when a phone has answered; what is no sign-in of this kind is left alone. */
    async finish(outcome: Outcome): Promise<void> {
      if (outcome.kind === 'gone') return
      const { signIn } = outcome
      if (signIn.authReqId === undefined) return
      // Somebody else is answering, or what was said is no answer and one may still come.
      if (outcome.kind === 'refused' && (outcome.refusal.reason === 'elsewhere' || parts.isAsked(signIn)))
        return
      const request = await parts.provider().BackchannelAuthenticationRequest.find(signIn.authReqId)
      if (!request || !(await isFirst(request))) return
      // A wrong number, a refusal, a factor that a phone is not: it is over, and the application may ask again.
      await (signIn.stage.name === 'proven' ? approve(request, signIn) : deny(request))
    },
  }
}
