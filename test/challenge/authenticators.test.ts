import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { passingAttempts } from '../../src/attempts/attempts.ts'
import { createAuthenticators, type Decided } from '../../src/challenge/authenticators.ts'
import type { Outcome } from '../../src/challenge/challenge.ts'
import type { SignIn, Stage } from '../../src/challenge/machine.ts'
import type { Credential } from '../../src/directory/directory.ts'
import { registerFactors } from '../../src/factors/registry.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { createFactor } from '../factors/push/scene.ts'
import { openAsking } from './asking.ts'

/** What a phone is answered, by what became of the sign-in. */
const open = async (
  became?: (signIn: SignIn) => Outcome,
  settings: Parameters<typeof openAsking>[0] = {},
) => {
  const asking = await openAsking(settings)
  const { challenge, store, clock, directory } = asking
  const answered: Array<[string, Outcome['kind']]> = []
  const events: string[] = []
  await asking.begin('u')
  await challenge.send('u')
  const authenticators = createAuthenticators({
    ...asking,
    challenge: became
      ? {
          ...challenge,
          async answer(uid) {
            const signIn = await challenge.find(uid)
            return became(signIn ?? assert.fail())
          },
        }
      : challenge,
    factors: registerFactors([
      { ...createFactor().factor, remote: { ...createFactor().factor.remote, show: showOf } },
    ]),
    async record(type, { reason } = {}) {
      events.push(`${type} ${reason}`)
    },
    notify: async ({ kind }) => void events.push(kind),
    contextFor: async (accountId) => ({
      now: clock.now(),
      random: randomBytes,
      issuerName: 'Test',
      accountName: accountId,
    }),
    guesses: passingAttempts({
      store,
      clock,
      limits: { freeFailures: 10, firstWait: 30, longestWait: 900 },
    }),
    rulesOf: async () => noRules,
    issuer: () => 'https://sso.example.org',
    answered: async (uid, { kind }) => void answered.push([uid, kind]),
  })
  const [credential] = (await directory.credentials('maria')) as [Credential]
  const device = { kind: 'active', accountId: 'maria', thumbprint: 'thumbprint', credential } as const
  const decide = async (what: string): Promise<Decided> => {
    const id = await asking.idOf('u')
    return authenticators.decide(device, id, `${what} ${id}`)
  }
  return { ...asking, authenticators, device, decide, answered, events }
}

/** As the scripted phone of `asking.ts` shows it. */
const showOf = ({ id, expiresAt }: Record<string, unknown>, now: number) =>
  id !== undefined && Number(expiresAt) > now
    ? {
        id: String(id),
        nonce: 'nonce',
        digits: 2,
        expiresAt: Number(expiresAt),
        kind: 'sign-in' as const,
        shown: '{}',
      }
    : undefined

const decided = (outcome: 'approved' | 'denied' | 'reported') => ({ kind: 'decided', outcome })
const standsAt = (stage: Stage, more: Partial<SignIn> = {}) =>
  ((signIn) => ({ kind: 'moved', signIn: { ...signIn, ...more, stage } })) satisfies (
    signIn: SignIn,
  ) => Outcome

describe('what a phone is answered', () => {
  it('is what it decided: approved, denied, reported, or wrong', async () => {
    for (const [what, answer] of [
      ['right', decided('approved')],
      ['deny', decided('denied')],
      ['report', decided('reported')],
      ['wrong', { kind: 'refused', reason: 'wrong' }],
    ] as const) {
      const { decide, answered } = await open()
      assert.deepEqual(await decide(what), answer)
      assert.equal(answered.length, 1, 'whoever waits without a browser is told')
      assert.equal(answered[0]?.[0], 'u')
    }
  })
  it('is never "approved" or "denied" of what went another way meanwhile', async () => {
    const gone: Decided = { kind: 'gone' }
    for (const [stage, answer] of [
      [{ name: 'asking', factor: 'totp', question: {} }, gone],
      [{ name: 'asking', factor: 'push', question: { sends: 2, id: 'another' } }, gone],
      [{ name: 'given-up' }, gone],
      [{ name: 'turned-away' }, gone],
      [{ name: 'locked' }, { kind: 'locked' }],
      [{ name: 'reported' }, decided('reported')],
    ] as const) {
      const { decide } = await open(standsAt(stage))
      assert.deepEqual(await decide('right'), answer, stage.name)
    }
    // Another phone of the person was faster.
    const { decide } = await open(standsAt({ name: 'proven' }, { factors: ['push'] }))
    assert.deepEqual(await decide('right'), decided('approved'))
  })
  it('is how long to wait, and that nothing is there to answer any more', async () => {
    const refusing = (refusal: Extract<Outcome, { kind: 'refused' }>['refusal']) =>
      open((signIn) => ({ kind: 'refused', signIn, refusal }))
    for (const reason of ['elsewhere', 'expired', 'unsent', 'undelivered'] as const) {
      const { decide } = await refusing({ reason })
      assert.deepEqual(await decide('right'), { kind: 'gone' }, reason)
    }
    const { decide } = await refusing({ reason: 'wait', seconds: 30 })
    assert.deepEqual(await decide('right'), { kind: 'wait', seconds: 30 })
    const { decide: late } = await open(() => ({ kind: 'gone' }))
    assert.deepEqual(await late('right'), { kind: 'gone' })
  })
  it('is of the request that waits, and of no other', async () => {
    const { authenticators, device, idOf, failures } = await open()
    const id = await idOf('u')
    for (const other of ['none', `${id}x`, ''])
      assert.deepEqual(await authenticators.decide(device, other, `right ${id}`), { kind: 'gone' })
    const stranger = { ...device, accountId: 'anna' }
    assert.deepEqual(await authenticators.decide(stranger, id, `right ${id}`), { kind: 'gone' })
    assert.equal((await failures()).failures, 0)
  })
})

describe('what is asked of a phone', () => {
  it('is shown to it, which is noted, and to nobody of another account', async () => {
    const { authenticators, device, pending, idOf } = await open()
    assert.equal((await pending.find('maria'))?.seen, false)
    const stranger = { ...device, accountId: 'anna' }
    assert.deepEqual((await authenticators.requests(stranger)).requests, [])
    assert.equal((await pending.find('maria'))?.seen, false)
    const { requests } = await authenticators.requests(device)
    assert.deepEqual(
      requests.map(({ id }) => id),
      [await idOf('u')],
    )
    assert.equal((await pending.find('maria'))?.seen, true)
  })
  it('is nothing once the time is over, another way was chosen, or another request took its place', async () => {
    const { authenticators, device, clock, signIns, begin, challenge, idOf } = await open()
    const asked = async () => (await authenticators.requests(device)).requests.map(({ id }) => id)
    const first = await idOf('u')
    clock.advance(30)
    await begin('v')
    await challenge.send('v')
    assert.deepEqual(await asked(), [await idOf('v')])
    // What the browser that asks answers by itself is not asked of a phone.
    await challenge.send('v', { here: true })
    assert.deepEqual(await asked(), [])
    assert.deepEqual(await authenticators.decide(device, first, `right ${first}`), { kind: 'gone' })
    const stored = await signIns.find('v')
    assert.ok(stored)
    await signIns.replace('v', stored, {
      ...stored.signIn,
      stage: { name: 'asking', factor: 'push', question: { sends: 1, ended: 'judging' } },
    })
    assert.deepEqual(await asked(), [])
    const judged = await idOf('u')
    assert.deepEqual(await authenticators.decide(device, judged, `deny ${judged}`), { kind: 'gone' })
    clock.advance(61)
    assert.deepEqual(await asked(), [])
  })
})

describe('a report that is made twice', () => {
  it('at the same moment is not late: the host is told once, and of that sign-in alone', async () => {
    const again: Decided[] = []
    const { authenticators, device, idOf, done } = await open(undefined, {
      async recording(type) {
        if (type === 'request.reported') again.push(await report())
      },
    })
    const id = await idOf('u')
    const report = () => authenticators.decide(device, id, `report ${id}`)
    assert.deepEqual(await report(), { kind: 'decided', outcome: 'reported' })
    assert.deepEqual(again, [{ kind: 'gone' }])
    assert.equal(done.filter((what) => what === 'host').length, 1)
  })
})

describe('an account that is taken off a phone', () => {
  it('stays where the phone is the last way in, and goes where another one is left', async () => {
    const { authenticators, directory, events, device } = await open()
    const { factor } = createFactor()
    assert.ok(factor)
    const secret = JSON.stringify({
      v: 1,
      key: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) },
      authenticator: { id: 'id', secret: 'kept', counter: 0 },
      address: 'somewhere',
      offline: 'A'.repeat(32),
      language: 'en',
      platform: 'ios',
    })
    const credential = { ...device.credential, secret }
    await directory.changeCredential('maria', 'phone', { secret })
    await authenticators.remove({ ...device, credential })
    const [kept] = await directory.credentials('maria')
    assert.deepEqual([JSON.parse(kept?.secret ?? '{}').address, events], [null, []])
    await directory.addCredential({ ...credential, id: 'second', handle: 'other' })
    await authenticators.remove({ ...device, credential })
    assert.deepEqual(
      (await directory.credentials('maria')).map(({ id }) => id),
      ['second'],
    )
    assert.deepEqual(events, ['factor.removed by-device', 'factor-removed'])
  })
})
