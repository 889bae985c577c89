import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  advance,
  type Event,
  type Issuing,
  isOver,
  type SignIn,
  type Stage,
} from '../../src/challenge/machine.ts'

const draft = { secret: 's', shown: {} }
const issue: Issuing = { draft, credentialId: 'i' }
const enrolling = { factor: 'totp' as const, draft, credentialId: 'e', replaces: ['old'] }
const stages: Stage[] = [
  { name: 'asking', factor: 'totp', question: {} },
  { name: 'enrolling', ...enrolling },
  { name: 'recovered', left: 3 },
  { name: 'issuing', ...issue },
  { name: 'proven' },
  { name: 'locked' },
  { name: 'given-up' },
]
const events: Event[] = [
  { name: 'switched', factor: 'recovery-code', question: { left: 3 } },
  { name: 'accepted', factor: 'totp', amr: ['otp'], credential: 'c' },
  { name: 'accepted', factor: 'totp', amr: ['otp'], credential: 'c', issue },
  { name: 'accepted', factor: 'totp', amr: ['otp'], credential: 'c', left: 9 },
  { name: 'accepted', factor: 'recovery-code', amr: ['otp'], credential: 'c', left: 9 },
  { name: 'locked' },
  { name: 'enrolment-begun', enrolling },
  { name: 'enrolled', amr: ['otp'] },
  { name: 'enrolled', amr: ['otp'], issue },
  { name: 'continued' },
  { name: 'codes-saved' },
  { name: 'given-up' },
]
const signIn = (stage: Stage): SignIn => ({
  accountId: 'a',
  clientId: 'c',
  primary: { amr: ['pwd'], at: 1 },
  proven: [],
  provenBy: null,
  stage,
})

/** Every pair of stage and event; what is not listed is refused. */
const allowed: Record<string, Record<string, string>> = {
  asking: {
    switched: 'asking',
    'accepted totp': 'proven',
    'accepted totp issue': 'issuing',
    'accepted totp left': 'recovered',
    locked: 'locked',
    'given-up': 'given-up',
  },
  enrolling: { enrolled: 'proven', 'enrolled issue': 'issuing', 'given-up': 'given-up' },
  recovered: { 'enrolment-begun': 'enrolling', continued: 'proven', 'given-up': 'given-up' },
  issuing: { 'codes-saved': 'proven', 'given-up': 'given-up' },
  proven: {},
  locked: {},
  'given-up': {},
}
const label = (event: Event) =>
  event.name === 'accepted'
    ? `accepted ${event.factor}${event.issue ? ' issue' : ''}${event.left === undefined ? '' : ' left'}`
    : `${event.name}${event.name === 'enrolled' && event.issue ? ' issue' : ''}`

describe('the sign-in machine', () => {
  for (const stage of stages)
    for (const event of events)
      it(`${stage.name} + ${label(event)} → ${allowed[stage.name]?.[label(event)] ?? 'refused'}`, () => {
        assert.equal(advance(signIn(stage), event)?.stage.name, allowed[stage.name]?.[label(event)])
      })
  it('ends in proven, locked and given-up alone', () => {
    assert.deepEqual(
      stages.filter(isOver).map(({ name }) => name),
      ['proven', 'locked', 'given-up'],
    )
  })
  it('never proves anything without an accepted answer or a confirmed enrolment', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...stages.slice(0, 2)),
        fc.array(fc.constantFrom(...events), { maxLength: 12 }),
        (stage, sequence) => {
          let state = signIn(stage)
          for (const event of sequence) {
            const next = advance(state, event)
            if (next?.stage.name === 'proven') assert.ok(next.proven.length > 0, JSON.stringify(sequence))
            if (isOver(state.stage)) assert.equal(next, undefined)
            state = next ?? state
          }
        },
      ),
      { numRuns: 3000 },
    )
  })
})
