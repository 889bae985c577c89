import assert from 'node:assert/strict'
import type { KyselyPlugin } from 'kysely'
import type { Directory } from '../../src/directory/directory.ts'
import { accountQueries } from '../../src/directory/sql/accounts.ts'
import { attemptQueries } from '../../src/directory/sql/attempts.ts'
import { auditEventQueries } from '../../src/directory/sql/audit-events.ts'
import { clientQueries } from '../../src/directory/sql/clients.ts'
import { credentialQueries } from '../../src/directory/sql/credentials.ts'
import { deviceQueries } from '../../src/directory/sql/devices.ts'
import { migrateDatabase } from '../../src/directory/sql/migrate.ts'
import { openDatabase } from '../../src/directory/sql/open-database.ts'
import { accountRemoval } from '../../src/directory/sql/remove-account.ts'
import { ringKeyQueries } from '../../src/directory/sql/ring-keys.ts'
import { tokenQueries } from '../../src/directory/sql/tokens.ts'
import { failedOnce, someAccount, someCredential, someDevice, someToken } from '../contracts/directory.ts'

/** What a sign-in costs the database: a regression here is paid at every login. */
describe('statements sent to the database', () => {
  let sent = 0
  const counting: KyselyPlugin = {
    // Queries are compiled once; each answer was a statement.
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      sent += 1
      return result
    },
  }
  const plain = openDatabase({ url: 'sqlite::memory:' })
  const db = plain.withPlugin(counting)
  const directory: Omit<Directory, 'ping' | 'close'> = {
    ...accountQueries(db),
    ...accountRemoval(db, 'sqlite'),
    ...attemptQueries(db),
    ...auditEventQueries(db),
    ...clientQueries(db),
    ...credentialQueries(db, 'sqlite'),
    ...deviceQueries(db, 'sqlite'),
    ...tokenQueries(db, 'sqlite'),
    ...ringKeyQueries(db),
  }
  const [account, credential] = [someAccount(), someCredential({ handle: 'h' })]
  const device = someDevice()

  before(async () => {
    await migrateDatabase(plain, 'sqlite')
    await directory.addAccount(account)
    await directory.addCredential(credential)
    await directory.changeAttempts(account.id, 'totp', failedOnce)
    await directory.addDevice(device, 10)
  })

  after(() => plain.destroy())

  const cases: [string, number, () => Promise<unknown>][] = [
    ['accountByName', 1, () => directory.accountByName(account.username)],
    ['standing', 1, () => directory.standing(account.id)],
    ['credentials', 1, () => directory.credentials(account.id)],
    ['credentialByHandle', 1, () => directory.credentialByHandle('totp', 'h')],
    ['spend', 1, () => directory.spend(credential.id, 0, 1, 1)],
    ['devices', 1, () => directory.devices(device.accountId)],
    [
      'changeDevice',
      1,
      () => directory.changeDevice(device.accountId, device.id, device.secretHash, { secretHash: 'next' }),
    ],
    ['addDevice', 2, () => directory.addDevice(someDevice({ accountId: device.accountId }), 10)],
    ['endTrust', 1, () => directory.endTrust(device.accountId)],
    ['clientById', 1, () => directory.clientById('shop')],
    ['tokenBySerial', 1, () => directory.tokenBySerial('t')],
    ['addTokens', 3, () => directory.addTokens(Array.from({ length: 1_001 }, () => someToken()))],
    ['assignToken', 1, () => directory.assignToken('t', null, 'a')],
    ['changeAttempts', 2, () => directory.changeAttempts(account.id, 'totp', failedOnce)],
    [
      'changeAttempts that changes nothing',
      1,
      () => directory.changeAttempts(account.id, 'totp', (state) => state),
    ],
  ]
  for (const [name, expected, verb] of cases) {
    it(`${expected} for ${name}`, async () => {
      sent = 0
      await verb()
      assert.equal(sent, expected)
    })
  }
})
