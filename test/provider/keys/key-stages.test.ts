import assert from 'node:assert/strict'
import {
  type DatedKey,
  forgettable,
  type Line,
  nextChange,
  type Schedule,
  shortestPublish,
  signerOf,
  stagesOf,
  successor,
  wantedKeys,
} from '../../../src/provider/keys/key-stages.ts'

const day = 86_400_000
const keep = { signing: 30 * day, cookies: 2 * day }
const line: Line = { use: 'signing', alg: 'ES256' }

/** A key named by its generation, which signs from that day. */
const key = (generation: number, signsOn: number, over: Partial<DatedKey> = {}): DatedKey => ({
  ...line,
  kid: `k${generation}`,
  generation,
  signsFrom: signsOn * day,
  endsAt: null,
  ...over,
})

/** `k2 signs, k1 kept`, newest first. */
const at = (time: number, ...keys: DatedKey[]): string =>
  stagesOf(keys, time, keep)
    .map(({ key: { kid }, stage }) => `${kid} ${stage}`)
    .join(', ')

describe('the stages of keys', () => {
  const two = [key(1, 0), key(2, 90)]

  it('are published, signs, kept and gone, each to the millisecond', () => {
    const steps: [time: number, expected: string][] = [
      [-1, 'k2 published, k1 published'],
      [0, 'k2 published, k1 signs'],
      [90 * day - 1, 'k2 published, k1 signs'],
      [90 * day, 'k2 signs, k1 kept'],
      [120 * day - 1, 'k2 signs, k1 kept'],
      [120 * day, 'k2 signs, k1 gone'],
    ]
    for (const [time, expected] of steps) {
      assert.equal(at(time, ...two), expected, String(time))
      assert.equal(at(time, ...two.toReversed()), expected, 'whatever the order of the rows')
    }
  })

  it('say when they end, and the next of these is when something changes', () => {
    const ends = (time: number, ...keys: DatedKey[]) => nextChange(stagesOf(keys, time, keep))
    assert.equal(ends(-1, ...two), 0)
    assert.equal(ends(0, ...two), 90 * day)
    assert.equal(ends(90 * day, ...two), 120 * day)
    assert.equal(ends(120 * day, ...two), null)
    assert.equal(ends(0, key(1, 0)), null)
    assert.equal(ends(0), null)
    assert.equal(ends(0, key(1, 0, { endsAt: 7 })), 7)
    assert.equal(ends(0, key(1, 5, { endsAt: 7 })), 7)
    assert.equal(ends(91 * day, key(1, 0, { endsAt: 92 * day }), key(2, 90)), 92 * day)
  })

  it('never end for the only key', () => {
    assert.equal(at(10_000 * day, key(1, 0)), 'k1 signs')
  })

  it('of each line are its own, with its own time', () => {
    const cookies = { use: 'cookies' as const, alg: 'HS256' }
    const keys = [
      ...two,
      key(1, 0, { ...cookies, kid: 'c1' }),
      key(2, 90, { ...cookies, kid: 'c2' }),
      key(7, 0, { alg: 'RS256', kid: 'r7' }),
    ]
    assert.equal(at(91 * day, ...keys), 'k2 signs, k1 kept, c2 signs, c1 kept, r7 signs')
    assert.equal(at(92 * day, ...keys), 'k2 signs, k1 kept, c2 signs, c1 gone, r7 signs')
    const staged = stagesOf(keys, 0, keep)
    assert.equal(signerOf(staged, cookies)?.kid, 'c1')
    assert.equal(signerOf(staged, line)?.kid, 'k1')
    assert.equal(signerOf(staged, { use: 'signing', alg: 'PS256' }), undefined)
  })

  it('of a key that was pulled are over at that moment, and the one before signs again', () => {
    const pulled = key(2, 90, { endsAt: 95 * day })
    assert.equal(at(95 * day - 1, key(1, 0), pulled), 'k2 signs, k1 kept')
    assert.equal(at(95 * day, key(1, 0), pulled), 'k2 gone, k1 signs')
    assert.equal(at(500 * day, key(1, 0), pulled), 'k2 gone, k1 signs', 'the only one that is left')
  })

  it('of a key that was pulled before it signed take nothing from the one before', () => {
    const pulled = key(2, 90, { endsAt: 90 * day })
    assert.equal(at(90 * day, key(1, 0), pulled, key(3, 200)), 'k3 published, k2 gone, k1 signs')
    assert.equal(at(201 * day, key(1, 0), pulled, key(3, 200)), 'k3 signs, k2 gone, k1 kept')
  })

  it('count from the first that took over, be it pulled since', () => {
    const keys = [key(1, 0), key(2, 90, { endsAt: 100 * day }), key(3, 95)]
    assert.equal(at(120 * day - 1, ...keys), 'k3 signs, k2 gone, k1 kept')
    assert.equal(at(120 * day, ...keys), 'k3 signs, k2 gone, k1 gone')
  })

  it('of a key that a later one overtook are kept, although it never signed', () => {
    const keys = [key(1, 0), key(2, 91), key(3, 90)]
    assert.equal(at(90 * day, ...keys), 'k3 signs, k2 kept, k1 kept')
    assert.equal(at(91 * day, ...keys), 'k3 signs, k2 kept, k1 kept')
    assert.equal(at(120 * day, ...keys), 'k3 signs, k2 gone, k1 gone')
  })

  it('leave a key that is gone in the list for another day', () => {
    const forgotten = (time: number, ...keys: DatedKey[]) =>
      forgettable(stagesOf(keys, time, keep), time).map(({ kid }) => kid)
    assert.deepEqual(forgotten(121 * day - 1, ...two), [])
    assert.deepEqual(forgotten(121 * day, ...two), ['k1'])
    const pulled = key(2, 90, { endsAt: 90 * day })
    assert.deepEqual(forgotten(91 * day - 1, key(1, 0), pulled), [])
    assert.deepEqual(forgotten(91 * day, key(1, 0), pulled), ['k2'])
  })
})

describe('what the schedule wants', () => {
  const schedule: Schedule = { every: 90 * day, publish: day }
  const wanted = (
    time: number,
    keys: readonly DatedKey[],
    over: { isServed?: boolean; schedule?: Schedule; lines?: readonly Line[] } = {},
  ) =>
    wantedKeys(stagesOf(keys, time, keep), time, {
      lines: over.lines ?? [line],
      isServed: () => over.isServed ?? false,
      schedule: over.schedule ?? schedule,
    })

  it('is a first key, at once, where nothing signs', () => {
    assert.deepEqual(wanted(5, []), [{ ...line, generation: 1, signsFrom: 5 }])
    assert.deepEqual(wanted(5, [], { isServed: true }), [])
    assert.deepEqual(wanted(5, [key(4, 0, { endsAt: 1 })]), [{ ...line, generation: 5, signsFrom: 5 }])
    assert.deepEqual(
      wanted(5, [key(4, 1)]),
      [{ ...line, generation: 5, signsFrom: 5 }],
      'one that waits signs nothing yet',
    )
    assert.deepEqual(wanted(5, [key(1, 0)], { lines: [{ use: 'cookies', alg: 'HS256' }] }), [
      { use: 'cookies', alg: 'HS256', generation: 1, signsFrom: 5 },
    ])
  })

  it('is a successor, so early that it is published for long enough when it is its turn', () => {
    assert.deepEqual(wanted(89 * day - 1, [key(1, 0)]), [])
    assert.deepEqual(wanted(89 * day, [key(1, 0)]), [{ ...line, generation: 2, signsFrom: 90 * day }])
    assert.deepEqual(wanted(200 * day, [key(1, 0)]), [{ ...line, generation: 2, signsFrom: 201 * day }])
    assert.deepEqual(wanted(89 * day, [key(1, 0)], { isServed: true }).length, 1, 'the ring has taken over')
  })

  it('is one successor, not another one while it waits', () => {
    assert.deepEqual(wanted(89 * day, [key(1, 0), key(2, 90)]), [])
    const pulled = key(2, 90, { endsAt: 3 })
    assert.deepEqual(wanted(89 * day, [key(1, 0), pulled]), [{ ...line, generation: 3, signsFrom: 90 * day }])
  })

  it('is nothing by itself where there is no schedule, but for a first key', () => {
    const never = { schedule: { ...schedule, every: null } }
    assert.deepEqual(wanted(10_000 * day, [key(1, 0)], never), [])
    assert.equal(wanted(0, [], never).length, 1)
  })

  it('signs never earlier than all nodes know it', () => {
    const hasty = { schedule: { every: day, publish: 0 } }
    assert.deepEqual(wanted(day - shortestPublish - 1, [key(1, 0)], hasty), [])
    assert.deepEqual(wanted(day - shortestPublish, [key(1, 0)], hasty), [
      { ...line, generation: 2, signsFrom: day },
    ])
  })

  it('follows the newest of all that are there', () => {
    assert.deepEqual(successor([key(1, 0), key(7, 3), key(9, 0, { alg: 'RS256' })], line, 5), {
      ...line,
      generation: 8,
      signsFrom: 5,
    })
  })
})
