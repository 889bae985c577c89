import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  type ContextFacts,
  kilometresBetween,
  type SeenPlace,
  signalNames,
  signalsOf,
} from '../../src/policy/signals.ts'

const now = Date.UTC(2026, 5, 1)
const hours = (count: number) => count * 3_600_000

const unknown: SeenPlace = { country: null, latitude: null, longitude: null }
const rome: SeenPlace = { country: 'IT', latitude: 41.8919, longitude: 12.5113 }
const milan: SeenPlace = { country: 'IT', latitude: 45.4643, longitude: 9.1895 }
const tokyo: SeenPlace = { country: 'JP', latitude: 35.6895, longitude: 139.6917 }

const seenIn = (place: SeenPlace, ago: number, countries?: string[]) => ({
  seen: place,
  countries: countries ?? (place.country === null ? [] : [place.country]),
  lastUsedAt: now - ago,
})

/** A known browser in Rome, as yesterday. */
const facts = (change: Partial<ContextFacts> = {}): ContextFacts => ({
  now,
  network: false,
  sighting: rome,
  known: true,
  before: [seenIn(rome, hours(24))],
  failures: 0,
  limits: { failures: 5, kilometresPerHour: 900 },
  ...change,
})

const signals = (change: Partial<ContextFacts>) => signalsOf(facts(change))

describe('signals of an ordinary sign-in', () => {
  it('are none', () => {
    assert.deepEqual(signals({}), [])
  })
})

describe('an account that never signed in anywhere', () => {
  it('has nothing new, and has not travelled', () => {
    assert.deepEqual(signals({ before: [], known: false, sighting: tokyo }), [])
  })
  it('is still in a forbidden network, with many failures', () => {
    assert.deepEqual(signals({ before: [], known: false, network: true, failures: 5 }), [
      'forbidden-network',
      'many-failures',
    ])
  })
})

describe('a new device', () => {
  it('is one that is not known, of an account that has others', () => {
    assert.deepEqual(signals({ known: false }), ['new-device'])
  })
  it('is new wherever it is, even when no place is known', () => {
    assert.deepEqual(signals({ known: false, sighting: unknown, before: [seenIn(unknown, 0)] }), [
      'new-device',
    ])
  })
})

describe('a new country', () => {
  const slowly = { limits: { failures: 5, kilometresPerHour: Number.POSITIVE_INFINITY } }
  const cases: [what: string, change: Partial<ContextFacts>, given: boolean][] = [
    ['where the account never was', { sighting: tokyo }, true],
    ['not where it is now', { sighting: milan }, false],
    [
      'not one that any browser was ever in',
      { sighting: tokyo, before: [seenIn(rome, 0, ['JP', 'IT'])] },
      false,
    ],
    [
      'not where another browser was',
      { sighting: tokyo, before: [seenIn(rome, 0), seenIn(tokyo, 9)] },
      false,
    ],
    [
      'not one where it was seen last, without a list',
      { sighting: tokyo, before: [seenIn(tokyo, 0, [])] },
      false,
    ],
    ['by the list alone', { sighting: tokyo, before: [seenIn(unknown, 0, ['IT'])] }, true],
    ['by the last sighting alone', { sighting: tokyo, before: [seenIn(rome, 0, [])] }, true],
    ['not when the present one is unknown', { sighting: unknown }, false],
    ['not when no earlier one is known', { sighting: tokyo, before: [seenIn(unknown, 0)] }, false],
  ]
  for (const [what, change, given] of cases)
    it(`is given ${what}`, () => {
      assert.deepEqual(signals({ ...slowly, ...change }), given ? ['new-country'] : [])
    })
})

describe('impossible travel', () => {
  const travelled = (change: Partial<ContextFacts>) => signals(change).includes('impossible-travel')
  const point = (latitude: number, longitude: number): SeenPlace => ({ country: 'IT', latitude, longitude })
  /** Degrees of latitude, along a meridian, that make so many kilometres. */
  const degrees = (kilometres: number) => (kilometres * 180) / (Math.PI * 6371.0088)

  it('is Rome to Tokyo in an hour, and not in a day', () => {
    assert.equal(travelled({ sighting: tokyo, before: [seenIn(rome, hours(1))] }), true)
    assert.equal(travelled({ sighting: tokyo, before: [seenIn(rome, hours(24))] }), false)
  })
  it('is faster than the limit, not as fast', () => {
    const north = point(degrees(1_000), 0)
    const withLimit = (kilometresPerHour: number) =>
      travelled({
        sighting: north,
        before: [seenIn(point(0, 0), hours(2))],
        limits: { failures: 5, kilometresPerHour },
      })
    assert.equal(withLimit(499.999), true)
    assert.equal(withLimit(500.001), false)
  })
  it('needs 100 kilometres, however fast: the files are no more exact', () => {
    const from = (kilometres: number) =>
      travelled({ sighting: point(degrees(kilometres), 0), before: [seenIn(point(0, 0), 1)] })
    assert.equal(from(99.99), false)
    assert.equal(from(100.01), true)
  })
  it('counts no time, and time that went back, as a second', () => {
    for (const ago of [1_000, 999, 1, 0, -1, hours(-24)]) {
      const before = [seenIn(rome, ago)]
      assert.equal(travelled({ sighting: milan, before }), true, String(ago))
      // 478.6 km in one second: below an absurd limit, which an infinite or a negative speed would not be.
      const limits = { failures: 5, kilometresPerHour: 479 * 3_600 }
      assert.equal(travelled({ sighting: milan, before, limits }), false, String(ago))
      assert.equal(
        travelled({ sighting: milan, before, limits: { ...limits, kilometresPerHour: 478 * 3_600 } }),
        true,
        String(ago),
      )
    }
  })
  it('is measured from the latest sighting, in whatever order and browser', () => {
    const before = [seenIn(rome, hours(48)), seenIn(tokyo, hours(1)), seenIn(milan, hours(72))]
    for (const order of [
      before,
      before.toReversed(),
      before.toSorted((a, b) => a.lastUsedAt - b.lastUsedAt),
    ]) {
      assert.equal(travelled({ sighting: rome, before: order }), true)
      assert.equal(travelled({ sighting: tokyo, before: order }), false)
    }
  })
  it('skips sightings without coordinates, and half of them is none', () => {
    const before = [
      seenIn(unknown, hours(0.5)),
      seenIn({ ...tokyo, longitude: null }, 1),
      seenIn(rome, hours(1)),
    ]
    assert.equal(travelled({ sighting: tokyo, before }), true)
    assert.equal(travelled({ sighting: rome, before }), false)
    assert.equal(travelled({ sighting: tokyo, before: before.slice(0, 2) }), false)
  })
  it('is none to a place without coordinates', () => {
    assert.equal(travelled({ sighting: { ...tokyo, latitude: null }, before: [seenIn(rome, 0)] }), false)
    assert.equal(travelled({ sighting: unknown, before: [seenIn(rome, 0)] }), false)
  })
})

describe('many failures', () => {
  it('are as many as the limit, or more', () => {
    assert.deepEqual(signals({ failures: 4 }), [])
    assert.deepEqual(signals({ failures: 5 }), ['many-failures'])
    assert.deepEqual(signals({ failures: 6 }), ['many-failures'])
  })
})

describe('a forbidden network', () => {
  it('is a signal by itself', () => {
    assert.deepEqual(signals({ network: true }), ['forbidden-network'])
  })
})

describe('signals together', () => {
  it('come in the order of their names', () => {
    assert.deepEqual(
      signals({ network: true, sighting: tokyo, before: [seenIn(rome, 0)], known: false, failures: 9 }),
      signalNames,
    )
  })
  it('are the same in whatever order the browsers are listed', () => {
    const place = fc.constantFrom(rome, milan, tokyo, unknown)
    const browsers = fc.uniqueArray(fc.tuple(place, fc.integer({ min: 0, max: hours(48) })), {
      selector: ([, ago]) => ago,
    })
    fc.assert(
      fc.property(place, browsers, fc.boolean(), (sighting, list, known) => {
        const before = list.map(([seen, ago]) => seenIn(seen, ago))
        const found = signals({ sighting, before, known })
        assert.deepEqual(signals({ sighting, before: before.toReversed(), known }), found)
        assert.deepEqual(
          found,
          signalNames.filter((name) => found.includes(name)),
        )
      }),
    )
  })
})

describe('the distance between two points', () => {
  const latitude = fc.double({ min: -90, max: 90, noNaN: true })
  const longitude = fc.double({ min: -180, max: 180, noNaN: true })
  const point = fc.record({ latitude, longitude })
  const half = Math.PI * 6371.0088
  const at = (latitude: number, longitude: number) => ({ latitude, longitude })

  it('is that of an atlas', () => {
    const about = (from: SeenPlace, to: SeenPlace, kilometres: number) => {
      const measured = kilometresBetween(
        at(Number(from.latitude), Number(from.longitude)),
        at(Number(to.latitude), Number(to.longitude)),
      )
      assert.ok(Math.abs(measured - kilometres) < kilometres * 0.006, `${measured}`)
    }
    about(rome, milan, 478)
    about(rome, tokyo, 9_860)
  })
  it('is short across the date line, and none between the names of one pole', () => {
    assert.ok(kilometresBetween(at(0, 179.9), at(0, -179.9)) < 23)
    assert.ok(kilometresBetween(at(90, 0), at(90, 135)) < 0.001)
  })
  it('is half the circumference between poles, and from one side of the equator to the other', () => {
    assert.ok(Math.abs(kilometresBetween(at(90, 0), at(-90, 77)) - half) < 0.001)
    assert.ok(Math.abs(kilometresBetween(at(0, 0), at(0, 180)) - half) < 0.001)
  })
  it('is the same both ways, never negative, and never more than half the circumference', () => {
    fc.assert(
      fc.property(point, point, (from, to) => {
        const there = kilometresBetween(from, to)
        assert.ok(there >= 0 && there <= half + 1e-9, `${there}`)
        assert.ok(Math.abs(there - kilometresBetween(to, from)) < 1e-6)
        assert.equal(kilometresBetween(from, from), 0)
      }),
    )
  })
  it('is a number between opposite points, where rounding is worst', () => {
    // Without care the haversine of these is 1.0000000000000002.
    for (const latitude of [2.5, 5.5, 8, 10.75, 12])
      assert.equal(kilometresBetween(at(latitude, -180), at(-latitude, 0)), half)
    fc.assert(
      fc.property(point, ({ latitude, longitude }) => {
        const far = kilometresBetween(at(latitude, longitude), at(-latitude, longitude + 180))
        assert.ok(Math.abs(far - half) < 0.5, `${far}`)
      }),
    )
  })
})
