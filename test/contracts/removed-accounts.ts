import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Directory, noAttempts } from '../../src/directory/directory.ts'
import { fiftyTimes } from './directory-nodes.ts'
import {
  failedOnce,
  someAccount,
  someCredential,
  someDevice,
  someEvent,
  someToken,
} from './directory-samples.ts'

/** What `Directory` promises of accounts that are removed. */
export function removedAccountsContract(opened: () => readonly [Directory, Directory]): void {
  /** Somebody with everything that an account can have. */
  const somebody = async (directory: Directory) => {
    const account = someAccount()
    const accountId = account.id
    const [active, assigned, borrowed] = [
      someToken({ accountId }),
      someToken({ accountId, counter: 7 }),
      // Activated, and taken back since.
      someToken({ accountId: null }),
    ]
    const app = someCredential({ accountId })
    const held = [active, borrowed].map(({ serial }, index) =>
      someCredential({ accountId, factor: 'hardware-token', handle: serial, counter: 41 + index }),
    )
    await directory.addAccount(account)
    await directory.addTokens([active, assigned, borrowed])
    for (const credential of [app, ...held]) await directory.addCredential(credential)
    await directory.changeAttempts(accountId, 'totp', (state) => ({ ...failedOnce(state), lockedAt: 5 }))
    await directory.addDevice(someDevice({ accountId }), 10)
    const event = someEvent({ accountId })
    await directory.appendAudit(event)
    return { account, app, active, assigned, borrowed, event }
  }
  const tokenNow = async (directory: Directory, serial: string) => {
    const { accountId, counter } = (await directory.tokenBySerial(serial)) ?? {}
    return { accountId, counter }
  }

  it('leave nothing but their trail, and their tokens with the counters, on every node', async () => {
    const [directory, other] = opened()
    const { account, app, active, assigned, borrowed, event } = await somebody(directory)
    const { id } = account
    assert.equal(await directory.removeAccount(id), true)
    assert.equal(await other.accountById(id), undefined)
    for (const name of [account.username, account.email ?? ''])
      assert.equal(await other.accountByName(name), undefined)
    assert.deepEqual(await other.credentials(id), [])
    assert.equal(await other.credentialByHandle('hardware-token', active.serial), undefined)
    assert.equal(await other.spend(app.id, 0, 1, 1), false)
    assert.deepEqual(await other.standing(id), { factors: [], marks: [], lockedAt: null, minimum: null })
    assert.deepEqual((await other.changeAttempts(id, 'totp', (state) => state)).before, noAttempts)
    assert.deepEqual(await other.devices(id), [])
    assert.deepEqual(await other.tokens(id), [])
    assert.deepEqual(await tokenNow(other, active.serial), { accountId: null, counter: 41 })
    assert.deepEqual(await tokenNow(other, assigned.serial), { accountId: null, counter: 7 })
    assert.deepEqual(await tokenNow(other, borrowed.serial), { accountId: null, counter: 42 })
    assert.deepEqual(await other.audit(id, 10), [event])
  })

  it('give their names free', async () => {
    const [directory] = opened()
    const { account } = await somebody(directory)
    await directory.removeAccount(account.id)
    const next = { ...account, id: randomUUID() }
    await directory.addAccount(next)
    assert.deepEqual(await directory.accountByName(account.username), next)
  })

  it('take nothing of anybody else with them', async () => {
    const [directory] = opened()
    const [{ account }, neighbour] = [await somebody(directory), await somebody(directory)]
    await directory.removeAccount(account.id)
    const { id } = neighbour.account
    assert.deepEqual(await directory.accountByName(neighbour.account.username), neighbour.account)
    assert.equal((await directory.credentials(id)).length, 3)
    assert.equal((await directory.standing(id)).lockedAt, 5)
    assert.equal((await directory.devices(id)).length, 1)
    assert.equal((await directory.tokens(id)).length, 2)
  })

  it('are removed once, by whatever name they are not called', async () => {
    const [directory] = opened()
    const { account } = await somebody(directory)
    for (const text of [randomUUID(), '', '\0', "' or 1=1 --", account.username])
      assert.equal(await directory.removeAccount(text), false)
    assert.ok(await directory.accountById(account.id))
    const answers = await fiftyTimes(opened(), (node) => node.removeAccount(account.id))
    assert.deepEqual(answers.filter(Boolean), [true])
  })
}
