import assert from 'node:assert/strict'
import fc from 'fast-check'
import { giveBack, type Limits, reserve, settle, waitAfter } from '../../src/attempts/lockout.ts'
import { type AttemptState, noAttempts } from '../../src/directory/directory.ts'

const limits: Limits = { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 10 }

describe('lockout', () => {
  it('waits 30 s after three failures, doubling to an hour', () => {
    const waits = Array.from({ length: 12 }, (_, index) => waitAfter(index + 1, limits))
    assert.deepEqual(waits, [0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
  })
  it('judges again exactly when the wait is over, and counts nothing before', () => {
    let state: AttemptState = noAttempts
    for (let attempt = 0; attempt < 3; attempt++) {
      const reserved = reserve(state, 1000, limits)
      assert.equal(reserved.reservation.kind, 'judge')
      state = reserved.state
    }
    const early = reserve(state, 1000 + 29_999, limits)
    assert.deepEqual(early.reservation, { kind: 'wait', seconds: 1 })
    assert.deepEqual(early.state, state)
    assert.deepEqual(reserve(state, 1000, limits).reservation, { kind: 'wait', seconds: 30 })
    assert.deepEqual(reserve(state, 1000 + 30_000, limits).reservation, {
      kind: 'judge',
      waitIfWrong: 60,
      failures: 4,
    })
  })
  it('answers ten wrong codes, and the eleventh locks for good', () => {
    let state: AttemptState = noAttempts
    let now = 0
    for (let attempt = 1; attempt <= 10; attempt++) {
      now = state.waitUntil
      const reserved = reserve(state, now, limits)
      assert.equal(reserved.reservation.kind, 'judge', `attempt ${attempt}`)
      state = reserved.state
    }
    now = state.waitUntil
    const eleventh = reserve(state, now, limits)
    assert.deepEqual(eleventh.reservation, { kind: 'locked', justNow: true })
    assert.equal(eleventh.state.lockedAt, now)
    assert.deepEqual(reserve(eleventh.state, now + 1e12, limits).reservation, {
      kind: 'locked',
      justNow: false,
    })
    assert.equal(settle(eleventh.state).lockedAt, now, 'a success under way does not open a lock')
  })
  it('takes back an attempt with its wait, but no lock and no wait that another has set', () => {
    const third: AttemptState = { failures: 3, waitUntil: 30_000, lockedAt: null }
    assert.deepEqual(giveBack(third, 3, limits), { failures: 2, waitUntil: 0, lockedAt: null })
    // Given back out of order: what is left has no wait to come.
    assert.deepEqual(giveBack(third, 1, limits), { failures: 2, waitUntil: 0, lockedAt: null })
    assert.deepEqual(giveBack({ ...third, failures: 5 }, 4, limits), {
      failures: 4,
      waitUntil: 30_000,
      lockedAt: null,
    })
    assert.deepEqual(giveBack({ ...third, lockedAt: 5 }, 3, limits), { ...third, lockedAt: 5 })
    assert.deepEqual(giveBack(noAttempts, 1, limits), noAttempts)
  })
  it('forgets failures after a success', () => {
    assert.deepEqual(settle(reserve(noAttempts, 0, limits).state), noAttempts)
  })
  it('lets a guesser who never stops succeed within a year with a chance below one in a thousand', () => {
    // NIST SP 800-63B-4 §3.2.2 in numbers: three steps of six digits, judged answers of a year.
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (pause) => {
        let state: AttemptState = noAttempts
        let judged = 0
        for (
          let now = 0;
          now < 365 * 86_400_000 && state.lockedAt === null;
          now += Math.max(pause * 1000, 1000)
        ) {
          now = Math.max(now, state.waitUntil)
          const reserved = reserve(state, now, limits)
          if (reserved.reservation.kind === 'judge') judged++
          state = reserved.state
        }
        assert.equal(judged, 10)
        assert.ok(1 - (1 - 3e-6) ** judged < 1e-3)
      }),
      { numRuns: 50 },
    )
  })
})
