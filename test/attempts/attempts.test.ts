import assert from 'node:assert/strict'
import { durableAttempts, passingAttempts } from '../../src/attempts/attempts.ts'
import type { Limits } from '../../src/attempts/lockout.ts'
import type { AttemptState, SecondFactorDirectory } from '../../src/directory/directory.ts'
import { embeddedStore, openDirectory } from '../../src/openers.ts'
import type { Store } from '../../src/stores/store.ts'
import { movableClock } from '../support/clock.ts'

const limits: Limits = { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 10 }

describe('durable attempts', () => {
  const open = async () => {
    const directory = await openDirectory('sqlite::memory:')
    const clock = movableClock()
    return { directory, clock, attempts: durableAttempts({ directory, clock, limits }) }
  }
  it('judges three of fifty parallel tries, and makes the rest wait', async () => {
    const { attempts } = await open()
    const reservations = await Promise.all(Array.from({ length: 50 }, () => attempts.reserve('a', 'totp')))
    assert.equal(reservations.filter(({ kind }) => kind === 'judge').length, 3)
    assert.equal(reservations.filter(({ kind }) => kind === 'wait').length, 47)
    assert.equal(await attempts.waiting('a', 'totp'), 30)
    assert.equal(await attempts.waiting('a', 'recovery-code'), 0)
  })
  it('locks the account’s second factor as a whole, and says once that it was just now', async () => {
    const { attempts, clock, directory } = await open()
    for (let attempt = 0; attempt < 10; attempt++) {
      assert.equal((await attempts.reserve('a', 'totp')).kind, 'judge')
      clock.advance(3600)
    }
    assert.deepEqual(await attempts.reserve('a', 'totp'), { kind: 'locked', justNow: true })
    assert.deepEqual(await attempts.reserve('a', 'totp'), { kind: 'locked', justNow: false })
    assert.deepEqual(await attempts.reserve('a', 'recovery-code'), { kind: 'locked', justNow: false })
    assert.equal((await attempts.reserve('b', 'totp')).kind, 'judge')
    await directory.clearAttempts('a')
    assert.equal((await attempts.reserve('a', 'totp')).kind, 'judge')
  })
  it('forgets after a success the failures of that authenticator alone', async () => {
    const { attempts } = await open()
    for (let attempt = 0; attempt < 2; attempt++) {
      await attempts.reserve('a', 'totp')
      await attempts.reserve('a', 'recovery-code')
    }
    await attempts.settle('a', 'totp')
    assert.deepEqual(await attempts.reserve('a', 'totp'), { kind: 'judge', waitIfWrong: 0, failures: 1 })
    assert.deepEqual(await attempts.reserve('a', 'recovery-code'), {
      kind: 'judge',
      waitIfWrong: 30,
      failures: 3,
    })
  })
})

describe('a durable record that somebody damaged', () => {
  it('is refused, not forgiven', async () => {
    const directory = {
      standing: async () => ({ factors: [], lockedAt: null }),
      async changeAttempts(
        _account: string,
        _authenticator: string,
        change: (state: AttemptState) => AttemptState,
      ) {
        change({ failures: -7, waitUntil: 0, lockedAt: null })
      },
    } as unknown as SecondFactorDirectory
    const attempts = durableAttempts({ directory, clock: movableClock(), limits })
    await assert.rejects(attempts.reserve('a', 'totp'), { code: 'directory_unavailable' })
  })
})

describe('an attempt that is given back', () => {
  it('is as if it had not been, unless the account was locked meanwhile', async () => {
    const directory = await openDirectory('sqlite::memory:')
    const attempts = durableAttempts({ directory, clock: movableClock(), limits })
    for (let attempt = 1; attempt <= 3; attempt++) {
      const reservation = await attempts.reserve('a', 'totp')
      assert.ok(reservation.kind === 'judge')
      await attempts.giveBack('a', 'totp', reservation.failures)
    }
    assert.deepEqual(await attempts.reserve('a', 'totp'), { kind: 'judge', waitIfWrong: 0, failures: 1 })
  })
})

describe('passing attempts', () => {
  it('never judge more of fifty parallel tries than are free, and never lock', async () => {
    const clock = movableClock()
    const attempts = passingAttempts({ store: embeddedStore(':memory:', clock), clock, limits })
    const reservations = await Promise.all(
      Array.from({ length: 50 }, () => attempts.reserve('name:x', 'password')),
    )
    const judged = reservations.filter(({ kind }) => kind === 'judge').length
    assert.ok(judged >= 1 && judged <= 3, `${judged}`)
    for (let attempt = 0; attempt < 30; attempt++) {
      clock.advance(3600)
      assert.equal((await attempts.reserve('name:x', 'password')).kind, 'judge')
    }
    assert.equal(await attempts.waiting('name:x', 'password'), 3600)
    await attempts.settle('name:x', 'password')
    assert.deepEqual(await attempts.reserve('name:x', 'password'), {
      kind: 'judge',
      waitIfWrong: 0,
      failures: 1,
    })
  })
  it('take back what nobody judged', async () => {
    const clock = movableClock()
    const store = embeddedStore(':memory:', clock)
    const attempts = passingAttempts({ store, clock, limits })
    for (let attempt = 1; attempt <= 3; attempt++) await attempts.reserve('name:x', 'password')
    await attempts.giveBack('name:x', 'password', 3)
    assert.equal(await attempts.waiting('name:x', 'password'), 0)
    assert.deepEqual(await attempts.reserve('name:x', 'password'), {
      kind: 'judge',
      waitIfWrong: 30,
      failures: 3,
    })
    await attempts.giveBack('name:nobody', 'password', 1)
    assert.equal((await attempts.reserve('name:nobody', 'password')).kind, 'judge')
  })
  it('take each of many back that are given back at once, and leave no wait', async () => {
    const clock = movableClock()
    const attempts = passingAttempts({ store: embeddedStore(':memory:', clock), clock, limits })
    const reserve = () => attempts.reserve('name:x', 'password')
    const reserved = [await reserve(), await reserve(), await reserve()]
    await Promise.all(
      reserved.map(async (one) => {
        assert.ok(one.kind === 'judge')
        await attempts.giveBack('name:x', 'password', one.failures)
      }),
    )
    assert.equal(await attempts.waiting('name:x', 'password'), 0)
    assert.deepEqual(await reserve(), { kind: 'judge', waitIfWrong: 0, failures: 1 })
  })
  it('stay counted where somebody else is faster every time', async () => {
    let tries = 0
    const store = {
      get: async () => '{"failures":2,"waitUntil":0,"lockedAt":null}',
      async swap() {
        tries += 1
        return false
      },
    } as unknown as Store
    const attempts = passingAttempts({ store, clock: movableClock(), limits })
    await attempts.giveBack('name:x', 'password', 2)
    assert.equal(tries, 20)
  })
  it('make whoever loses every race wait', async () => {
    const store = { get: async () => undefined, add: async () => false } as unknown as Store
    const attempts = passingAttempts({ store, clock: movableClock(), limits })
    assert.deepEqual(await attempts.reserve('name:x', 'password'), { kind: 'wait', seconds: 30 })
  })
  it('refuse a record that cannot be read', async () => {
    for (const record of [
      '{}',
      '{"failures":"0","waitUntil":0}',
      'garbage',
      'null',
      '{"failures":0}',
      '{"failures":-1,"waitUntil":0}',
    ]) {
      const store = { get: async () => record } as unknown as Store
      const attempts = passingAttempts({ store, clock: movableClock(), limits })
      await assert.rejects(attempts.reserve('name:x', 'password'), record)
    }
  })
})
