import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemRandom } from '../../src/crypto/random.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import type { Credential, Device, SecondFactorDirectory } from '../../src/directory/directory.ts'
import { sealedDirectory } from '../../src/directory/sealed.ts'
import { type SqlDirectory, sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import {
  directoryContract,
  secondFactorDirectoryContract,
  someAccount,
  someCredential,
  someDevice,
  someKey,
  someToken,
  someTrust,
} from '../contracts/directory.ts'
import { temporaryFolder } from '../support/machine.ts'

const sealer = createSealer([{ id: 'k1', key: randomBytes(32).toString('base64') }], systemRandom)

async function openMigrated(url: string): Promise<SqlDirectory> {
  const directory = await sqlDirectory({ url })
  await directory.migrate()
  return directory
}

directoryContract('A sealed SQLite directory', async () => {
  const directory = sealedDirectory(await openMigrated('sqlite::memory:'), sealer)
  return [directory, directory]
})

secondFactorDirectoryContract('A sealed directory of a host', async () => {
  const directory = sealedDirectory<SecondFactorDirectory>(
    new HostDirectory(await openMigrated('sqlite::memory:')),
    sealer,
  )
  return [directory, directory]
})

describe('sealed directory', () => {
  let file: string
  let plain: SqlDirectory
  let sealed: SqlDirectory

  beforeEach(async () => {
    file = join(await temporaryFolder(), 'duepassi.db')
    plain = await openMigrated(`sqlite:${file}`)
    sealed = sealedDirectory(plain, sealer)
  })

  afterEach(() => plain.close())

  const execute = (statement: string, ...parameters: string[]) => {
    const database = new DatabaseSync(file)
    database.prepare(statement).run(...parameters)
    database.close()
  }

  it('leaves no secret in the database, and everything else as it is', async () => {
    const credential = someCredential({ secret: 'JBSWY3DPEHPK3PXP' })
    const client = { client_id: 'shop', client_secret: 'correct horse', client_name: 'Shop' }
    await sealed.addCredential(credential)
    await sealed.addClient(client)
    const [row] = await plain.credentials(credential.accountId)
    assert.match(row?.secret ?? '', /^v1\.k1\./)
    assert.deepEqual({ ...row, secret: credential.secret }, credential)
    const metadata = await plain.clientById('shop')
    assert.match(String(metadata?.client_secret), /^v1\.k1\./)
    assert.deepEqual({ ...metadata, client_secret: client.client_secret }, client)
  })

  it('seals the secret of a client that changes', async () => {
    await sealed.addClient({ client_id: 'shop', client_secret: 'correct horse' })
    const changed = { client_id: 'shop', client_secret: 'battery staple', client_name: 'Shop' }
    assert.equal(await sealed.changeClient(changed), true)
    const kept = await plain.clientById('shop')
    assert.match(String(kept?.client_secret), /^v1\.k1\./)
    assert.equal(kept?.['client_name'], 'Shop')
    assert.deepEqual(await sealed.clientById('shop'), changed)
  })

  it('seals a secret that changes to the same row, and leaves a label alone', async () => {
    const credential = someCredential({ factor: 'webauthn', handle: 'h' })
    const { accountId, id } = credential
    await sealed.addCredential(credential)
    const [before] = await plain.credentials(accountId)
    await sealed.changeCredential(accountId, id, { label: 'Chiave' })
    assert.deepEqual(await plain.credentials(accountId), [{ ...before, label: 'Chiave' }])
    await sealed.changeCredential(accountId, id, { secret: 'new' })
    assert.match((await plain.credentialByHandle('webauthn', 'h'))?.secret ?? '', /^v1\.k1\./)
    const changed = { ...credential, label: 'Chiave', secret: 'new' }
    assert.deepEqual(await sealed.credentials(accountId), [changed])
    assert.deepEqual(await sealed.credentialByHandle('webauthn', 'h'), changed)
  })

  it('does not open a credential that was moved to another account, or to another row', async () => {
    const [maria, anna] = [someCredential({ handle: 'h' }), someCredential()]
    await sealed.addCredential(maria)
    await sealed.addCredential(anna)
    execute('update credential set account_id = ? where id = ?', anna.accountId, maria.id)
    await assert.rejects(sealed.credentials(anna.accountId), { code: 'sealed_badly' })
    await assert.rejects(sealed.credentialByHandle('totp', 'h'), { code: 'sealed_badly' })
    execute('delete from credential where id = ?', anna.id)
    execute('update credential set id = ?, account_id = ? where id = ?', anna.id, anna.accountId, maria.id)
    await assert.rejects(sealed.credentials(anna.accountId), { code: 'sealed_badly' })
    execute('update credential set id = ?, account_id = ?', maria.id, maria.accountId)
    assert.deepEqual(await sealed.credentials(maria.accountId), [maria])
  })

  it('does not open a secret that was moved to another client, or that was never sealed', async () => {
    await sealed.addClient({ client_id: 'shop', client_secret: 'one' })
    await sealed.addClient({ client_id: 'bank', client_secret: 'two' })
    const secret = String((await plain.clientById('shop'))?.client_secret)
    const forged = (client_secret: string) => JSON.stringify({ client_id: 'bank', client_secret })
    for (const text of [secret, 'known to the thief']) {
      execute('update client set metadata = ? where id = ?', forged(text), 'bank')
      await assert.rejects(sealed.clientById('bank'), { code: 'sealed_badly' })
    }
  })

  it('seals the seeds of tokens, whichever verb reads them', async () => {
    const token = someToken({ accountId: 'maria' })
    await sealed.addTokens([token])
    const stored = await plain.tokenBySerial(token.serial)
    assert.match(stored?.seed ?? '', /^v1\.k1\./)
    assert.deepEqual({ ...stored, seed: token.seed }, token)
    assert.deepEqual(await sealed.tokenBySerial(token.serial), token)
    assert.deepEqual(await sealed.tokens(), [token])
    assert.deepEqual(await sealed.tokens('maria'), [token])
    assert.equal(await sealed.assignToken(token.serial, 'maria', null), true)
    assert.deepEqual(await sealed.tokenBySerial(token.serial), { ...token, accountId: null })
    for (const path of [file, `${file}-wal`]) assert.doesNotMatch(readFileSync(path, 'latin1'), /MTIzNDU2/)
  })

  it('seals the material of keys, bound to use, algorithm and generation', async () => {
    const key = someKey({ alg: 'ES256', material: '{"d":"TOPSECRETKEY"}' })
    assert.equal(await sealed.addKey(key), true)
    const [stored] = await plain.keys()
    assert.match(stored?.material ?? '', /^v1\.k1\./)
    assert.deepEqual({ ...stored, material: key.material }, key)
    assert.equal(await sealed.addKey({ ...key, kid: 'other' }), false)
    assert.equal(await sealed.endKey(key.kid, 5), true)
    assert.deepEqual(await sealed.keys(), [{ ...key, endsAt: 5 }])
    for (const path of [file, `${file}-wal`]) assert.doesNotMatch(readFileSync(path, 'latin1'), /TOPSECRET/)
    for (const [column, value, right] of [
      ['use', 'cookies', 'signing'],
      ['alg', 'RS256', 'ES256'],
      ['kid', 'mine', key.kid],
      ['material', key.material, stored?.material ?? ''],
    ] as const) {
      execute(`update ring_key set "${column}" = ?`, value)
      await assert.rejects(sealed.keys(), { code: 'sealed_badly' }, column)
      execute(`update ring_key set "${column}" = ?`, right)
    }
    assert.equal((await sealed.keys()).length, 1)
  })

  it('does not open a seed that was moved to another token, or that was never sealed', async () => {
    const [mine, hers] = [someToken({ serial: 'mine' }), someToken({ serial: 'hers' })]
    await sealed.addTokens([mine, hers])
    const { seed = '' } = (await plain.tokenBySerial('mine')) ?? {}
    for (const text of [seed, mine.seed]) {
      execute('update token set seed = ? where serial = ?', text, 'hers')
      await assert.rejects(sealed.tokenBySerial('hers'), { code: 'sealed_badly' })
      await assert.rejects(sealed.tokens(), { code: 'sealed_badly' })
    }
    assert.deepEqual(await sealed.tokenBySerial('mine'), mine)
    assert.equal(await sealed.removeTokens(['hers']), 1)
  })

  it('passes devices through as they are: they hold hashes and public keys only', async () => {
    const { id, accountId, ...device } = someDevice({ trust: someTrust({ key: '{"kty":"EC"}' }) })
    const { secretHash } = device
    await sealed.addDevice({ id, accountId, ...device }, 10)
    assert.deepEqual(await plain.devices(accountId), [{ id, accountId, ...device }])
    const change = { secretHash: 'next', previousHash: secretHash }
    assert.equal(await sealed.changeDevice(accountId, id, secretHash, change), true)
    const changed = { id, accountId, ...device, ...change }
    assert.deepEqual(await plain.devices(accountId), [changed])
    assert.deepEqual(await sealed.devices(accountId), [changed])
    assert.equal(await sealed.endTrust(accountId), 1)
    assert.deepEqual(await plain.devices(accountId), [{ ...changed, trust: null }])
    assert.equal(await sealed.removeDevices(accountId), 1)
    assert.deepEqual(await plain.devices(accountId), [])
  })

  it('passes everything else through, what only this implementation has included', async () => {
    const account = someAccount()
    await sealed.addAccount(account)
    assert.deepEqual(await plain.accountById(account.id), account)
    assert.deepEqual(await sealed.migrate(), [])
  })
})

/** As a host may write it: a class with private fields, without accounts and clients. */
class HostDirectory implements SecondFactorDirectory {
  readonly #inner: SecondFactorDirectory

  constructor(inner: SecondFactorDirectory) {
    this.#inner = inner
  }

  standing(accountId: string) {
    return this.#inner.standing(accountId)
  }
  credentials(accountId: string) {
    return this.#inner.credentials(accountId)
  }
  addCredential(credential: Credential) {
    assert.match(credential.secret, /^v1\./)
    return this.#inner.addCredential(credential)
  }
  spend(...parameters: Parameters<SecondFactorDirectory['spend']>) {
    return this.#inner.spend(...parameters)
  }
  credentialByHandle(factor: string, handle: string) {
    return this.#inner.credentialByHandle(factor, handle)
  }
  changeCredential(...[accountId, id, change]: Parameters<SecondFactorDirectory['changeCredential']>) {
    if (change.secret !== undefined) assert.match(change.secret, /^v1\./)
    return this.#inner.changeCredential(accountId, id, change)
  }
  removeCredentials(...parameters: Parameters<SecondFactorDirectory['removeCredentials']>) {
    return this.#inner.removeCredentials(...parameters)
  }
  changeAttempts(...parameters: Parameters<SecondFactorDirectory['changeAttempts']>) {
    return this.#inner.changeAttempts(...parameters)
  }
  clearAttempts(accountId: string) {
    return this.#inner.clearAttempts(accountId)
  }
  devices(accountId: string) {
    return this.#inner.devices(accountId)
  }
  addDevice(device: Device, most: number) {
    return this.#inner.addDevice(device, most)
  }
  changeDevice(...parameters: Parameters<SecondFactorDirectory['changeDevice']>) {
    return this.#inner.changeDevice(...parameters)
  }
  removeDevices(...parameters: Parameters<SecondFactorDirectory['removeDevices']>) {
    return this.#inner.removeDevices(...parameters)
  }
  endTrust(accountId: string) {
    return this.#inner.endTrust(accountId)
  }
  appendAudit(...parameters: Parameters<SecondFactorDirectory['appendAudit']>) {
    return this.#inner.appendAudit(...parameters)
  }
  audit(accountId: string, limit: number) {
    return this.#inner.audit(accountId, limit)
  }
  ping() {
    return this.#inner.ping()
  }
  close() {
    return this.#inner.close()
  }
}
