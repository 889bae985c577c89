import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  advance,
  type Event,
  isOver,
  type SignIn,
  type Stage,
  unproven,
} from '../../src/challenge/machine.ts'
import { type FactorRules, meetsRules, noRules } from '../../src/policy/factor-rules.ts'

const draft = { secret: 's', shown: {} }
const enrolling = { factor: 'totp' as const, draft, credentialId: 'e', replaces: ['old'] }
const stages: Stage[] = [
  { name: 'asking', factor: 'totp', question: {} },
  { name: 'choosing', replaces: ['old'] },
  { name: 'enrolling', ...enrolling },
  { name: 'recovered', left: 3 },
  { name: 'issuing', draft, credentialId: 'i' },
  { name: 'proven' },
  { name: 'locked' },
  { name: 'turned-away' },
  { name: 'reported' },
  { name: 'given-up' },
]
const proof = { at: 1000, userVerified: true }
/** Everything that a proof could be said to lead to, possible or not. */
const leads = (make: (next: Stage) => Event): Event[] => stages.map(make)
const events: Event[] = [
  { name: 'asked', factor: 'recovery-code', question: { left: 3 } },
  ...leads((next) => ({ name: 'accepted', factor: 'totp', amr: ['otp'], credential: 'c', proof, next })),
  {
    name: 'accepted',
    factor: 'recovery-code',
    amr: ['otp'],
    credential: 'c',
    proof,
    next: { name: 'proven' },
  },
  { name: 'locked' },
  { name: 'choice-opened', replaces: [] },
  { name: 'enrolment-begun', enrolling },
  { name: 'draft-changed', draft: { secret: 't', shown: {} }, to: '+39 06 …' },
  ...leads((next) => ({ name: 'enrolled', amr: ['otp'], credential: 'e', proof, next })),
  ...leads((next) => ({ name: 'continued', next })),
  ...leads((next) => ({ name: 'codes-saved', next })),
  { name: 'reported' },
  { name: 'given-up' },
]
const signIn = (stage: Stage, change: Partial<SignIn> = {}): SignIn => ({
  purpose: 'sign-in',
  accountId: 'a',
  clientId: 'c',
  primary: { amr: ['pwd'], at: 1 },
  rules: noRules,
  ...unproven,
  stage,
  ...change,
})
const label = (event: Event) =>
  [
    event.name,
    ...('factor' in event && event.name === 'accepted' ? [event.factor] : []),
    ...('next' in event ? [`→ ${event.next.name}`] : []),
  ].join(' ')

const afterProof = ['asking', 'choosing', 'enrolling', 'recovered', 'issuing', 'proven']
const proofs = (name: string) => Object.fromEntries(afterProof.map((next) => [`${name} → ${next}`, next]))
/** Every pair of stage and event for somebody of whom nothing particular is required; what is not listed is refused. */
const allowed: Record<string, Record<string, string>> = {
  asking: {
    asked: 'asking',
    ...proofs('accepted totp'),
    locked: 'locked',
    reported: 'reported',
    'given-up': 'given-up',
  },
  choosing: { 'enrolment-begun': 'enrolling', reported: 'reported', 'given-up': 'given-up' },
  enrolling: {
    ...proofs('enrolled'),
    'draft-changed': 'enrolling',
    'choice-opened': 'choosing',
    reported: 'reported',
    'given-up': 'given-up',
  },
  recovered: {
    'choice-opened': 'choosing',
    'enrolment-begun': 'enrolling',
    ...proofs('continued'),
    reported: 'reported',
    'given-up': 'given-up',
  },
  issuing: { ...proofs('codes-saved'), reported: 'reported', 'given-up': 'given-up' },
}

describe('the sign-in machine', () => {
  for (const stage of stages)
    for (const event of events)
      it(`${stage.name} + ${label(event)} → ${allowed[stage.name]?.[label(event)] ?? 'refused'}`, () => {
        // Past the first question something was proven.
        const before = ['recovered', 'issuing'].includes(stage.name) ? ['totp'] : []
        assert.equal(
          advance(signIn(stage, { factors: before }), event)?.stage.name,
          allowed[stage.name]?.[label(event)],
        )
      })
  it('ends in proven, locked, turned-away, reported and given-up alone', () => {
    assert.deepEqual(
      stages.filter(isOver).map(({ name }) => name),
      ['proven', 'locked', 'turned-away', 'reported', 'given-up'],
    )
  })
  it('keeps what was proven, by which factor, and by which credential', () => {
    const [asking] = stages as [Stage]
    const accepted = advance(signIn(asking), {
      name: 'accepted',
      factor: 'totp',
      amr: ['otp'],
      credential: 'c',
      proof: { at: 1000 },
      next: { name: 'proven' },
    })
    assert.deepEqual([accepted?.proven, accepted?.factors, accepted?.provenBy], [['otp'], ['totp'], 'c'])
    assert.deepEqual(accepted?.proofs, { totp: { at: 1000 } })
    const enrolled = advance(signIn({ name: 'enrolling', ...enrolling }), {
      name: 'enrolled',
      amr: ['otp'],
      credential: 'e',
      proof: { at: 1001 },
      next: { name: 'proven' },
    })
    assert.deepEqual([enrolled?.factors, enrolled?.provenBy], [['totp'], 'e'])
    assert.deepEqual(enrolled?.proofs, { totp: { at: 1001 } })
  })
  it('keeps what is set up when an address is given, but for its draft', () => {
    const sent = { secret: 't', shown: { digits: 6 } }
    const given = advance(signIn({ name: 'enrolling', ...enrolling }), {
      name: 'draft-changed',
      draft: sent,
      to: '+39 06 …',
    })
    assert.deepEqual(given?.stage, { name: 'enrolling', ...enrolling, draft: sent, to: '+39 06 …' })
    assert.deepEqual([given?.proven, given?.provenBy], [[], null])
  })
  it('keeps the name that was given with the first of two answers', () => {
    const named = advance(signIn({ name: 'enrolling', ...enrolling }), {
      name: 'draft-changed',
      draft,
      label: 'My phone',
    })
    assert.deepEqual(named?.stage, { name: 'enrolling', ...enrolling, label: 'My phone' })
  })
  it('lets go whoever was only offered something, and nobody who needs it', () => {
    const later: Event = { name: 'continued', next: { name: 'proven' } }
    const led = (stage: Stage, change: Partial<SignIn>) => advance(signIn(stage, change), later)?.stage.name
    const [asking, choosing, atSetUp] = stages as [Stage, Stage, Stage]
    for (const stage of [choosing, atSetUp]) {
      assert.equal(led(stage, { offered: true }), 'proven')
      assert.equal(led(stage, {}), undefined)
      assert.equal(
        led(stage, { offered: true, rules: { required: ['webauthn'], forbidden: [] } }),
        undefined,
        'required all the same',
      )
    }
    assert.equal(led(asking, { offered: true }), undefined)
  })
  it('never makes one key of two: what it earned the session before, it earns anew', () => {
    const hardware = { amr: ['pwd', 'pop', 'user', 'hwk', 'mfa'], at: 1 }
    const touched = advance(
      signIn(
        { name: 'asking', factor: 'webauthn', question: {} },
        { primary: hardware, proofs: { webauthn: { at: 1 } }, factors: ['webauthn'] },
      ),
      {
        name: 'accepted',
        factor: 'webauthn',
        amr: ['pop', 'user'],
        credential: 'c',
        proof,
        next: { name: 'proven' },
      },
    )
    assert.deepEqual([touched?.primary.amr, touched?.proven], [['pwd'], ['pop', 'user']])
  })
  it('says of a key that was used here nothing of one that was asked elsewhere', () => {
    const [asking] = stages as [Stage]
    const remote = ['pop', 'mca', 'mfa']
    const key = ['pop', 'user', 'mfa']
    const proven = (before: string[], amr: string[]) =>
      advance(signIn(asking, { proven: before }), {
        name: 'accepted',
        factor: 'totp',
        amr,
        credential: 'c',
        proof,
        next: { name: 'proven' },
      })?.proven
    assert.deepEqual(proven([], remote), remote)
    for (const both of [proven(remote, key), proven(key, remote)]) assert.ok(both && !both.includes('mca'))
  })
  it('keeps the proofs of other factors, and of the same one the latest', () => {
    const [asking] = stages as [Stage]
    const before = { totp: { at: 1 }, webauthn: { at: 2, deviceBound: true } }
    const accepted = advance(signIn(asking, { proofs: before, factors: ['totp', 'webauthn'] }), {
      name: 'accepted',
      factor: 'totp',
      amr: ['otp'],
      credential: 'c',
      proof: { at: 3 },
      next: { name: 'proven' },
    })
    assert.deepEqual(accepted?.proofs, { totp: { at: 3 }, webauthn: { at: 2, deviceBound: true } })
    assert.deepEqual(accepted?.factors, ['totp', 'webauthn'])
  })
  it('keeps the wish to be trusted, said with an accepted answer, until the end', () => {
    const [asking] = stages as [Stage]
    const answered = (state: SignIn, trust: SignIn['trust'] | undefined, next: Stage) =>
      advance(state, {
        name: 'accepted',
        factor: 'totp',
        amr: ['otp'],
        credential: 'c',
        proof,
        ...(trust && { trust }),
        next,
      }) as SignIn
    const first = answered(signIn(asking), { key: 'k' }, asking)
    assert.deepEqual(first.trust, { key: 'k' })
    assert.deepEqual(answered(first, undefined, { name: 'proven' }).trust, { key: 'k' })
    assert.deepEqual(answered(first, { key: null }, { name: 'proven' }).trust, { key: null })
    assert.equal(answered(signIn(asking), undefined, { name: 'proven' }).trust, null)
  })
  it('is over for a change without anything to prove, since whoever makes it is signed in', () => {
    const issuing: Stage = { name: 'issuing', draft, credentialId: 'i' }
    const saved: Event = { name: 'codes-saved', next: { name: 'proven' } }
    assert.equal(advance(signIn(issuing), saved), undefined)
    assert.equal(advance(signIn(issuing, { purpose: 'change' }), saved)?.stage.name, 'proven')
  })
  it('never proves anything without an accepted answer or a confirmed enrolment, nor less than the rules ask', () => {
    const names = fc.constantFrom('webauthn', 'totp', 'recovery-code')
    const rules: fc.Arbitrary<FactorRules> = fc.record({
      required: fc.uniqueArray(names),
      forbidden: fc.uniqueArray(names),
    })
    fc.assert(
      fc.property(
        fc.constantFrom(...stages.slice(0, 3)),
        rules,
        fc.array(fc.constantFrom(...events), { maxLength: 12 }),
        (stage, ruled, sequence) => {
          let state = signIn(stage, { rules: ruled })
          for (const event of sequence) {
            const next = advance(state, event)
            if (next?.stage.name === 'proven') {
              assert.ok(next.proven.length > 0 && next.provenBy !== null, JSON.stringify(sequence))
              assert.ok(meetsRules(ruled, next.factors))
            }
            if (isOver(state.stage)) assert.equal(next, undefined)
            state = next ?? state
          }
        },
      ),
      { numRuns: 3000 },
    )
  })
})
