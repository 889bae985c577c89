import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import type { Credential, SecondFactorDirectory } from '../../src/directory/directory.ts'
import { fiftyTimes } from './directory-nodes.ts'
import { someCredential } from './directory-samples.ts'

const outcome = (adding: Promise<void>): Promise<string | undefined> =>
  adding.then(
    () => 'added',
    (error: { code?: string }) => error.code,
  )

const atLeastOne = (left: readonly unknown[]): boolean => left.length >= 1

/** Finding credentials by their handle, changing them, and removing them where something must remain. */
export function credentialChangesContract(
  opened: () => readonly [SecondFactorDirectory, SecondFactorDirectory],
): void {
  let nodes: readonly [SecondFactorDirectory, SecondFactorDirectory]
  let directory: SecondFactorDirectory
  before(() => {
    nodes = opened()
    directory = nodes[0]
  })

  const added = async (count: number, change: Partial<Credential> = {}): Promise<Credential[]> => {
    const accountId = randomUUID()
    const credentials = Array.from({ length: count }, (_, index) =>
      someCredential({ accountId, createdAt: index, ...change }),
    )
    for (const credential of credentials) await directory.addCredential(credential)
    return credentials
  }

  describe('credentialByHandle', () => {
    it('finds what has this handle in this factor, whoever’s it is', async () => {
      const handle = randomUUID()
      const passkey = someCredential({ factor: 'webauthn', handle, counter: 3, lastUsedAt: 4 })
      const token = someCredential({ factor: 'other', handle })
      for (const credential of [passkey, token]) await directory.addCredential(credential)
      assert.deepEqual(await directory.credentialByHandle('webauthn', handle), passkey)
      assert.deepEqual(await directory.credentialByHandle('other', handle), token)
      assert.deepEqual(await directory.credentials(passkey.accountId), [passkey])
    })

    it('takes handles of 1400 characters, and tells them apart to the last', async () => {
      const handle = randomBytes(1050).toString('base64url').slice(0, 1399)
      const [one, other] = ['a', 'b'].map((last) =>
        someCredential({ factor: 'webauthn', handle: handle + last }),
      )
      assert.ok(one && other)
      await directory.addCredential(one)
      await directory.addCredential(other)
      assert.deepEqual(await directory.credentialByHandle('webauthn', `${handle}b`), other)
    })

    it('finds nothing under a handle nobody has', async () => {
      const [credential] = await added(1, { factor: 'webauthn', handle: randomUUID() })
      for (const handle of [
        randomUUID(),
        '',
        'null',
        '\0',
        "' or 1=1 --",
        `${credential?.handle} `,
        credential?.handle?.toUpperCase() ?? '',
      ]) {
        assert.equal(await directory.credentialByHandle('webauthn', handle), undefined)
      }
      assert.equal(await directory.credentialByHandle('totp', credential?.handle ?? ''), undefined)
    })

    it('finds it no more once it is removed, and the handle is free', async () => {
      const handle = randomUUID()
      const [credential] = await added(1, { handle })
      assert.ok(credential)
      await directory.removeCredentials(credential.accountId)
      assert.equal(await directory.credentialByHandle('totp', handle), undefined)
      await added(1, { handle })
    })
  })

  describe('handles', () => {
    it('that are taken within the factor are refused, and who has them keeps them', async () => {
      const handle = randomUUID()
      const [credential] = await added(1, { factor: 'webauthn', handle })
      assert.ok(credential)
      for (const accountId of [randomUUID(), credential.accountId]) {
        const usurper = someCredential({ accountId, factor: 'webauthn', handle })
        await assert.rejects(directory.addCredential(usurper), { code: 'credential_exists', status: 409 })
      }
      assert.deepEqual(await directory.credentials(credential.accountId), [credential])
      assert.deepEqual(await directory.credentialByHandle('webauthn', handle), credential)
    })

    it('are given to one account when 50 want one at once', async () => {
      const handle = randomUUID()
      const outcomes = await fiftyTimes(nodes, (node, index) =>
        outcome(
          node.addCredential(someCredential({ accountId: `${handle}-${index}`, factor: 'webauthn', handle })),
        ),
      )
      assert.equal(outcomes.filter((one) => one === 'added').length, 1)
      assert.equal(outcomes.filter((one) => one === 'credential_exists').length, 49)
      const found = await directory.credentialByHandle('webauthn', handle)
      assert.equal(found?.accountId, `${handle}-${outcomes.indexOf('added')}`)
    })
  })

  describe('changeCredential', () => {
    it('changes what it is told, and nothing else', async () => {
      const [credential, other] = await added(2, { counter: 7, lastUsedAt: 5 })
      assert.ok(credential && other)
      const { accountId, id } = credential
      assert.equal(await directory.changeCredential(accountId, id, { label: 'Telefono 📱' }), true)
      assert.deepEqual(await directory.credentials(accountId), [
        { ...credential, label: 'Telefono 📱' },
        other,
      ])
      assert.equal(await directory.changeCredential(accountId, id, { secret: 'new' }), true)
      assert.equal(await directory.changeCredential(accountId, id, {}), true)
      const changed = { ...credential, label: 'Telefono 📱', secret: 'new' }
      assert.deepEqual(await directory.credentials(accountId), [changed, other])
      const both = { label: '', secret: '' }
      assert.equal(await directory.changeCredential(accountId, id, both), true)
      assert.deepEqual(await directory.credentials(accountId), [{ ...changed, ...both }, other])
    })

    it('answers false for a credential of somebody else, or of nobody', async () => {
      const [credential] = await added(1)
      assert.ok(credential)
      for (const change of [{ label: 'mine now' }, { secret: 'mine now' }, {}]) {
        assert.equal(await directory.changeCredential(randomUUID(), credential.id, change), false)
        for (const id of [randomUUID(), '', '\0'])
          assert.equal(await directory.changeCredential(credential.accountId, id, change), false)
      }
      assert.deepEqual(await directory.credentials(credential.accountId), [credential])
    })
  })

  describe('removeCredentials that judges what remains', () => {
    it('shows what would be left, and removes it when that may remain', async () => {
      const [first, second, third] = await added(3)
      assert.ok(first && second && third)
      await added(1)
      let shown: unknown
      const removed = await directory.removeCredentials(
        first.accountId,
        [first.id, third.id, 'nobody'],
        (left) => {
          shown = left.map(({ id, factor }) => ({ id, factor }))
          return true
        },
      )
      assert.deepEqual(shown, [{ id: second.id, factor: 'totp' }])
      assert.equal(removed, 2)
      assert.deepEqual(await directory.credentials(first.accountId), [second])
    })

    it('removes nothing when it may not', async () => {
      const [first, second] = await added(2)
      assert.ok(first && second)
      for (const ids of [undefined, [first.id], [first.id, second.id]])
        assert.equal(await directory.removeCredentials(first.accountId, ids, () => false), 0)
      assert.equal(await directory.removeCredentials(first.accountId, undefined, atLeastOne), 0)
      assert.deepEqual(await directory.credentials(first.accountId), [first, second])
    })

    it('removes all when no ids are given and nothing need remain, none when nothing is named', async () => {
      const [first, second] = await added(2)
      assert.ok(first && second)
      const [foreign] = await added(1)
      for (const ids of [[], ['nobody'], ['\0'], [foreign?.id ?? '']])
        assert.equal(await directory.removeCredentials(first.accountId, ids, () => true), 0)
      assert.equal(await directory.removeCredentials(first.accountId, undefined, () => true), 2)
      assert.equal(await directory.removeCredentials(first.accountId, undefined, () => true), 0)
      assert.equal((await directory.credentials(foreign?.accountId ?? '')).length, 1)
    })

    it('refuses one of two that would each leave the other’s', async () => {
      for (let round = 0; round < 15; round += 1) {
        const pair = await added(2)
        const removed = await Promise.all(
          pair.map(({ accountId, id }, index) =>
            (nodes[index] ?? directory).removeCredentials(accountId, [id], atLeastOne),
          ),
        )
        assert.deepEqual(removed.toSorted(), [0, 1])
        assert.deepEqual(
          await directory.credentials(pair[0]?.accountId ?? ''),
          pair.filter((_, index) => removed[index] === 0),
        )
      }
    })

    it('leaves the last of 50 that are removed at once', async function () {
      this.timeout(20_000)
      const credentials = await added(50)
      const removed = await fiftyTimes(nodes, (node, index) => {
        const { accountId = '', id = '' } = credentials[index] ?? {}
        return node.removeCredentials(accountId, [id], atLeastOne)
      })
      assert.equal(removed.filter((count) => count === 1).length, 49)
      assert.equal((await directory.credentials(credentials[0]?.accountId ?? '')).length, 1)
    })
  })
}
