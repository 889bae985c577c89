import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Directory } from '../../src/directory/directory.ts'
import { markOf } from '../../src/directory/mark.ts'
import { claimsContract, clientChangesContract } from './clients-and-claims.ts'
import { fiftyTimes, type OpenNodes, openBefore } from './directory-nodes.ts'
import {
  failedOnce,
  someAccount,
  someCredential,
  someDevice,
  someEvent,
  someKey,
  someToken,
  someTrust,
} from './directory-samples.ts'
import { passwordDueContract } from './password-due.ts'
import { removedAccountsContract } from './removed-accounts.ts'
import { ringKeysContract } from './ring-keys.ts'
import { secondFactorDirectoryContract } from './second-factor-directory.ts'
import { tokensContract } from './tokens.ts'

export {
  failedOnce,
  secondFactorDirectoryContract,
  someAccount,
  someCredential,
  someDevice,
  someKey,
  someToken,
  someTrust,
}

/** Every MUST of `Directory`, those of `SecondFactorDirectory` included. */
export function directoryContract(name: string, open: OpenNodes<Directory>): void {
  secondFactorDirectoryContract(name, open)

  describe(`${name} keeps the contract of Directory`, () => {
    let nodes: readonly [Directory, Directory]
    let directory: Directory

    openBefore(open, (opened) => {
      nodes = opened
      directory = opened[0]
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

      it('are in groups, sorted and each once', async () => {
        const account = someAccount({ groups: ['staff', 'Négozio "uno"', 'admins', 'staff'] })
        await directory.addAccount(account)
        const groups = ['Négozio "uno"', 'admins', 'staff']
        assert.deepEqual(await directory.accountById(account.id), { ...account, groups })
        assert.deepEqual(await directory.accountByName(account.username), { ...account, groups })
        await directory.changeAccount(account.id, { name: 'Maria Verdi' })
        assert.deepEqual((await directory.accountById(account.id))?.groups, groups)
        await directory.changeAccount(account.id, { groups: ['b', 'a', 'b'] })
        assert.deepEqual((await directory.accountById(account.id))?.groups, ['a', 'b'])
        await directory.changeAccount(account.id, { groups: [] })
        assert.deepEqual((await directory.accountById(account.id))?.groups, [])
      })

      it('may have a minimum of their own, which their standing tells', async () => {
        const account = someAccount({ minimum: 'phr' })
        const other = someAccount()
        for (const one of [account, other]) await directory.addAccount(one)
        assert.deepEqual(await directory.accountById(account.id), account)
        assert.deepEqual(await directory.accountByName(account.username), account)
        const credential = someCredential({ accountId: account.id })
        await directory.addCredential(credential)
        await directory.changeAttempts(account.id, 'totp', (state) => ({ ...state, lockedAt: 5 }))
        const standing = { factors: ['totp'], marks: [markOf(credential)], lockedAt: 5, minimum: 'phr' }
        assert.deepEqual(await directory.standing(account.id), standing)
        assert.equal((await directory.standing(other.id)).minimum ?? null, null)

        await directory.changeAccount(account.id, { name: 'Maria Verdi' })
        assert.equal((await directory.standing(account.id)).minimum, 'phr')
        await directory.changeAccount(account.id, { minimum: 'phrh' })
        assert.deepEqual(await directory.standing(account.id), { ...standing, minimum: 'phrh' })
        assert.equal((await directory.accountById(account.id))?.minimum, 'phrh')
        await directory.changeAccount(account.id, { minimum: null })
        assert.equal((await directory.standing(account.id)).minimum ?? null, null)
        assert.deepEqual(await directory.accountById(account.id), {
          ...account,
          name: 'Maria Verdi',
          minimum: null,
        })
        assert.deepEqual(await directory.accountById(other.id), other)
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

    describe('what else is known of a person', () => claimsContract(() => nodes))

    describe('removed accounts', () => removedAccountsContract(() => nodes))

    describe('the demand for a new password', () => passwordDueContract(() => nodes))

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

    describe('clients that change', () => clientChangesContract(() => nodes))

    describe('hardware tokens', () => tokensContract(() => nodes))

    describe('the key ring', () => ringKeysContract(() => nodes))
  })
}

/** A directory that was closed, or whose database is gone: every verb rejects alike, none answers "absent". */
export async function refusesEverything(directory: Directory): Promise<void> {
  const verbs: [string, () => Promise<unknown>][] = [
    ['standing', () => directory.standing('a')],
    ['credentials', () => directory.credentials('a')],
    ['addCredential', () => directory.addCredential(someCredential())],
    ['spend', () => directory.spend('c', 0, 1, 1)],
    ['credentialByHandle', () => directory.credentialByHandle('webauthn', 'h')],
    ['changeCredential', () => directory.changeCredential('a', 'c', { label: 'b' })],
    ['removeCredentials', () => directory.removeCredentials('a')],
    ['removeCredentials that judges', () => directory.removeCredentials('a', ['c'], () => true)],
    ['changeAttempts', () => directory.changeAttempts('a', 'totp', failedOnce)],
    ['clearAttempts', () => directory.clearAttempts('a')],
    ['devices', () => directory.devices('a')],
    ['addDevice', () => directory.addDevice(someDevice(), 10)],
    ['changeDevice', () => directory.changeDevice('a', 'd', 'h', { secretHash: 'i' })],
    ['removeDevices', () => directory.removeDevices('a')],
    ['removeDevices that are named', () => directory.removeDevices('a', ['d'])],
    ['endTrust', () => directory.endTrust('a')],
    ['appendAudit', () => directory.appendAudit(someEvent())],
    ['audit', () => directory.audit('a', 1)],
    ['ping', () => directory.ping()],
    ['accountById', () => directory.accountById('a')],
    ['accountByName', () => directory.accountByName('a')],
    ['addAccount', () => directory.addAccount(someAccount())],
    ['changeAccount', () => directory.changeAccount('a', { name: 'b' })],
    ['removeAccount', () => directory.removeAccount('a')],
    ['clientById', () => directory.clientById('a')],
    ['addClient', () => directory.addClient({ client_id: 'a' })],
    ['changeClient', () => directory.changeClient({ client_id: 'a' })],
    ['removeClient', () => directory.removeClient('a')],
    ['tokens', () => directory.tokens()],
    ['tokens of an account', () => directory.tokens('a')],
    ['tokenBySerial', () => directory.tokenBySerial('t')],
    ['addTokens', () => directory.addTokens([someToken()])],
    ['assignToken', () => directory.assignToken('t', null, 'a')],
    ['removeTokens', () => directory.removeTokens(['t'])],
    ['keys', () => directory.keys()],
    ['addKey', () => directory.addKey(someKey())],
    ['endKey', () => directory.endKey('k', 1)],
    ['removeKey', () => directory.removeKey('k')],
  ]
  for (const [name, verb] of verbs) {
    await assert.rejects(verb, { name: 'DuepassiError', code: 'directory_unavailable', status: 503 }, name)
  }
}
