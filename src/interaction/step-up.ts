import type { SignIn } from '../challenge/machine.ts'
import { markOf } from '../directory/mark.ts'
import { isTrustNamed, trustedDevice, withoutFactors } from '../policy/amr.ts'
import { noRules } from '../policy/factor-rules.ts'
import { lastWayIn } from './last-way.ts'
import type { SecondFactorParts } from './second-factor.ts'
import type { Visit } from './visit.ts'

type StepUpParts = Pick<
  SecondFactorParts,
  'provider' | 'clock' | 'judge' | 'devices' | 'credentials' | 'challenge'
>

/** What the session was proven by counts on; what a device vouched for is proven now, or not at all. */
export const createStepUp =
  (parts: StepUpParts) =>
  async (
    { req, interaction, metadata, uid }: Visit,
    { accountId, uid: sessionUid, acr, amr = [] }: NonNullable<Visit['interaction']['session']>,
  ): Promise<SignIn> => {
    const session = await parts.provider().Session.findByUid(sessionUid)
    const at = session?.authTime() ?? Math.floor(parts.clock.now() / 1000)
    const known = (await parts.judge.proofsOf(accountId, { acr, amr, sessionUid, at })) ?? {}
    const { [trustedDevice]: remembered, ...own } = known
    // What was unusual was judged when the session began; a network can be left at any time.
    const signals = parts.devices.signalsOfRequest(req)
    const [missing, { origin }] = await Promise.all([
      parts.judge.missing(accountId, metadata, interaction.params, { acr, amr, proofs: known, at, signals }),
      parts.devices.recognise(req, accountId, { uid }),
    ])
    // A key that was used, and that is asked for all the same, was used too long ago.
    const again = missing === 'turned-away' ? [] : missing.again
    const marks = (await parts.credentials(accountId)).map(markOf)
    const gone = Object.entries(own).flatMap(([factor, { by }]) =>
      by !== undefined && !marks.includes(by) ? factor : [],
    )
    const proofs = Object.fromEntries(
      Object.entries(own).filter(([factor]) => !again.includes(factor) && !gone.includes(factor)),
    )
    const factors = Object.keys(proofs)
    // What a credential earned that is gone, or a device that remembered, is earned anew or not at all.
    const lost = [...gone, ...again, ...(isTrustNamed(amr) ? [trustedDevice] : [])]
    const proven = withoutFactors(amr, lost, factors)
    const who = {
      accountId,
      clientId: String(interaction.params['client_id']),
      primary: { amr: proven, at },
      proofs,
      factors,
      origin: { ...origin, signals },
    }
    return missing === 'turned-away'
      ? parts.challenge.turnAway(uid, { ...who, rules: noRules })
      : parts.challenge.begin(uid, { ...who, rules: missing.rules }, lastWayIn(req))
  }
