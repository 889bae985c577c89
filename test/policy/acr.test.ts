import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  acrOf,
  eidasLadder,
  hardware,
  type Ladder,
  ladders,
  levelOf,
  levelProvenBy,
  nothing,
  oneFactor,
  phishingResistant,
  refedsLadder,
  spidLadder,
  strengths,
  twoFactors,
} from '../../src/policy/acr.ts'
import { amrClaim } from '../../src/policy/amr.ts'
import { mfa, phr, phrh, sfa } from './facts.ts'

const spid = (level: number) => `https://www.spid.gov.it/SpidL${level}`
const eidas = (level: string) => `http://eidas.europa.eu/LoA/${level}`

/** What is called how, by what it asks for. */
const published: [
  name: keyof typeof ladders,
  ladder: Ladder,
  levels: [acr: string, level: number][],
  names: string[],
][] = [
  [
    'refeds',
    refedsLadder,
    [
      [sfa, oneFactor],
      [mfa, twoFactors],
      [phr, phishingResistant],
      [phrh, hardware],
    ],
    ['https://refeds.org/profile/sfa', 'https://refeds.org/profile/mfa', 'phr', 'phrh'],
  ],
  [
    'spid',
    spidLadder,
    [
      [spid(1), oneFactor],
      [spid(2), twoFactors],
      [spid(3), hardware],
    ],
    [spid(1), spid(2), spid(2), spid(3)],
  ],
  [
    'eidas',
    eidasLadder,
    [
      [eidas('low'), oneFactor],
      [eidas('substantial'), twoFactors],
      [eidas('high'), hardware],
    ],
    [eidas('low'), eidas('substantial'), eidas('substantial'), eidas('high')],
  ],
]

const own: Ladder = [
  { acr: 'urn:bronze', asks: 'one-factor' },
  { acr: 'urn:silver', asks: 'two-factors' },
  { acr: 'urn:gold', asks: 'phishing-resistant' },
]

describe('acr', () => {
  it('compares levels by what they ask for', () => {
    assert.deepEqual([nothing, oneFactor, twoFactors, phishingResistant, hardware], [-1, 0, 1, 2, 3])
    assert.deepEqual(
      [oneFactor, twoFactors, phishingResistant, hardware].map((level) => strengths[level]),
      ['one-factor', 'two-factors', 'phishing-resistant', 'hardware'],
    )
    assert.equal(strengths.length, 4)
  })

  for (const [name, ladder, levels, names] of published)
    describe(`of ${name}`, () => {
      it('is found by that name', () => {
        assert.equal(ladders[name], ladder)
        assert.deepEqual(
          ladder.map(({ acr }) => acr),
          levels.map(([acr]) => acr),
        )
      })
      for (const [acr, level] of levels)
        it(`asks for ${strengths[level]} by ${acr}`, () => {
          assert.equal(levelOf(ladder, acr), level)
          assert.equal(acrOf(ladder, level), acr)
        })
      it('calls every level by the highest value that it is worth', () => {
        assert.deepEqual(
          strengths.map((_, level) => acrOf(ladder, level)),
          names,
        )
        assert.equal(acrOf(ladder, nothing), names[0])
        assert.equal(acrOf(ladder, 99), names[3])
      })
      it('knows nothing else, however alike', () => {
        for (const [acr] of levels)
          for (const other of [acr.toUpperCase(), ` ${acr}`, `${acr}/`, acr.slice(0, -1)])
            if (!levels.some(([known]) => known === other)) assert.equal(levelOf(ladder, other), undefined)
        for (const other of [undefined, '', 'constructor', '0', 'two-factors'])
          assert.equal(levelOf(ladder, other), undefined)
      })
    })

  it('of a provider’s own may leave levels out, and say none that it has not', () => {
    assert.deepEqual(
      own.map(({ acr }) => levelOf(own, acr)),
      [0, 1, 2],
    )
    assert.equal(acrOf(own, hardware), 'urn:gold')
    const short = own.slice(0, 2)
    assert.deepEqual([acrOf(short, phishingResistant), acrOf(short, hardware)], ['urn:silver', 'urn:silver'])
    const gap: Ladder = [...short, { acr: 'urn:steel', asks: 'hardware' }]
    assert.deepEqual([acrOf(gap, phishingResistant), acrOf(gap, hardware)], ['urn:silver', 'urn:steel'])
    assert.equal(levelOf(gap, 'urn:gold'), undefined)
  })

  it('never says more than was proven, nor less than a higher level', () => {
    const ladder = fc
      .subarray([...strengths].slice(2))
      .map(
        (more): Ladder =>
          (['one-factor', 'two-factors', ...more] as const).map((asks) => ({ acr: `urn:${asks}`, asks })),
      )
    const level = fc.integer({ min: oneFactor, max: hardware })
    fc.assert(
      fc.property(ladder, level, level, (given, one, other) => {
        const said = (proven: number) => levelOf(given, acrOf(given, proven)) as number
        assert.ok(said(one) <= one)
        if (one <= other) assert.ok(said(one) <= said(other))
        assert.ok(said(one) >= Math.min(one, twoFactors))
      }),
    )
  })
})

/** What each way of proving earns. */
const ways = {
  password: ['pwd'],
  app: ['otp'],
  recovery: ['otp'],
  key: ['pop', 'user'],
  unlocked: ['pop', 'user', 'mfa'],
  hardware: ['pop', 'user', 'hwk'],
  'hardware, unlocked': ['pop', 'user', 'hwk', 'mfa'],
  sms: ['sms'],
  push: ['pop', 'mca', 'mfa'],
} as const satisfies Record<string, readonly string[]>
type Way = keyof typeof ways
const all = Object.keys(ways) as Way[]

/** Rows and columns in the order of `ways`: 1 one factor, 2 two, P phishing-resistant, H hardware. On the diagonal: alone, or twice. */
const table: Record<Way, string> = {
  password: /*           */ '1 2 2 P P H H 2 2',
  app: /*                */ '2 1 1 1 P 1 H 1 2',
  recovery: /*           */ '2 1 1 1 P 1 H 1 2',
  key: /*                */ 'P 1 1 1 P 1 H 1 P',
  unlocked: /*           */ 'P P P P P H H P P',
  hardware: /*           */ 'H 1 1 1 H 1 H 1 H',
  'hardware, unlocked': 'H H H H H H H H H',
  sms: /*                */ '2 1 1 1 P 1 H 1 2',
  push: /*               */ '2 2 2 P P H H 2 2',
}
const meanings: Record<string, number> = { 1: oneFactor, 2: twoFactors, P: phishingResistant, H: hardware }
const levelIn = (one: Way, other: Way) => meanings[table[one].split(' ')[all.indexOf(other)] as string]
const provenBy = (...used: Way[]) => levelProvenBy(amrClaim(...used.map((way) => ways[way])))

describe('the level of two ways of proving', () => {
  for (const one of all)
    for (const other of all)
      it(`${one} + ${other}: ${strengths[levelIn(one, other) as number]}`, () => {
        assert.equal(provenBy(one, other), levelIn(one, other))
        assert.equal(levelIn(one, other), levelIn(other, one), 'in whatever order')
      })

  it('is that of one alone where the same is used twice', () => {
    for (const way of all) {
      assert.equal(provenBy(way), provenBy(way, way))
      assert.equal(provenBy(way), levelIn(way, way))
    }
  })
  it('is never two factors by two things of one kind, or one channel twice', () => {
    const things = all.filter(
      (way) => !(ways[way] as readonly string[]).includes('mfa') && way !== 'password',
    )
    for (const one of things)
      for (const other of things) assert.equal(provenBy(one, other), oneFactor, `${one} + ${other}`)
    assert.equal(provenBy(...things), oneFactor, 'however many there are')
    assert.equal(provenBy('password', 'password'), oneFactor)
  })
  it('is two factors by the password and any one thing', () => {
    for (const way of all)
      if (way !== 'password') assert.ok((provenBy('password', way) as number) >= twoFactors, way)
  })
})

describe('the level of amr names', () => {
  it('is not phishing-resistant without the key, somebody there, or a second factor', () => {
    for (const [names, level] of [
      [['pwd', 'pop', 'user'], phishingResistant],
      [['pwd', 'pop'], twoFactors],
      [['pwd', 'user'], oneFactor],
      [['pop', 'user'], oneFactor],
      [['pop', 'user', 'otp'], oneFactor],
      [['pop', 'user', 'mfa'], phishingResistant],
      [['pwd', 'hwk', 'user'], twoFactors],
      [['pwd', 'hwk', 'pop'], twoFactors],
      [['pwd', 'hwk', 'pop', 'user'], hardware],
      [['pwd', 'swk', 'pop', 'user'], phishingResistant],
      [['pwd', 'pop', 'user', 'mca'], twoFactors],
      [['pwd', 'pop', 'user', 'hwk', 'mca'], twoFactors],
      [['phr', 'phrh', 'mfa'], oneFactor],
      [[], oneFactor],
    ] as [string[], number][])
      assert.equal(levelProvenBy(names), level, names.join())
  })
  it('is no higher by a conclusion, nor lower by a name that nobody knows', () => {
    const names = fc.subarray(['pwd', 'otp', 'pop', 'user', 'hwk', 'sms', 'face', 'mca'])
    fc.assert(
      fc.property(names, (amr) => {
        assert.equal(levelProvenBy([...amr, 'nonsense', '__proto__']), levelProvenBy(amr))
        const concluded = amrClaim(amr)
        assert.equal(levelProvenBy(concluded), levelProvenBy(amr), concluded.join())
      }),
    )
  })
  it('rises with every name that stands for something, except for what is approved elsewhere', () => {
    const names = ['pwd', 'otp', 'pop', 'user', 'hwk', 'sms', 'face', 'mfa']
    fc.assert(
      fc.property(fc.subarray(names), fc.constantFrom(...names), (amr, more) => {
        assert.ok(levelProvenBy([...amr, more]) >= levelProvenBy(amr), `${amr} + ${more}`)
        assert.ok(levelProvenBy([...amr, 'mca']) <= Math.max(levelProvenBy(amr), twoFactors))
      }),
    )
  })
})
