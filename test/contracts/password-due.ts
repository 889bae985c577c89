import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Directory } from '../../src/directory/directory.ts'
import { fiftyTimes } from './directory-nodes.ts'
import { someAccount } from './directory-samples.ts'

/** What `Directory` says of the demand for a new password, and of changes that expect something. */
export function passwordDueContract(nodesOf: () => readonly [Directory, Directory]): void {
  const added = async (over = {}) => {
    const [directory] = nodesOf()
    const account = someAccount(over)
    await directory.addAccount(account)
    return { directory, account, found: () => directory.accountById(account.id) }
  }
  const at = 1_790_000_000_123

  it('is kept to the millisecond, changes where told, and ends', async () => {
    const { directory, account, found } = await added({ passwordDue: at })
    assert.deepEqual(await found(), account)
    assert.deepEqual(await directory.accountByName(account.username), account)
    await directory.changeAccount(account.id, { name: 'Maria Verdi' })
    assert.equal((await found())?.passwordDue, at)
    assert.equal(await directory.changeAccount(account.id, { passwordDue: at + 1 }), true)
    assert.equal((await found())?.passwordDue, at + 1)
    await directory.changeAccount(account.id, { passwordDue: null })
    assert.deepEqual(await found(), { ...account, name: 'Maria Verdi', passwordDue: null })
  })

  it('can be expected, as can the password', async () => {
    const { directory, account, found } = await added({ passwordDue: at })
    const { id, passwordHash } = account
    for (const expected of [
      { passwordDue: null },
      { passwordDue: at + 1 },
      { passwordHash: 'other' },
      { passwordHash, passwordDue: null },
      { passwordHash: 'other', passwordDue: at },
    ]) {
      assert.equal(
        await directory.changeAccount(id, { passwordHash: 'new', passwordDue: null }, expected),
        false,
      )
      assert.deepEqual(await found(), account, JSON.stringify(expected))
    }
    const next = { passwordHash: 'new', passwordDue: null }
    assert.equal(await directory.changeAccount(id, next, { passwordHash, passwordDue: at }), true)
    assert.deepEqual(await found(), { ...account, ...next })
    assert.equal(await directory.changeAccount(id, { passwordDue: at }, { passwordDue: null }), true)
    assert.equal((await found())?.passwordDue, at)
    assert.equal(await directory.changeAccount(id, { name: 'x' }, {}), true)
  })

  it('cannot be expected of nobody', async () => {
    const [directory] = nodesOf()
    await assert.rejects(directory.changeAccount(randomUUID(), {}, { passwordDue: null }), {
      code: 'account_unknown',
    })
  })

  it('is met by one of 50 at once', async () => {
    const { account, found } = await added({ passwordDue: at })
    const outcomes = await fiftyTimes(nodesOf(), (node, index) =>
      node.changeAccount(
        account.id,
        { passwordHash: `new ${index}`, passwordDue: null },
        { passwordHash: account.passwordHash, passwordDue: at },
      ),
    )
    assert.equal(outcomes.filter(Boolean).length, 1)
    assert.equal((await found())?.passwordHash, `new ${outcomes.indexOf(true)}`)
  })
}
