import assert from 'node:assert/strict'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { grantsOf, sessionsOf, storeAdapter } from '../../src/stores/oidc-adapter.ts'
import type { Store } from '../../src/stores/store.ts'
import { someToken } from '../contracts/directory-samples.ts'
import { openWithAnna } from './account-on-file.ts'

describe('duepassi account delete', () => {
  let terminal: Awaited<ReturnType<typeof openWithAnna>>
  afterEach(() => terminal.close())
  const run = (...words: string[]) => terminal.run(['account', 'delete', ...words])
  const account = () => terminal.within((directory) => directory.accountById('anna-1'))
  const audit = () =>
    terminal.within(async (directory) =>
      (await directory.audit('anna-1', 20)).map(({ type, reason }) => `${type} ${reason}`).reverse(),
    )
  const withStore = async <T>(task: (store: Store) => Promise<T>): Promise<T> => {
    const store = embeddedStore({ file: join(terminal.folder, 'sessions.db'), clock: systemClock })
    return task(store).finally(() => store.close())
  }

  it('forgets the account, its factors, browsers and sessions, and keeps the trail', async () => {
    terminal = await openWithAnna({}, { factors: ['totp'], browsers: [{}], locked: true })
    const token = someToken({ accountId: 'anna-1' })
    await terminal.within((directory) => directory.addTokens([token]))
    await withStore(async (store) => {
      const of = storeAdapter({ store, clock: systemClock })
      const exp = Math.floor(Date.now() / 1000) + 60
      const session = { uid: 'u', accountId: 'anna-1', loginTs: exp - 90, exp, amr: ['pwd'] }
      await of('Grant').upsert('g', { accountId: 'anna-1', clientId: 'shop', exp }, 60)
      await of('Session').upsert('s', session, 60)
      await store.put('si:u', 'sealed', 60)
      await store.include('sa:anna-1', 'u', 60)
    })
    const { status, stdout, stderr } = await run('anna', '--yes')
    assert.equal(status, 0, stderr)
    assert.match(stdout, /account anna is deleted.*trail stays, under anna-1/)
    await terminal.within(async (directory) => {
      assert.equal(await directory.accountById('anna-1'), undefined)
      assert.equal(await directory.accountByName('anna'), undefined)
      assert.deepEqual(await directory.credentials('anna-1'), [])
      assert.deepEqual(await directory.devices('anna-1'), [])
      assert.equal((await directory.standing('anna-1')).lockedAt, null)
      assert.equal((await directory.tokenBySerial(token.serial))?.accountId, null)
    })
    await withStore(async (store) => {
      assert.deepEqual([await sessionsOf(store, 'anna-1'), await grantsOf(store, 'anna-1')], [[], []])
      assert.equal(await store.get('si:u'), undefined)
    })
    assert.deepEqual(await audit(), [
      'account.disabled null',
      'session.ended account-removed',
      'account.removed by-administrator',
    ])
    const again = await run('anna', '--yes')
    assert.equal(again.status, 1)
    assert.match(again.stderr, /no account "anna"/)
  })

  it('asks whether it is meant, and changes nothing until then', async () => {
    terminal = await openWithAnna({}, { factors: ['totp'] })
    const before = await account()
    const { status, stderr } = await run('anna')
    assert.equal(status, 1)
    assert.match(stderr, /for ever\. Say --yes/)
    assert.deepEqual(await account(), before)
    assert.deepEqual(await audit(), [])
  })

  it('deletes nothing where its sessions cannot be ended, but lets nobody in any more', async () => {
    terminal = await openWithAnna(
      { redis: { url: 'redis://127.0.0.1:1' } },
      { browsers: [{ trusted: true }] },
    )
    const { status, stderr } = await run('anna', '--yes')
    assert.equal(status, 1)
    assert.match(stderr, /is disabled, and not deleted so far, but its sessions could not be ended/)
    assert.ok((await account())?.disabledAt)
    const devices = await terminal.within((directory) => directory.devices('anna-1'))
    assert.deepEqual(
      devices.map(({ trust }) => trust),
      [null],
    )
    assert.deepEqual(await audit(), ['account.disabled null'])
  })
})
