import assert from 'node:assert/strict'
import { endTrustIn } from '../../src/context/distrust.ts'
import type { Device } from '../../src/directory/directory.ts'
import { someDevice, someTrust } from '../contracts/directory-samples.ts'
import { memoryDirectory } from '../properties/memory-directory.ts'

describe('ending the trust in browsers', () => {
  const open = async () => {
    const directory = memoryDirectory()
    const add = async (over: Partial<Device> = {}) => {
      const device = someDevice({ accountId: 'ana', trust: someTrust(), ...over })
      await directory.addDevice(device, 20)
      return device
    }
    const trusted = (accountId = 'ana') =>
      directory
        .devicesNow(accountId)
        .filter(({ trust }) => trust)
        .map(({ id }) => id)
    return { directory, add, trusted }
  }

  it('ends it in those that are meant, of this account alone, which stay known', async () => {
    const { directory, add, trusted } = await open()
    const [one, other] = [await add(), await add()]
    const hers = await add({ accountId: 'bea' })
    await add({ trust: null })
    await endTrustIn(directory, 'ana', ({ id }) => id === one.id)
    assert.deepEqual(trusted(), [other.id])
    assert.deepEqual(trusted('bea'), [hers.id])
    assert.equal(directory.devicesNow('ana').length, 3)
    await endTrustIn(directory, 'ana', () => true)
    assert.deepEqual(trusted(), [])
  })

  it('ends it although the browser changes its secret meanwhile', async () => {
    const { directory, add, trusted } = await open()
    const { id, secretHash } = await add()
    let looks = 0
    const racing = {
      ...directory,
      async devices(accountId: string) {
        const seen = await directory.devices(accountId)
        looks += 1
        if (looks === 1) await directory.changeDevice('ana', id, secretHash, { secretHash: 'next' })
        return seen
      },
    }
    await endTrustIn(racing, 'ana', () => true)
    assert.deepEqual([looks, trusted()], [2, []])
  })

  it('says so where it cannot', async () => {
    const { directory, add, trusted } = await open()
    const { id } = await add()
    const refusing = { ...directory, changeDevice: async () => false }
    await assert.rejects(
      endTrustIn(refusing, 'ana', () => true),
      { code: 'busy' },
    )
    assert.deepEqual(trusted(), [id])
  })
})
