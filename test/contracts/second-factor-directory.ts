import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { noAttempts, type SecondFactorDirectory } from '../../src/directory/directory.ts'
import { markOf } from '../../src/directory/mark.ts'
import { credentialChangesContract } from './credential-changes.ts'
import { devicesContract } from './devices.ts'
import { fiftyTimes, type OpenNodes, openBefore } from './directory-nodes.ts'
import { failedOnce, someCredential, someEvent } from './directory-samples.ts'

/** Every MUST of `SecondFactorDirectory`. The database is opened once and shared: each test has accounts of its own. */
export function secondFactorDirectoryContract(name: string, open: OpenNodes<SecondFactorDirectory>): void {
  describe(`${name} keeps the contract of SecondFactorDirectory`, () => {
    let nodes: readonly [SecondFactorDirectory, SecondFactorDirectory]
    let directory: SecondFactorDirectory

    openBefore(open, (opened) => {
      nodes = opened
      directory = opened[0]
    })

    it('answers when asked whether it does', () => directory.ping())

    describe('standing', () => {
      it('is empty for an account it never heard of', async () => {
        const { minimum = null, marks = [], ...standing } = await directory.standing(randomUUID())
        assert.deepEqual(standing, { factors: [], lockedAt: null })
        assert.deepEqual(marks, [])
        assert.equal(minimum, null)
      })

      it('holds each factor once', async () => {
        const accountId = randomUUID()
        for (const factor of ['totp', 'recovery-code', 'totp']) {
          await directory.addCredential(someCredential({ accountId, factor }))
        }
        await directory.addCredential(someCredential({ factor: 'other' }))
        const { factors, lockedAt, marks } = await directory.standing(accountId)
        assert.deepEqual(factors.toSorted(), ['recovery-code', 'totp'])
        const all = await directory.credentials(accountId)
        assert.deepEqual(marks?.toSorted(), all.map(markOf).toSorted())
        assert.equal(lockedAt, null)
      })

      it('is locked when any authenticator is, even without credentials', async () => {
        const accountId = randomUUID()
        await directory.changeAttempts(accountId, 'totp', failedOnce)
        await directory.changeAttempts(accountId, 'recovery-code', (state) => ({
          ...state,
          lockedAt: 12_345,
        }))
        const { factors, lockedAt } = await directory.standing(accountId)
        assert.deepEqual({ factors, lockedAt }, { factors: [], lockedAt: 12_345 })
        await directory.clearAttempts(accountId)
        assert.equal((await directory.standing(accountId)).lockedAt, null)
      })
    })

    describe('credentials', () => {
      it('come back as they were added, oldest first, and only those of the account', async () => {
        const accountId = randomUUID()
        const young = someCredential({ accountId, createdAt: 3_000, counter: 2 ** 50, lastUsedAt: 4_000 })
        const old = someCredential({ accountId, createdAt: 1_000, label: 'Ünïcode 📱', secret: '' })
        for (const credential of [young, old, someCredential()]) await directory.addCredential(credential)
        assert.deepEqual(await directory.credentials(accountId), [old, young])
        assert.deepEqual(await directory.credentials(randomUUID()), [])
      })

      it('refuse an id that is taken, and keep what was there', async () => {
        const credential = someCredential()
        await directory.addCredential(credential)
        const usurper = someCredential({ id: credential.id, secret: 'other' })
        await assert.rejects(directory.addCredential(usurper), { code: 'credential_exists', status: 409 })
        assert.deepEqual(await directory.credentials(credential.accountId), [credential])
        assert.deepEqual(await directory.credentials(usurper.accountId), [])
      })

      it('are removed by name, of this account only', async () => {
        const accountId = randomUUID()
        const [mine, kept] = [someCredential({ accountId }), someCredential({ accountId, createdAt: 1 })]
        const foreign = someCredential()
        for (const credential of [mine, kept, foreign]) await directory.addCredential(credential)
        assert.equal(await directory.removeCredentials(accountId, [mine.id, foreign.id, 'nobody']), 1)
        assert.deepEqual(await directory.credentials(accountId), [kept])
        assert.equal((await directory.credentials(foreign.accountId)).length, 1)
      })

      it('are all removed when no ids are given, none when the list is empty', async () => {
        const accountId = randomUUID()
        for (let count = 0; count < 3; count += 1)
          await directory.addCredential(someCredential({ accountId }))
        assert.equal(await directory.removeCredentials(accountId, []), 0)
        assert.equal(await directory.removeCredentials(accountId), 3)
        assert.equal(await directory.removeCredentials(accountId), 0)
      })
    })

    credentialChangesContract(() => nodes)
    devicesContract(() => nodes)

    describe('spend', () => {
      it('moves the counter and says when', async () => {
        const credential = someCredential({ counter: 7 })
        await directory.addCredential(credential)
        assert.equal(await directory.spend(credential.id, 7, 9, 5_000), true)
        assert.deepEqual(await directory.credentials(credential.accountId), [
          { ...credential, counter: 9, lastUsedAt: 5_000 },
        ])
      })

      it('refuses another counter, and a credential it does not know, and changes nothing', async () => {
        const credential = someCredential({ counter: 7 })
        await directory.addCredential(credential)
        assert.equal(await directory.spend(credential.id, 6, 9, 5_000), false)
        assert.equal(await directory.spend(credential.id, 8, 9, 5_000), false)
        assert.equal(await directory.spend(randomUUID(), 7, 9, 5_000), false)
        assert.deepEqual(await directory.credentials(credential.accountId), [credential])
      })

      it('has one winner among 50 at once', async () => {
        const credential = someCredential({ counter: 100 })
        await directory.addCredential(credential)
        const results = await fiftyTimes(nodes, (node, index) =>
          node.spend(credential.id, 100, 101 + index, index),
        )
        assert.equal(results.filter((won) => won === true).length, 1)
        const [stored] = await directory.credentials(credential.accountId)
        assert.equal(stored?.counter, 101 + results.indexOf(true))
      })
    })

    describe('changeAttempts', () => {
      it('starts an unknown pair as noAttempts, and answers before and after', async () => {
        const accountId = randomUUID()
        const first = await directory.changeAttempts(accountId, 'totp', failedOnce)
        assert.deepEqual(first, { before: noAttempts, after: { ...noAttempts, failures: 1 } })
        const locked = { failures: 11, waitUntil: 1_790_000_000_123, lockedAt: 1_790_000_000_000 }
        const second = await directory.changeAttempts(accountId, 'totp', () => locked)
        assert.deepEqual(second, { before: first.after, after: locked })
        const third = await directory.changeAttempts(accountId, 'totp', (state) => state)
        assert.deepEqual(third, { before: locked, after: locked })
        const fourth = await directory.changeAttempts(accountId, 'totp', () => noAttempts)
        assert.deepEqual(fourth, { before: locked, after: noAttempts })
      })

      it('keeps accounts and authenticators apart', async () => {
        const accountId = randomUUID()
        await directory.changeAttempts(accountId, 'totp', failedOnce)
        for (const [account, authenticator] of [
          [accountId, 'recovery-code'],
          [randomUUID(), 'totp'],
        ] as const) {
          const { before } = await directory.changeAttempts(account, authenticator, failedOnce)
          assert.deepEqual(before, noAttempts)
        }
      })

      it('counts each of 50 at once', async () => {
        const accountId = randomUUID()
        const results = await fiftyTimes(nodes, async (node) => {
          const { before, after } = await node.changeAttempts(accountId, 'totp', failedOnce)
          assert.equal(after.failures, before.failures + 1)
          return before.failures
        })
        assert.deepEqual(
          new Set(results),
          new Set(Array.from({ length: 50 }, (_, index) => index)),
          'two changes started from one state',
        )
        const { before } = await directory.changeAttempts(accountId, 'totp', (state) => state)
        assert.equal(before.failures, 50)
      })

      it('loses no change of a wait or a lock either', async () => {
        for (const field of ['waitUntil', 'lockedAt'] as const) {
          const accountId = randomUUID()
          await fiftyTimes(nodes, (node) =>
            node.changeAttempts(accountId, 'totp', (state) => ({
              ...state,
              [field]: (state[field] ?? 0) + 1,
            })),
          )
          const { before } = await directory.changeAttempts(accountId, 'totp', (state) => state)
          assert.deepEqual(before, { ...noAttempts, [field]: 50 })
        }
      })

      it('starts anew after an unlock at the same time, and loses no count otherwise', async () => {
        const accountId = randomUUID()
        const starts: number[] = []
        await fiftyTimes(nodes, async (node, index) => {
          if (index % 10 === 5) return node.clearAttempts(accountId)
          const { before } = await node.changeAttempts(accountId, 'totp', failedOnce)
          starts.push(before.failures)
        })
        const times = (failures: number) => starts.filter((start) => start === failures).length
        assert.ok(times(0) >= 1 && times(0) <= 6, 'five unlocks make six beginnings at most')
        for (let failures = 1; failures < 45; failures += 1) {
          assert.ok(
            times(failures) <= times(failures - 1),
            `${failures} was counted from more often than reached`,
          )
        }
      })
    })

    it('clearAttempts forgets every authenticator of the account, and of no other', async () => {
      const [accountId, other] = [randomUUID(), randomUUID()]
      for (const account of [accountId, other]) {
        for (const authenticator of ['totp', 'recovery-code']) {
          await directory.changeAttempts(account, authenticator, () => ({
            failures: 11,
            waitUntil: 9,
            lockedAt: 9,
          }))
        }
      }
      await directory.clearAttempts(accountId)
      for (const authenticator of ['totp', 'recovery-code']) {
        const { before } = await directory.changeAttempts(accountId, authenticator, (state) => state)
        assert.deepEqual(before, noAttempts)
      }
      assert.equal((await directory.standing(other)).lockedAt, 9)
    })

    describe('audit', () => {
      it('answers the latest events of the account, newest first', async () => {
        const accountId = randomUUID()
        const events = [3_000, 1_000, 2_000, 4_000].map((at) => someEvent({ accountId, at }))
        for (const event of [...events, someEvent()]) await directory.appendAudit(event)
        const [third, , second, fourth] = events
        assert.deepEqual(await directory.audit(accountId, 3), [fourth, third, second])
        assert.deepEqual(await directory.audit(randomUUID(), 3), [])
      })

      it('keeps the order of writing within a millisecond', async () => {
        const accountId = randomUUID()
        const events = Array.from({ length: 5 }, () => someEvent({ accountId }))
        for (const event of events) await directory.appendAudit(event)
        assert.deepEqual(await directory.audit(accountId, 10), events.toReversed())
      })

      it('takes events that are about nobody', async () => {
        await directory.appendAudit(
          someEvent({ accountId: null, clientId: null, factor: null, reason: null, requestId: null }),
        )
      })
    })
  })
}
