import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type SignIn, type Stage, unproven } from '../../src/challenge/machine.ts'
import { createSignIns } from '../../src/challenge/sign-ins.ts'
import { createSteps } from '../../src/challenge/steps.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import { embeddedStore } from '../../src/openers.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { movedClock } from '../contracts/store.ts'
import { endOf } from './messaging.ts'

const at = (stage: Stage): SignIn => ({
  purpose: 'sign-in',
  ...unproven,
  accountId: 'maria',
  clientId: 'rp',
  primary: { amr: ['pwd'], at: 1 },
  rules: noRules,
  stage,
})
const asking = (factor: 'totp' | 'push' = 'totp', question = {}): Stage => ({
  name: 'asking',
  factor,
  question,
})

const open = () => {
  const store = embeddedStore(':memory:', movedClock())
  const sealer = createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }])
  const signIns = createSignIns({ store, sealer, seconds: 900 })
  const stored = async (uid: string) => (await signIns.find(uid)) ?? assert.fail(uid)
  return { signIns, stored, steps: createSteps(signIns) }
}

describe('a step of a sign-in', () => {
  it('is taken once: whoever else changed the sign-in meanwhile is told to look again', async () => {
    const { signIns, stored, steps } = open()
    await signIns.begin('u', at(asking()))
    const before = await stored('u')
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        steps.move('u', before, { name: 'asked', factor: 'totp', question: { index } }),
      ),
    )
    assert.deepEqual(outcomes.map(endOf).toSorted(), ['asking', ...Array(19).fill('elsewhere')])
  })
  it('is none where the event is not possible', async () => {
    const { signIns, stored, steps } = open()
    await signIns.begin('u', at({ name: 'recovered', left: 1 }))
    assert.equal(endOf(await steps.move('u', await stored('u'), { name: 'locked' })), 'elsewhere')
  })
  it('is not run where there is no sign-in, nor where it is over', async () => {
    const { signIns, steps } = open()
    const run = async () => assert.fail('it ran')
    assert.equal(endOf(await steps.step('u', run)), 'gone')
    for (const name of ['proven', 'locked', 'turned-away', 'reported', 'given-up'] as const) {
      await signIns.begin(name, at({ name }))
      assert.equal(endOf(await steps.step(name, run)), name)
    }
    assert.equal(endOf(await steps.elsewhere('u')), 'gone')
  })
})

describe('a sign-in that somebody else moves on meanwhile', () => {
  it('is found as it then stands, a while later too', async () => {
    const { signIns, stored, steps } = open()
    await signIns.begin('u', at(asking()))
    const before = await stored('u')
    const looking = steps.movedMeanwhile('u', before)
    await delay(100)
    await signIns.replace('u', before, at({ name: 'proven' }))
    assert.equal((await looking)?.stage.name, 'proven')
  })
  it('has not moved by another question of the same factor, and has by one of another', async () => {
    const { signIns, stored, steps } = open()
    await signIns.begin('u', at(asking('push', { id: 1 })))
    const before = await stored('u')
    const next = await signIns.replace('u', before, at(asking('push', { id: 2 })))
    assert.equal(await steps.movedMeanwhile('u', before, 2), undefined)
    await signIns.replace('u', next ?? assert.fail(), at(asking('totp')))
    assert.equal((await steps.movedMeanwhile('u', before, 2))?.stage.name, 'asking')
  })
})
