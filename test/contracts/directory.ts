import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../../src/audit/events.ts'
import {
  type Account,
  type AttemptState,
  type Credential,
  type Directory,
  noAttempts,
  type SecondFactorDirectory,
} from '../../src/directory/directory.ts'

/** Two nodes on one database; where the database cannot have two (SQLite in memory), the same one twice. */
export type OpenNodes<Kind> = () => Promise<readonly [Kind, Kind]>

export const someCredential = (change: Partial<Credential> = {}): Credential => ({
  id: randomUUID(),
  accountId: randomUUID(),
  factor: 'totp',
  label: 'iPhone di Maria',
  secret: 'JBSWY3DPEHPK3PXP',
  counter: 0,
  createdAt: 1_790_000_000_000,
  lastUsedAt: null,
  ...change,
})

export const someAccount = (change: Partial<Account> = {}): Account => ({
  id: randomUUID(),
  username: `user-${randomUUID()}`,
  email: `${randomUUID()}@example.org`,
  name: 'Maria Bianchi',
  passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
  locale: 'it',
  disabledAt: null,
  createdAt: 1_790_000_000_000,
  ...change,
})

export const failedOnce = (state: AttemptState): AttemptState => ({ ...state, failures: state.failures + 1 })

const someEvent = (change: Partial<AuditEvent> = {}): AuditEvent => ({
  id: randomUUID(),
  at: 1_790_000_000_000,
  type: 'factor.refused',
  accountId: randomUUID(),
  clientId: 'shop',
  factor: 'totp',
  reason: 'wrong',
  requestId: 'r-1',
  ...change,
})

/** Runs `verb` 50 times at once, half of them on each node. */
const fiftyTimes = <Result>(
  nodes: readonly Result[],
  verb: (node: Result, index: number) => Promise<unknown>,
) =>
  Promise.all(
    Array.from({ length: 50 }, (_, index) => {
      const node = nodes[index % 2]
      assert.ok(node)
      return verb(node, index)
    }),
  )

/** Every MUST of `SecondFactorDirectory`. The database is opened once and shared: each test has accounts of its own. */
export function secondFactorDirectoryContract(name: string, open: OpenNodes<SecondFactorDirectory>): void {
  describe(`${name} keeps the contract of SecondFactorDirectory`, () => {
    let nodes: readonly [SecondFactorDirectory, SecondFactorDirectory]
    let directory: SecondFactorDirectory

    before(async function () {
      this.timeout(180_000)
      nodes = await open()
      directory = nodes[0]
    })

    after(async () => {
      for (const node of nodes) await node.close()
    })

    it('answers when asked whether it does', () => directory.ping())

    describe('standing', () => {
      it('is empty for an account it never heard of', async () => {
        assert.deepEqual(await directory.standing(randomUUID()), { factors: [], lockedAt: null })
      })

      it('holds each factor once', async () => {
        const accountId = randomUUID()
        for (const factor of ['totp', 'recovery-code', 'totp']) {
          await directory.addCredential(someCredential({ accountId, factor }))
        }
        await directory.addCredential(someCredential({ factor: 'other' }))
        const { factors, lockedAt } = await directory.standing(accountId)
        assert.deepEqual(factors.toSorted(), ['recovery-code', 'totp'])
        assert.equal(lockedAt, null)
      })

      it('is locked when any authenticator is, even without credentials', async () => {
        const accountId = randomUUID()
        await directory.changeAttempts(accountId, 'totp', failedOnce)
        await directory.changeAttempts(accountId, 'recovery-code', (state) => ({
          ...state,
          lockedAt: 12_345,
        }))
        assert.deepEqual(await directory.standing(accountId), { factors: [], lockedAt: 12_345 })
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

/** Every MUST of `Directory`, those of `SecondFactorDirectory` included. */
export function directoryContract(name: string, open: OpenNodes<Directory>): void {
  secondFactorDirectoryContract(name, open)

  describe(`${name} keeps the contract of Directory`, () => {
    let nodes: readonly [Directory, Directory]
    let directory: Directory

    before(async function () {
      this.timeout(180_000)
      nodes = await open()
      directory = nodes[0]
    })

    after(async () => {
      for (const node of nodes) await node.close()
    })

    describe('accounts', () => {
      it('are found by id, user name and e-mail address', async () => {
        const account = someAccount({ disabledAt: 1_790_000_000_001 })
        await directory.addAccount(account)
        assert.deepEqual(await directory.accountById(account.id), account)
        assert.deepEqual(await directory.accountByName(account.username), account)
        assert.deepEqual(await directory.accountByName(account.email ?? ''), account)
      })

      it('may have no e-mail address, or one that is also the user name', async () => {
        const without = someAccount({ email: null, locale: null })
        const name = `${randomUUID()}@example.org`
        const same = someAccount({ username: name, email: name })
        for (const account of [without, same]) {
          await directory.addAccount(account)
          assert.deepEqual(await directory.accountByName(account.username), account)
        }
      })

      it('are one for all spellings of a name', async () => {
        const unique = randomUUID().slice(0, 8)
        const account = someAccount({ username: `Maria${unique}`, email: `Maria${unique}@Example.org` })
        await directory.addAccount(account)
        for (const spelling of [
          `maria${unique}`,
          `MARIA${unique.toUpperCase()}`,
          `  maria${unique}\t`,
          `ma ria${unique}`,
          `ｍａｒｉａ${unique}`,
          ` MARIA${unique}@EXAMPLE.ORG `,
          `maria${unique}＠example.org`,
        ]) {
          assert.deepEqual((await directory.accountByName(spelling))?.id, account.id, spelling)
        }
      })

      it('are not found under a name nobody has', async () => {
        for (const name of [randomUUID(), '', ' ', '\0', 'a\0b', "' or 1=1 --", '%']) {
          assert.equal(await directory.accountByName(name), undefined)
        }
        for (const id of [randomUUID(), '', '\0']) assert.equal(await directory.accountById(id), undefined)
      })

      it('never share a name, whichever way it is spelt or used', async () => {
        const unique = randomUUID().slice(0, 8)
        const account = someAccount({ username: `maria${unique}`, email: `maria${unique}@example.org` })
        await directory.addAccount(account)
        for (const change of [
          { id: account.id },
          { username: `MARIA${unique}` },
          { username: `ｍａｒｉａ ${unique}` },
          { email: `Maria${unique}@Example.org` },
          { username: `maria${unique}@example.org` },
          { username: `maria${unique}@EXAMPLE.org`, email: null },
          { email: `maria${unique}` },
        ]) {
          const usurper = someAccount(change)
          await assert.rejects(directory.addAccount(usurper), { code: 'account_exists', status: 409 })
          assert.deepEqual(await directory.accountByName(`maria${unique}`), account)
          if (usurper.id !== account.id) assert.equal(await directory.accountById(usurper.id), undefined)
        }
      })

      it('leave nothing of a refused registration behind', async () => {
        const taken = someAccount()
        const refused = someAccount({ email: taken.username })
        await directory.addAccount(taken)
        await assert.rejects(directory.addAccount(refused), { code: 'account_exists' })
        assert.equal(await directory.accountByName(refused.username), undefined)
        await directory.addAccount({ ...refused, email: null })
      })

      it('are registered once by 50 at once, names crossed', async () => {
        const [one, two] = [`a${randomUUID()}`, `b${randomUUID()}`]
        const outcomes = await fiftyTimes(nodes, (node, index) =>
          node
            .addAccount(
              someAccount(index % 4 < 2 ? { username: one, email: two } : { username: two, email: one }),
            )
            .then(
              () => 'added',
              (error: { code?: string }) => error.code,
            ),
        )
        assert.equal(outcomes.filter((outcome) => outcome === 'added').length, 1)
        assert.equal(outcomes.filter((outcome) => outcome === 'account_exists').length, 49)
      })

      it('change where told, and nowhere else', async () => {
        const account = someAccount()
        await directory.addAccount(account)
        const change = { passwordHash: 'other', disabledAt: 7, name: 'Maria Verdi', locale: null }
        await directory.changeAccount(account.id, { disabledAt: 5 })
        assert.deepEqual(await directory.accountById(account.id), { ...account, disabledAt: 5 })
        await directory.changeAccount(account.id, change)
        assert.deepEqual(await directory.accountById(account.id), { ...account, ...change })
        await directory.changeAccount(account.id, { disabledAt: null })
        await directory.changeAccount(account.id, {})
        assert.deepEqual(await directory.accountById(account.id), { ...account, ...change, disabledAt: null })
      })

      it('that are unknown cannot change', async () => {
        for (const change of [{}, { name: 'Nobody' }]) {
          await assert.rejects(directory.changeAccount(randomUUID(), change), {
            code: 'account_unknown',
            status: 404,
          })
        }
      })
    })

    describe('clients', () => {
      it('come back as they were added', async () => {
        const metadata = {
          client_id: randomUUID(),
          client_secret: 'very secret',
          redirect_uris: ['https://shop.example.org/callback'],
          client_name: 'Négozio 🛒',
          jwks: { keys: [{ kty: 'EC' }] },
          require_auth_time: true,
        }
        await directory.addClient(metadata)
        assert.deepEqual(await directory.clientById(metadata.client_id), metadata)
      })

      it('may have no secret', async () => {
        const metadata = { client_id: randomUUID(), token_endpoint_auth_method: 'none' }
        await directory.addClient(metadata)
        assert.deepEqual(await directory.clientById(metadata.client_id), metadata)
      })

      it('refuse an id that is taken', async () => {
        const metadata = { client_id: randomUUID(), client_name: 'first' }
        await directory.addClient(metadata)
        await assert.rejects(directory.addClient({ ...metadata, client_name: 'second' }), {
          code: 'client_exists',
          status: 409,
        })
        assert.deepEqual(await directory.clientById(metadata.client_id), metadata)
      })

      it('are removed once', async () => {
        const metadata = { client_id: randomUUID() }
        await directory.addClient(metadata)
        assert.equal(await directory.removeClient(metadata.client_id), true)
        assert.equal(await directory.removeClient(metadata.client_id), false)
        assert.equal(await directory.clientById(metadata.client_id), undefined)
      })

      it('are not found under an id nobody has', async () => {
        for (const id of [randomUUID(), '', '\0']) assert.equal(await directory.clientById(id), undefined)
      })
    })
  })
}

/** A directory that was closed, or whose database is gone: every verb rejects alike, none answers "absent". */
export async function refusesEverything(directory: Directory): Promise<void> {
  const verbs: [string, () => Promise<unknown>][] = [
    ['standing', () => directory.standing('a')],
    ['credentials', () => directory.credentials('a')],
    ['addCredential', () => directory.addCredential(someCredential())],
    ['spend', () => directory.spend('c', 0, 1, 1)],
    ['removeCredentials', () => directory.removeCredentials('a')],
    ['changeAttempts', () => directory.changeAttempts('a', 'totp', failedOnce)],
    ['clearAttempts', () => directory.clearAttempts('a')],
    ['appendAudit', () => directory.appendAudit(someEvent())],
    ['audit', () => directory.audit('a', 1)],
    ['ping', () => directory.ping()],
    ['accountById', () => directory.accountById('a')],
    ['accountByName', () => directory.accountByName('a')],
    ['addAccount', () => directory.addAccount(someAccount())],
    ['changeAccount', () => directory.changeAccount('a', { name: 'b' })],
    ['clientById', () => directory.clientById('a')],
    ['addClient', () => directory.addClient({ client_id: 'a' })],
    ['removeClient', () => directory.removeClient('a')],
  ]
  for (const [name, verb] of verbs) {
    await assert.rejects(verb, { name: 'DuepassiError', code: 'directory_unavailable', status: 503 }, name)
  }
}
