import assert from 'node:assert/strict'
import { embeddedStore } from '../../src/openers.ts'
import { type Authentication, createProofs } from '../../src/plugin/proofs.ts'
import { movableClock } from '../support/clock.ts'

const day = 86_400
const one: Authentication = { accountId: 'ana', sessionUid: 's1', at: 1000, amr: ['pwd', 'otp', 'mfa'] }

describe('what a session was proven by', () => {
  const open = () => {
    const clock = movableClock()
    const store = embeddedStore(':memory:', clock)
    return { clock, store, proofs: createProofs(store) }
  }

  it('is remembered for this authentication, in whatever order its names come', async () => {
    const { proofs } = open()
    await proofs.note(one, ['totp'])
    assert.deepEqual(await proofs.factorsOf(one), ['totp'])
    assert.deepEqual(await proofs.factorsOf({ ...one, amr: ['mfa', 'otp', 'pwd'] }), ['totp'])
  })
  it('is not remembered for another account, session, moment or other names', async () => {
    const { proofs } = open()
    await proofs.note(one, ['totp'])
    const others: Partial<Authentication>[] = [
      { accountId: 'luigi' },
      { accountId: 'anas1', sessionUid: '' },
      { accountId: 'an', sessionUid: 'as1' },
      { sessionUid: 's2' },
      { at: 1001 },
      { at: 100 },
      { amr: ['pwd', 'otp'] },
      { amr: ['pwd', 'otp', 'mfa', 'mfa'] },
      { amr: ['pwd,otp,mfa'] },
      { amr: ['pwd", "otp", "mfa'] },
      { amr: [] },
    ]
    for (const other of others)
      assert.equal(await proofs.factorsOf({ ...one, ...other }), undefined, JSON.stringify(other))
  })
  it('of two within one second, each keeps its own where their names differ', async () => {
    const { proofs } = open()
    const stepped = { ...one, amr: ['pwd', 'otp', 'pop', 'user', 'mfa'] }
    await proofs.note(one, ['recovery-code'])
    await proofs.note(stepped, ['recovery-code', 'webauthn'])
    assert.deepEqual(await proofs.factorsOf(one), ['recovery-code'])
    assert.deepEqual(await proofs.factorsOf(stepped), ['recovery-code', 'webauthn'])
  })
  it('of two that nothing tells apart, the later is what holds', async () => {
    const { proofs } = open()
    await proofs.note(one, ['totp'])
    await proofs.note(one, ['recovery-code'])
    assert.deepEqual(await proofs.factorsOf(one), ['recovery-code'])
  })
  it('tells nothing from what is not remembered', async () => {
    const { proofs } = open()
    await proofs.note(one, [])
    assert.deepEqual(await proofs.factorsOf(one), [])
    assert.equal(await proofs.factorsOf({ ...one, at: 1 }), undefined)
  })
  it('is forgotten after thirty days', async () => {
    const { proofs, clock } = open()
    await proofs.note(one, ['totp'])
    clock.advance(30 * day - 60)
    assert.deepEqual(await proofs.factorsOf(one), ['totp'])
    clock.advance(120)
    assert.equal(await proofs.factorsOf(one), undefined)
  })
  it('does not outlive the store, and names nobody in it', async () => {
    const { proofs, store } = open()
    const keys: string[] = []
    const seen = createProofs({ ...store, put: async (key) => void keys.push(key) })
    await seen.note(one, ['totp'])
    assert.equal(keys.length, 1)
    assert.match(keys[0] as string, /^pf:[\w-]{43}$/)
    assert.equal(await open().proofs.factorsOf(one), undefined)
    assert.equal(await proofs.factorsOf(one), undefined)
  })
})
