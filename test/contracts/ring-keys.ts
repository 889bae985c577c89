import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Directory, RingKey } from '../../src/directory/directory.ts'
import { fiftyTimes } from './directory-nodes.ts'
import { someKey } from './directory-samples.ts'

/** The key ring: of one use and algorithm each generation exists once, whoever makes it. */
export function ringKeysContract(opened: () => readonly [Directory, Directory]): void {
  let nodes: readonly [Directory, Directory]
  let directory: Directory
  before(() => {
    nodes = opened()
    directory = nodes[0]
  })

  /** Those of a test, among all that others have added. */
  const ofLine = async ({ alg }: Pick<RingKey, 'alg'>) =>
    (await directory.keys()).filter((key) => key.alg === alg)

  it('gives keys back as they were added, older generations first', async () => {
    const first = someKey()
    const third = someKey({ alg: first.alg, generation: 3, endsAt: 1_790_000_100_000 })
    const second = someKey({ alg: first.alg, generation: 2, material: 'c2VjcmV0 🗝' })
    for (const key of [third, first, second]) assert.equal(await directory.addKey(key), true)
    assert.deepEqual(await ofLine(first), [first, second, third])
  })

  it('refuses a generation that is taken, and a kid, changing nothing', async () => {
    const key = someKey()
    assert.equal(await directory.addKey(key), true)
    assert.equal(await directory.addKey(someKey({ alg: key.alg, material: 'another' })), false)
    assert.equal(await directory.addKey(someKey({ kid: key.kid, alg: key.alg, generation: 2 })), false)
    assert.deepEqual(await ofLine(key), [key])
    assert.equal(await directory.addKey(someKey({ alg: key.alg, use: 'cookies' })), true, 'another use')
    assert.equal(await directory.addKey(someKey({ alg: key.alg, generation: 2 })), true)
  })

  it('lets one of 50 at once make a generation', async () => {
    const { alg } = someKey()
    const outcomes = await fiftyTimes(nodes, (node) => node.addKey(someKey({ alg })))
    assert.equal(outcomes.filter(Boolean).length, 1)
    assert.equal((await ofLine({ alg })).length, 1)
  })

  it('ends a key once, or earlier than it would have ended', async () => {
    const key = someKey()
    const other = someKey({ alg: key.alg, generation: 2 })
    for (const one of [key, other]) await directory.addKey(one)
    assert.equal(await directory.endKey(key.kid, 500), true)
    assert.equal(await directory.endKey(key.kid, 500), false)
    assert.equal(await directory.endKey(key.kid, 600), false, 'it lives no longer for it')
    assert.deepEqual(await ofLine(key), [{ ...key, endsAt: 500 }, other])
    assert.equal(await directory.endKey(key.kid, 400), true)
    assert.deepEqual(await ofLine(key), [{ ...key, endsAt: 400 }, other])
    const outcomes = await fiftyTimes(nodes, (node) => node.endKey(other.kid, 700))
    assert.equal(outcomes.filter(Boolean).length, 1)
  })

  it('removes a key once, and its generation may be made again', async () => {
    const key = someKey()
    await directory.addKey(key)
    assert.equal(await directory.removeKey(key.kid), true)
    assert.equal(await directory.removeKey(key.kid), false)
    assert.deepEqual(await ofLine(key), [])
    assert.equal(await directory.addKey(key), true)
  })

  it('knows no key that nobody added', async () => {
    for (const kid of [randomUUID(), '', '\0', "' or 1=1 --"]) {
      assert.equal(await directory.endKey(kid, 1), false)
      assert.equal(await directory.removeKey(kid), false)
    }
  })
}
