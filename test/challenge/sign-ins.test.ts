import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type SignIn, unproven } from '../../src/challenge/machine.ts'
import { createSignIns, endSignIns, type Stored } from '../../src/challenge/sign-ins.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import { embeddedStore } from '../../src/openers.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { movableClock } from '../support/clock.ts'

const asking: SignIn = {
  purpose: 'sign-in',
  accountId: 'maria',
  clientId: null,
  primary: { amr: ['pwd'], at: 1 },
  rules: noRules,
  ...unproven,
  stage: {
    name: 'enrolling',
    factor: 'totp',
    draft: { secret: 'SEEDSEEDSEED', shown: {} },
    credentialId: 'c',
    replaces: [],
  },
}
const over: SignIn = { ...asking, stage: { name: 'given-up' } }

describe('sign-ins under way', () => {
  const open = () => {
    const clock = movableClock()
    const store = embeddedStore(':memory:', clock)
    const sealer = createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }])
    return { clock, store, signIns: createSignIns({ store, sealer, seconds: 900 }) }
  }
  it('are changed by one of fifty who saw the same state', async () => {
    const { signIns } = open()
    await signIns.begin('u', asking)
    const seen = (await signIns.find('u')) as Stored
    const won = await Promise.all(Array.from({ length: 50 }, () => signIns.replace('u', seen, over)))
    assert.equal(won.filter(Boolean).length, 1)
    assert.deepEqual((await signIns.find('u'))?.signIn, over)
  })
  it('show no seed in the store, and end in time', async () => {
    const { clock, signIns, store } = open()
    await signIns.begin('u', asking)
    assert.equal((await store.get('si:u'))?.includes('SEED'), false)
    clock.advance(899)
    assert.ok(await signIns.find('u'))
    clock.advance(1)
    assert.equal(await signIns.find('u'), undefined)
  })
  it('of an account end all at once, and those of others go on', async () => {
    const { signIns, store } = open()
    for (const uid of ['u', 'v', 'w']) await signIns.begin(uid, asking)
    await signIns.begin('other', { ...asking, accountId: 'luigi' })
    const seen = (await signIns.find('u')) as Stored
    await signIns.end('w')
    await endSignIns(store, 'maria')
    for (const uid of ['u', 'v', 'w']) assert.equal(await signIns.find(uid), undefined, uid)
    assert.ok(await signIns.find('other'))
    // Whoever read it before brings it back by no step.
    assert.equal(await signIns.replace('u', seen, over), undefined)
    assert.equal(await signIns.find('u'), undefined)
    await endSignIns(store, 'nobody')
    await signIns.begin('u', asking)
    assert.ok(await signIns.find('u'), 'a new one may begin')
  })
  it('end with their account however far they have come, and however old the first of them is', async () => {
    const { clock, signIns, store } = open()
    await signIns.begin('first', asking)
    clock.advance(800)
    await signIns.begin('later', asking)
    const seen = (await signIns.find('later')) as Stored
    assert.ok(await signIns.replace('later', seen, { ...asking, stage: { name: 'choosing', replaces: [] } }))
    clock.advance(850)
    assert.ok(await signIns.find('later'))
    await endSignIns(store, 'maria')
    assert.equal(await signIns.find('later'), undefined)
  })
})
