import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { SignIn } from '../../src/challenge/machine.ts'
import { createSignIns, type Stored } from '../../src/challenge/sign-ins.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import { embeddedStore } from '../../src/openers.ts'
import { movableClock } from '../support/clock.ts'

const asking: SignIn = {
  accountId: 'maria',
  clientId: null,
  primary: { amr: ['pwd'], at: 1 },
  proven: [],
  provenBy: null,
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
})
