import assert from 'node:assert/strict'
import { embeddedStore } from '../../src/openers.ts'
import { type Authentication, createProofMemory } from '../../src/plugin/proofs.ts'
import { movableClock } from '../support/clock.ts'

const day = 86_400
const totp = { totp: { at: 1000 } }
const recovery = { 'recovery-code': { at: 1001 } }
const both = { ...recovery, webauthn: { at: 1002, userVerified: true, deviceBound: false, attested: false } }
const one: Authentication = { accountId: 'ana', sessionUid: 's1', at: 1000, amr: ['pwd', 'otp', 'mfa'] }

describe('what a session was proven by', () => {
  const open = () => {
    const clock = movableClock()
    const store = embeddedStore(':memory:', clock)
    return { clock, store, proofs: createProofMemory(store) }
  }

  it('is remembered for this authentication, in whatever order its names come', async () => {
    const { proofs } = open()
    await proofs.note(one, totp)
    assert.deepEqual(await proofs.proofsOf(one), totp)
    assert.deepEqual(await proofs.proofsOf({ ...one, amr: ['mfa', 'otp', 'pwd'] }), totp)
  })
  it('is remembered with when and how each of them was proven', async () => {
    const { proofs } = open()
    const trusted = { ...both, 'trusted-device': { at: 1003, device: 'd' } }
    await proofs.note(one, trusted)
    assert.deepEqual(await proofs.proofsOf(one), trusted)
  })
  it('is remembered with where it happened, if anywhere', async () => {
    const { proofs } = open()
    const seen = {
      sighting: {
        address: '192.0.2.7',
        country: 'IT',
        city: null,
        latitude: null,
        longitude: null,
        browser: 'Firefox',
        system: null,
      },
      device: 'laptop',
    }
    await proofs.note(one, totp, seen)
    assert.deepEqual(await proofs.seenOf({ ...one, amr: ['mfa', 'otp', 'pwd'] }), seen)
    assert.deepEqual(await proofs.proofsOf(one), totp)
    assert.equal(await proofs.seenOf({ ...one, sessionUid: 's2' }), undefined)
    // Raised since: where that happened, or nothing, as on a phone.
    await proofs.note(one, totp)
    assert.equal(await proofs.seenOf(one), undefined)
  })
  it('is not remembered for another account, session, moment or other names', async () => {
    const { proofs } = open()
    await proofs.note(one, totp)
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
      assert.equal(await proofs.proofsOf({ ...one, ...other }), undefined, JSON.stringify(other))
  })
  it('of two within one second, each keeps its own where their names differ', async () => {
    const { proofs } = open()
    const stepped = { ...one, amr: ['pwd', 'otp', 'pop', 'user', 'mfa'] }
    await proofs.note(one, recovery)
    await proofs.note(stepped, both)
    assert.deepEqual(await proofs.proofsOf(one), recovery)
    assert.deepEqual(await proofs.proofsOf(stepped), both)
  })
  it('of two that nothing tells apart, the later is what holds', async () => {
    const { proofs } = open()
    await proofs.note(one, totp)
    await proofs.note(one, recovery)
    assert.deepEqual(await proofs.proofsOf(one), recovery)
  })
  it('tells nothing from what is not remembered', async () => {
    const { proofs } = open()
    await proofs.note(one, {})
    assert.deepEqual(await proofs.proofsOf(one), {})
    assert.equal(await proofs.proofsOf({ ...one, at: 1 }), undefined)
  })
  it('is forgotten after a month, later than any token that rests on it', async () => {
    const { proofs, clock } = open()
    await proofs.note(one, totp)
    clock.advance(31 * day - 60)
    assert.deepEqual(await proofs.proofsOf(one), totp)
    clock.advance(120)
    assert.equal(await proofs.proofsOf(one), undefined)
  })
  it('does not outlive the store, and names nobody in it', async () => {
    const { proofs, store } = open()
    const keys: string[] = []
    const seen = createProofMemory({ ...store, put: async (key) => void keys.push(key) })
    await seen.note(one, totp)
    assert.equal(keys.length, 1)
    assert.match(keys[0] as string, /^pf:[\w-]{43}$/)
    assert.equal(await open().proofs.proofsOf(one), undefined)
    assert.equal(await proofs.proofsOf(one), undefined)
  })
})
