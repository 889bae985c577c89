import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Device, SecondFactorDirectory } from '../../src/directory/directory.ts'
import { fiftyTimes } from './directory-nodes.ts'
import { someDevice, someTrust } from './directory-samples.ts'

const nowhere: Device['seen'] = {
  address: null,
  country: null,
  city: null,
  latitude: null,
  longitude: null,
  browser: null,
  system: null,
}

/** What nobody may be found by: not there, empty, a byte that text cannot hold, SQL. */
const strange = () => [randomUUID(), '', '\0', 'a\0b', "' or 1=1 --"]

/** The browsers in which an account signed in: kept, changed by compare-and-set, forgotten, trusted no more. */
export function devicesContract(opened: () => readonly [SecondFactorDirectory, SecondFactorDirectory]): void {
  let nodes: readonly [SecondFactorDirectory, SecondFactorDirectory]
  let directory: SecondFactorDirectory
  before(() => {
    nodes = opened()
    directory = nodes[0]
  })

  /** So many devices of one new account, each used later than the one before. */
  const added = async (count: number, change: Partial<Device> = {}): Promise<Device[]> => {
    const accountId = randomUUID()
    const devices = Array.from({ length: count }, (_, index) =>
      someDevice({ accountId, lastUsedAt: 1_000 + index, ...change }),
    )
    for (const device of devices) await directory.addDevice(device, 100)
    return devices
  }

  const pair = async (change: Partial<Device> = {}): Promise<[Device, Device]> => {
    const [one, other] = await added(2, change)
    assert.ok(one && other)
    return [one, other]
  }

  const idsOf = async (accountId: string) => (await directory.devices(accountId)).map(({ id }) => id)

  describe('devices', () => {
    it('come back as they were added, latest use first, and only those of the account', async () => {
      const accountId = randomUUID()
      const trust = someTrust({ key: '{"kty":"EC","x":"\\"é\\""}', factors: [] })
      const old = someDevice({ accountId, createdAt: 9_000, lastUsedAt: 1_000, seen: nowhere, countries: [] })
      const young = someDevice({ accountId, createdAt: 1, lastUsedAt: 2 ** 50, previousHash: 'p', trust })
      const middle = someDevice({ accountId, lastUsedAt: 5_000, trust: someTrust() })
      for (const device of [middle, old, young, someDevice()]) await directory.addDevice(device, 100)
      assert.deepEqual(await directory.devices(accountId), [young, middle, old])
      for (const id of strange()) assert.deepEqual(await directory.devices(id), [])
    })

    it('keep any text that was seen, and the order of the countries', async () => {
      const seen = { ...nowhere, city: "Nul\0 \ud800 'São Paulo' 📱", browser: '', latitude: -0.000_001 }
      const device = someDevice({ seen, countries: ['IT', 'DE', 'AT'] })
      await directory.addDevice(device, 100)
      assert.deepEqual(await directory.devices(device.accountId), [device])
    })

    it('refuse an id that is taken, and keep what was there', async () => {
      const [device, other] = await pair()
      for (const accountId of [device.accountId, randomUUID()]) {
        const usurper = someDevice({ id: device.id, accountId, lastUsedAt: 9_000 })
        await assert.rejects(directory.addDevice(usurper, 1))
      }
      assert.deepEqual(await directory.devices(device.accountId), [other, device])
    })
  })

  describe('addDevice', () => {
    it('forgets those that were not used for the longest time, whenever they were made', async () => {
      const accountId = randomUUID()
      const [first, second, third, fourth] = [3_000, 1_000, 4_000, 2_000].map((lastUsedAt, index) =>
        someDevice({ accountId, lastUsedAt, createdAt: 9_000 - index }),
      )
      assert.ok(first && second && third && fourth)
      for (const device of [first, second, third]) await directory.addDevice(device, 3)
      assert.deepEqual(await directory.devices(accountId), [third, first, second])
      await directory.addDevice(fourth, 3)
      assert.deepEqual(await directory.devices(accountId), [third, first, fourth])
    })

    it('goes by the last use, not by the first', async () => {
      const [old, young] = await pair()
      await directory.changeDevice(old.accountId, old.id, old.secretHash, { lastUsedAt: 5_000 })
      const latest = someDevice({ accountId: old.accountId, lastUsedAt: 6_000 })
      await directory.addDevice(latest, 2)
      assert.deepEqual(await idsOf(young.accountId), [latest.id, old.id])
    })

    it('forgets as many as it must when fewer may be kept than before, and none of another account', async () => {
      const devices = await added(5)
      const [foreign] = await added(1, { lastUsedAt: 1 })
      const { accountId = '' } = devices[0] ?? {}
      const latest = someDevice({ accountId, lastUsedAt: 9_000 })
      await directory.addDevice(latest, 2)
      assert.deepEqual(await idsOf(accountId), [latest.id, devices[4]?.id])
      assert.deepEqual(await directory.devices(foreign?.accountId ?? ''), [foreign])
    })

    it('keeps the one just added among those used in the same millisecond', async () => {
      const accountId = randomUUID()
      for (let count = 0; count < 8; count += 1) {
        const device = someDevice({ accountId })
        await directory.addDevice(device, 1)
        assert.deepEqual(await directory.devices(accountId), [device])
      }
    })

    it('keeps no more than it may of 50 added at once', async () => {
      const accountId = randomUUID()
      await fiftyTimes(nodes, (node, index) =>
        node.addDevice(someDevice({ id: `${accountId}-${index}`, accountId, lastUsedAt: index }), 3),
      )
      assert.deepEqual(
        await idsOf(accountId),
        [49, 48, 47].map((index) => `${accountId}-${index}`),
      )
    })
  })

  describe('changeDevice', () => {
    it('changes what it is told, and nothing else', async () => {
      const [device, other] = await pair({ trust: someTrust() })
      const { accountId, id } = device
      let now = device
      for (const change of [
        { lastUsedAt: 500, seen: { ...device.seen, city: null, country: 'DE' } },
        { previousHash: now.secretHash, secretHash: 'second' },
        { countries: ['SM', 'IT', 'DE'] },
        { trust: null },
        { trust: someTrust({ at: 7, mark: 'other', factors: [], key: 'k' }) },
        { previousHash: null },
        {},
      ]) {
        assert.equal(await directory.changeDevice(accountId, id, now.secretHash, change), true)
        now = { ...now, ...change }
        assert.deepEqual(await directory.devices(accountId), [other, now])
      }
    })

    it('answers false for another hash, the previous one included, and changes nothing', async () => {
      const [device, other] = await pair({ previousHash: 'before' })
      for (const hash of [...strange(), 'before', other.secretHash, device.secretHash.toUpperCase()]) {
        for (const change of [{ secretHash: 'new' }, { trust: someTrust() }, {}])
          assert.equal(await directory.changeDevice(device.accountId, device.id, hash, change), false)
      }
      assert.deepEqual(await directory.devices(device.accountId), [other, device])
    })

    it('answers false for a device of somebody else, or of nobody', async () => {
      const device = someDevice()
      await directory.addDevice(device, 100)
      for (const id of strange()) {
        const change = { secretHash: 'new', trust: someTrust() }
        assert.equal(await directory.changeDevice(id, device.id, device.secretHash, change), false)
        assert.equal(await directory.changeDevice(device.accountId, id, device.secretHash, change), false)
      }
      assert.deepEqual(await directory.devices(device.accountId), [device])
    })

    it('has one winner among 50 at once', async () => {
      const [device, other] = await pair()
      const { accountId, id, secretHash } = device
      const won = await fiftyTimes(nodes, (node, index) =>
        node.changeDevice(accountId, id, secretHash, {
          secretHash: `next-${index}`,
          previousHash: secretHash,
          lastUsedAt: index,
        }),
      )
      assert.equal(won.filter((one) => one === true).length, 1)
      assert.equal(won.filter((one) => one === false).length, 49)
      const winner = won.indexOf(true)
      const change = { secretHash: `next-${winner}`, previousHash: secretHash, lastUsedAt: winner }
      assert.deepEqual(await directory.devices(accountId), [other, { ...device, ...change }])
      assert.equal(await directory.changeDevice(accountId, id, secretHash, {}), false)
    })
  })

  describe('removeDevices', () => {
    it('forgets those that are named, of this account only', async () => {
      const devices = await added(3)
      const [first, second, third] = devices
      const [foreign] = await added(1)
      assert.ok(first && second && third && foreign)
      const named = [first.id, third.id, foreign.id, ...strange()]
      assert.equal(await directory.removeDevices(first.accountId, named), 2)
      assert.deepEqual(await directory.devices(first.accountId), [second])
      assert.deepEqual(await directory.devices(foreign.accountId), [foreign])
      assert.equal(await directory.changeDevice(first.accountId, first.id, first.secretHash, {}), false)
    })

    it('forgets all when no ids are given, none when the list is empty', async () => {
      const [device, other] = await pair({ trust: someTrust() })
      const [foreign] = await added(1)
      for (const ids of [[], strange()]) assert.equal(await directory.removeDevices(device.accountId, ids), 0)
      for (const id of strange()) {
        assert.equal(await directory.removeDevices(id), 0)
        assert.equal(await directory.removeDevices(id, [device.id]), 0)
      }
      assert.deepEqual(await directory.devices(device.accountId), [other, device])
      assert.equal(await directory.removeDevices(device.accountId), 2)
      assert.equal(await directory.removeDevices(device.accountId), 0)
      assert.deepEqual(await directory.devices(device.accountId), [])
      assert.deepEqual(await directory.devices(foreign?.accountId ?? ''), [foreign])
    })

    it('counts each device once when 50 forget them at once', async () => {
      const [{ accountId }] = await pair()
      const removed = await fiftyTimes(nodes, (node) => node.removeDevices(accountId))
      assert.equal(
        removed.reduce((sum: number, count) => sum + Number(count), 0),
        2,
      )
    })
  })

  describe('endTrust', () => {
    it('counts those that were trusted, and keeps all known', async () => {
      const accountId = randomUUID()
      const devices = [null, someTrust(), someTrust({ at: 1 })].map((trust, index) =>
        someDevice({ accountId, trust, lastUsedAt: 9 - index }),
      )
      const foreign = someDevice({ trust: someTrust() })
      for (const device of [...devices, foreign]) await directory.addDevice(device, 100)
      assert.equal(await directory.endTrust(accountId), 2)
      assert.deepEqual(
        await directory.devices(accountId),
        devices.map((device) => ({ ...device, trust: null })),
      )
      assert.equal(await directory.endTrust(accountId), 0)
      for (const id of strange()) assert.equal(await directory.endTrust(id), 0)
      assert.deepEqual(await directory.devices(foreign.accountId), [foreign])
    })

    it('leaves no trust behind a use at the same time, which keeps its new hash', async () => {
      for (let round = 0; round < 10; round += 1) {
        const [device] = await added(1, { trust: someTrust() })
        assert.ok(device)
        const { accountId, id, secretHash } = device
        const [ended, used] = await Promise.all([
          nodes[0].endTrust(accountId),
          nodes[1].changeDevice(accountId, id, secretHash, { secretHash: 'next', lastUsedAt: 9_000 }),
        ])
        assert.deepEqual([ended, used], [1, true])
        assert.deepEqual(await directory.devices(accountId), [
          { ...device, trust: null, secretHash: 'next', lastUsedAt: 9_000 },
        ])
      }
    })

    it('and forgetting many, in any order, never stand in each other’s way', async function () {
      this.timeout(20_000)
      const devices = await added(20, { trust: someTrust() })
      const { accountId = '' } = devices[0] ?? {}
      const ids = devices.slice(10).map(({ id }) => id)
      await fiftyTimes(nodes, async (node, index) => {
        if (index % 5 === 0) return node.endTrust(accountId)
        if (index % 5 === 1) return node.removeDevices(accountId, index % 2 ? ids : ids.toReversed())
        return node.addDevice(
          someDevice({ accountId, trust: someTrust(), lastUsedAt: 9_000 + index }),
          12 - (index % 7),
        )
      })
      assert.equal(await directory.removeDevices(accountId, ids), 0)
    })
  })
}
