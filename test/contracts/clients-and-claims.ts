import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Directory, StandardClaims } from '../../src/directory/directory.ts'
import { someAccount } from './directory-samples.ts'

type Nodes = () => readonly [Directory, Directory]

/** What `Directory` promises of the claims of accounts. */
export function claimsContract(nodes: Nodes): void {
  const claims: StandardClaims = {
    given_name: 'María',
    birthdate: '0000-03-08',
    phone_number: '+390612345678',
    phone_number_verified: false,
    address: { street_address: 'Via Roma 1\nInterno "2"', locality: 'Forlì', country: 'IT' },
    updated_at: 1_790_000_000,
  }

  it('comes back as it was kept', async () => {
    const [directory] = nodes()
    const account = someAccount({ claims })
    await directory.addAccount(account)
    assert.deepEqual(await directory.accountById(account.id), account)
    assert.deepEqual(await directory.accountByName(account.username), account)
  })

  it('changes as a whole, on every node, and of nobody else', async () => {
    const [directory, other] = nodes()
    const [account, stranger] = [someAccount({ claims }), someAccount({ claims })]
    await directory.addAccount(account)
    await directory.addAccount(stranger)
    await directory.changeAccount(account.id, { name: 'Maria Verdi' })
    assert.deepEqual((await other.accountById(account.id))?.claims, claims)
    await directory.changeAccount(account.id, { claims: { nickname: 'Mari' } })
    assert.deepEqual((await other.accountById(account.id))?.claims, { nickname: 'Mari' })
    await directory.changeAccount(account.id, { claims: {} })
    assert.deepEqual((await other.accountById(account.id))?.claims, {})
    assert.deepEqual((await other.accountById(stranger.id))?.claims, claims)
  })
}

/** What `Directory` promises of relying parties that change what they registered. */
export function clientChangesContract(nodes: Nodes): void {
  it('are what was said last, on every node', async () => {
    const [directory, other] = nodes()
    const metadata = { client_id: randomUUID(), client_secret: 'very secret', client_name: 'first' }
    await directory.addClient(metadata)
    const next = { client_id: metadata.client_id, client_secret: 'another', logo_uri: 'https://a.example/l' }
    assert.equal(await directory.changeClient(next), true)
    assert.deepEqual(await other.clientById(metadata.client_id), next)
    assert.equal(await other.changeClient({ client_id: metadata.client_id }), true)
    assert.deepEqual(await directory.clientById(metadata.client_id), { client_id: metadata.client_id })
  })

  it('leave the others alone', async () => {
    const [directory] = nodes()
    const [one, two] = [{ client_id: randomUUID() }, { client_id: randomUUID(), client_name: 'two' }]
    for (const metadata of [one, two]) await directory.addClient(metadata)
    assert.equal(await directory.changeClient({ ...one, client_name: 'one' }), true)
    assert.deepEqual(await directory.clientById(two.client_id), two)
  })

  it('do not come back by a change', async () => {
    const [directory] = nodes()
    const metadata = { client_id: randomUUID() }
    for (const id of [metadata.client_id, '', '\0'])
      assert.equal(await directory.changeClient({ client_id: id }), false)
    await directory.addClient(metadata)
    await directory.removeClient(metadata.client_id)
    assert.equal(await directory.changeClient(metadata), false)
    assert.equal(await directory.clientById(metadata.client_id), undefined)
  })
}
