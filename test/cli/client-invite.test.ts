import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Parts } from '../../src/cli/parts.ts'
import { systemClock } from '../../src/clock.ts'
import { migrate } from '../../src/directory/sql/migrate.ts'
import { sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { spendInvitation } from '../../src/stores/invitations.ts'
import { storeAdapter } from '../../src/stores/oidc-adapter.ts'
import type { Store } from '../../src/stores/store.ts'
import { openTerminal, type Terminal } from './terminal.ts'

const audited: string[] = []

const parts: Partial<Parts> = {
  migrate: (config) => migrate(config.database.url),
  openDirectory: async (config) => {
    const directory = await sqlDirectory({ url: config.database.url })
    return {
      ...directory,
      appendAudit: async (event) => {
        audited.push(event.type)
        await directory.appendAudit(event)
      },
    }
  },
  openStore: ({ store: { file } }) => embeddedStore({ file, clock: systemClock }),
}

describe('duepassi client invite', () => {
  let terminal: Terminal
  const open = (registration: object = { enabled: true }) => {
    terminal = openTerminal({ protocol: { registration } }, parts)
  }
  beforeEach(() => {
    audited.length = 0
    open()
  })
  afterEach(() => terminal.close())

  const invite = (...argv: string[]) => terminal.run(['client', 'invite', ...argv])
  const look = async <T>(task: (store: Store) => Promise<T>): Promise<T> => {
    const store = embeddedStore({ file: join(terminal.folder, 'sessions.db'), clock: systemClock })
    return task(store).finally(() => store.close())
  }
  const tokenOf = (stdout: string) => /^initial_access_token: ([\w-]{43})$/m.exec(stdout)?.[1] ?? ''

  it('prints a token for one registration within a week', async () => {
    const { status, stdout, stderr } = await invite()
    assert.equal(status, 0, stderr)
    const token = tokenOf(stdout)
    assert.match(stderr, /one registration within 7 days/)
    assert.deepEqual(audited, ['client.invited'])
    const found = await look((store) =>
      storeAdapter({ store, clock: systemClock })('InitialAccessToken').find(token),
    )
    const life = Number(found?.exp) - Date.now() / 1000
    assert.ok(life > 604_790 && life < 604_810, `${life}`)
    assert.deepEqual(
      await look(async (store) => [await spendInvitation(store, token), await spendInvitation(store, token)]),
      [true, false],
    )
  })

  it('prints one for more, and longer', async () => {
    const { stdout, stderr } = await invite('--uses', '2', '--days', '1')
    assert.match(stderr, /2 registrations within a day/)
    const token = tokenOf(stdout)
    const spent = await look(async (store) => [
      await spendInvitation(store, token),
      await spendInvitation(store, token),
      await spendInvitation(store, token),
    ])
    assert.deepEqual(spent, [true, true, false])
  })

  it('ends one', async () => {
    const token = tokenOf((await invite('--uses', '5')).stdout)
    const { status } = await invite('--revoke', token)
    assert.equal(status, 0)
    assert.equal(await look((store) => spendInvitation(store, token)), false)
    const again = await invite('--revoke', token)
    assert.equal(again.status, 1)
    assert.match(again.stderr, /no such invitation/)
  })

  for (const [what, argv] of [
    ['no day', ['--days', '0']],
    ['a day that is no number', ['--days', 'week']],
    ['more than a year', ['--days', '366']],
    ['no use', ['--uses', '0']],
    ['a part of one', ['--uses', '1.5']],
    ['too many', ['--uses', '1001']],
  ] as const)
    it(`refuses ${what}`, async () => {
      const { status, stdout, stderr } = await invite(...argv)
      assert.equal(status, 1)
      assert.match(stderr, /whole number/)
      assert.equal(tokenOf(stdout), '')
      assert.deepEqual(audited, [])
    })

  it('says so where nobody can register, or everybody', async () => {
    for (const [registration, message] of [
      [{ enabled: false }, /protocol\.registration\.enabled/],
      [{ enabled: true, initialAccessToken: false }, /without one/],
    ] as const) {
      terminal.close()
      open(registration)
      const { status, stderr } = await invite()
      assert.equal(status, 1)
      assert.match(stderr, message)
    }
  })
})
