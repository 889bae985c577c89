import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { printFaults } from '../../src/config/fault.ts'
import { loadConfig } from '../../src/config/load.ts'
import { ladderOf } from '../../src/config/policy-rules.ts'
import { eidasLadder, refedsLadder, spidLadder } from '../../src/policy/acr.ts'
import { laidOver, soundTree } from './sample.ts'

const bronze = { acr: 'urn:bronze', asks: 'one-factor' }
const silver = { acr: 'urn:silver', asks: 'two-factors' }
const gold = { acr: 'urn:gold', asks: 'phishing-resistant' }
const steel = { acr: 'urn:steel', asks: 'hardware' }
const ladder = (...levels: unknown[]) => ({ policy: { ladder: levels } })
const minimum = (value: unknown, more: object = {}) => ({
  policy: { groups: { staff: { minimum: value } }, ...more },
})
const limits = (levels: Record<string, unknown>, known?: string) => ({
  lifetimes: { levels },
  ...(known !== undefined && { policy: { ladder: known } }),
})
const mfa = 'https://refeds.org/profile/mfa'

/** What is laid over a sound configuration, and where the one fault must be. */
const cases: [what: string, over: Record<string, unknown>, place: string | null, message?: RegExp][] = [
  ['the ladder of SPID', { policy: { ladder: 'spid' } }, null],
  ['the ladder of eIDAS', { policy: { ladder: 'eidas' } }, null],
  ['the ladder of REFEDS', { policy: { ladder: 'refeds' } }, null],
  ['a ladder that nobody knows', { policy: { ladder: 'REFEDS' } }, 'policy.ladder'],
  ['a ladder of one’s own', ladder(bronze, silver, gold, steel), null],
  ['a ladder of two levels', ladder(bronze, silver), null],
  ['a ladder that leaves a level out', ladder(bronze, silver, steel), null],
  ['a ladder of one level', ladder(bronze), 'policy.ladder'],
  ['a ladder of none', ladder(), 'policy.ladder'],
  ['a ladder that falls', ladder(bronze, silver, steel, gold), 'policy.ladder', /rise/],
  ['a ladder that begins at the top', ladder(silver, bronze), 'policy.ladder', /rise/],
  ['a ladder without one factor', ladder(silver, gold), 'policy.ladder', /rise/],
  ['a ladder without two factors', ladder(bronze, gold), 'policy.ladder', /rise/],
  ['a level twice', ladder(bronze, silver, { ...silver, acr: 'urn:other' }), 'policy.ladder', /rise/],
  ['a value twice', ladder(bronze, { ...silver, acr: 'urn:bronze' }), 'policy.ladder', /once/],

  ['a minimum of a group', minimum('phr'), null],
  ['the least minimum of a group', minimum('https://refeds.org/profile/sfa'), null],
  [
    'a minimum beside rules',
    { policy: { groups: { staff: { factors: { webauthn: 'require' }, minimum: mfa } } } },
    null,
  ],
  [
    'a minimum of another ladder',
    minimum('phr', { ladder: 'spid' }),
    'policy.groups.staff.minimum',
    /ladder/,
  ],
  [
    'a minimum of the ladder that there is',
    minimum('https://www.spid.gov.it/SpidL2', { ladder: 'spid' }),
    null,
  ],
  ['a minimum of one’s own ladder', minimum('urn:gold', ladder(bronze, silver, gold).policy), null],
  [
    'a minimum that takes attested keys, where none are',
    minimum('phrh'),
    'policy.groups.staff.minimum',
    /webauthn\.authenticators/,
  ],
  [
    'a minimum that takes a key, where none may be used',
    minimum('phr', { factors: { webauthn: 'forbid' } }),
    'policy.groups.staff.minimum',
    /webauthn.+forbidden/,
  ],
  ['a misspelt minimum', minimum('PHR'), 'policy.groups.staff.minimum', /not on the ladder/],
  ['an empty minimum', minimum(''), 'policy.groups.staff.minimum'],
  [
    'a minimum by what it asks for',
    minimum('two-factors'),
    'policy.groups.staff.minimum',
    /not on the ladder/,
  ],
  ['a minimum that is no text', minimum(2), 'policy.groups.staff.minimum'],

  ['limits of a level', limits({ phrh: { session: 43_200, sessionIdle: 900 } }), null],
  [
    'limits of the level of one factor',
    limits({ 'https://refeds.org/profile/sfa': { session: 3_600 } }),
    null,
  ],
  ['limits of a level of another ladder', limits({ phr: {} }, 'spid'), 'lifetimes.levels.phr', /ladder/],
  ['limits of a misspelt level', limits({ PHR: { sessionIdle: 60 } }), 'lifetimes.levels.PHR', /ladder/],
  ['limits by what a level asks for', limits({ hardware: {} }), 'lifetimes.levels.hardware', /ladder/],
  [
    'a level that is unused for longer than it lasts',
    limits({ phr: { session: 900, sessionIdle: 901 } }),
    'lifetimes.levels.phr.sessionIdle',
    /901 > 900/,
  ],
  [
    'a level that is unused for as long as it lasts',
    limits({ phr: { session: 900, sessionIdle: 900 } }),
    null,
  ],
  [
    'a level that ends before it may be unused, by what holds for all',
    limits({ phr: { session: 900 } }),
    'lifetimes.levels.phr.session',
    /3600 > 900/,
  ],
  [
    'a level that may be unused for longer than all others last',
    limits({ phr: { sessionIdle: 100_000 } }),
    'lifetimes.levels.phr.sessionIdle',
    /100000 > 86400/,
  ],
  ['a limit of no time', limits({ phr: { sessionIdle: 0 } }), 'lifetimes.levels.phr.sessionIdle'],
  ['a limit that nobody knows', limits({ phr: { idle: 60 } }), 'lifetimes.levels.phr.idle'],
]

describe('rules for levels in the configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-policy-rules-'))
  const file = join(folder, 'duepassi.yaml')
  after(() => rmSync(folder, { recursive: true }))
  const load = (over: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) => {
    writeFileSync(file, stringify(laidOver(soundTree(), over)))
    return loadConfig({ file, env })
  }
  const configOf = (loaded: ReturnType<typeof load>) => {
    assert.ok('config' in loaded, 'faults' in loaded ? printFaults(loaded.faults) : '')
    return loaded.config
  }

  for (const [what, over, place, message] of cases)
    it(`${place === null ? 'accepts' : 'refuses'} ${what}`, () => {
      const loaded = load(over)
      const faults = 'faults' in loaded ? loaded.faults : []
      assert.deepEqual(
        faults.map((fault) => fault.place),
        place === null ? [] : [place],
        JSON.stringify(faults),
      )
      if (message) assert.match(faults[0]?.message ?? '', message)
      for (const { fix } of faults) assert.ok(fix.length > 5)
    })

  for (const [what, levels] of [
    ['a level without a name', [{ ...bronze, acr: '' }, silver]],
    ['a level without what it asks for', [bronze, { acr: 'urn:silver' }]],
    ['a level that asks for what nobody knows', [bronze, { acr: 'urn:silver', asks: 'three-factors' }]],
    ['a level with a key too many', [bronze, { ...silver, title: 'x' }]],
    ['levels that are names only', ['urn:bronze', 'urn:silver']],
  ] as const)
    it(`refuses ${what}`, () => {
      const loaded = load(ladder(...levels))
      assert.ok('faults' in loaded, 'accepted')
      assert.ok(loaded.faults.length > 0)
      for (const { place } of loaded.faults) assert.match(place, /^policy\.ladder/)
    })

  it('names the values that there are', () => {
    const loaded = load(minimum('prh', { ladder: 'eidas' }))
    assert.ok('faults' in loaded)
    for (const { acr } of eidasLadder) assert.ok(loaded.faults[0]?.fix.includes(acr), acr)
  })
  it('makes ladders of them, REFEDS where none is named', () => {
    for (const [over, expected] of [
      [{}, refedsLadder],
      [{ policy: { ladder: 'refeds' } }, refedsLadder],
      [{ policy: { ladder: 'spid' } }, spidLadder],
      [{ policy: { ladder: 'eidas' } }, eidasLadder],
      [ladder(bronze, silver, steel), [bronze, silver, steel]],
    ] as const)
      assert.deepEqual(ladderOf(configOf(load(over))), expected)
  })
  it('takes them from the environment', () => {
    const { policy } = configOf(
      load(
        {},
        {
          DUEPASSI_POLICY__LADDER: 'spid',
          DUEPASSI_POLICY__GROUPS: '{"staff":{"minimum":"https://www.spid.gov.it/SpidL2"}}',
        },
      ),
    )
    assert.equal(policy.ladder, 'spid')
    assert.deepEqual(policy.groups, { staff: { factors: {}, minimum: 'https://www.spid.gov.it/SpidL2' } })
  })
})
