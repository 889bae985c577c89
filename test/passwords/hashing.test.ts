import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { hash } from '@node-rs/argon2'
import { createGate } from '../../src/crypto/gate.ts'
import { createHasher } from '../../src/passwords/hashing.ts'

const random = (size: number) => randomBytes(size)
const hasher = createHasher({ concurrency: 2, queue: 100, random })

describe('password hashing', () => {
  it('is argon2id with 19 MiB and two passes, and a salt of its own each time', async () => {
    const [one, two] = await Promise.all([hasher.hash('correct horse'), hasher.hash('correct horse')])
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    assert.notEqual(one, two)
    assert.equal(await hasher.verify(one, 'correct horse'), true)
    assert.equal(await hasher.verify(one, 'correct horsf'), false)
  })
  it('takes the same characters as one password, however they were typed', async () => {
    assert.equal(await hasher.verify(await hasher.hash('caff\u00e8'), 'caffe\u0300'), true)
  })
  it('never accepts anything where there is no hash, and works as long', async () => {
    assert.equal(await hasher.verify(undefined, 'anything'), false)
    const time = async (phc: string | undefined) => {
      const started = process.cpuUsage()
      for (let times = 0; times < 10; times++) await hasher.verify(phc, 'anything')
      const used = process.cpuUsage(started)
      return used.user + used.system
    }
    const known = await hasher.hash('something else')
    await time(known)
    const ratio = (await time(undefined)) / (await time(known))
    assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`)
  })
  it('tells hashes of lesser cost', async () => {
    assert.equal(hasher.isOutdated(await hasher.hash('x')), false)
    assert.equal(hasher.isOutdated(await hash('x', { memoryCost: 8192, timeCost: 2, parallelism: 1 })), true)
    assert.equal(hasher.isOutdated(await hash('x', { memoryCost: 19456, timeCost: 1, parallelism: 1 })), true)
  })
  it('derives the same bytes from the same secret and salt', async () => {
    const salt = randomBytes(16)
    const derived = await hasher.derive('secret', salt)
    assert.equal(derived.length, 32)
    assert.deepEqual(await hasher.derive('secret', salt), derived)
    assert.notDeepEqual(await hasher.derive('secret', randomBytes(16)), derived)
  })
})

describe('the gate before hashing', () => {
  it('runs so many at once, lets so many wait, and turns the rest away with a time to come back', async () => {
    const gate = createGate({ concurrency: 2, queue: 3 })
    let running = 0
    let most = 0
    const task = async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
    }
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => gate.run(task)))
    assert.equal(most, 2)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 5)
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    assert.deepEqual(
      refused.map(({ code, status, retryAfter }) => ({ code, status, retryAfter })),
      Array(3).fill({ code: 'busy', status: 503, retryAfter: 5 }),
    )
    assert.equal(gate.running, 0)
  })
  it('gives the place on when a task fails', async () => {
    const gate = createGate({ concurrency: 1, queue: 5 })
    const results = await Promise.allSettled([
      gate.run(async () => {
        throw new Error('no')
      }),
      gate.run(async () => 'yes'),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled'],
    )
    assert.equal(gate.running, 0)
  })
})
