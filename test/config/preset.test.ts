import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Fault, printFaults } from '../../src/config/fault.ts'
import { loadConfig } from '../../src/config/load.ts'
import { ladderOf } from '../../src/config/policy-rules.ts'
import { ladders } from '../../src/policy/acr.ts'
import { reactions, signalNames } from '../../src/policy/signals.ts'
import { laidOver, soundTree } from './sample.ts'

const mfa = 'https://refeds.org/profile/mfa'
const sfa = 'https://refeds.org/profile/sfa'

describe('the assurance that a configuration asks for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-preset-'))
  after(() => rmSync(folder, { recursive: true }))

  const sound = soundTree()
  const load = (over: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) => {
    const file = join(folder, 'duepassi.yaml')
    writeFileSync(file, stringify(laidOver(sound, over)))
    return loadConfig({ file, env })
  }
  const configOf = (over: Record<string, unknown>, env?: NodeJS.ProcessEnv) => {
    const loaded = load(over, env)
    assert.ok('config' in loaded, 'faults' in loaded ? printFaults(loaded.faults) : '')
    return loaded.config
  }
  const faultsOf = (over: Record<string, unknown>, env?: NodeJS.ProcessEnv): Fault[] => {
    const loaded = load(over, env)
    return 'faults' in loaded ? loaded.faults : []
  }
  const placesOf = (over: Record<string, unknown>, env?: NodeJS.ProcessEnv) =>
    faultsOf(over, env).map(({ place }) => place)

  describe('by a preset', () => {
    const strict = { preset: 'strict' }
    const chosen = ({ totp, webauthn, policy }: ReturnType<typeof configOf>) => [
      totp.window,
      webauthn.userVerification,
      policy.trustedDevices.kind,
    ]

    it('is the standard one, unless another is named', () => {
      assert.equal(configOf({}).preset, 'standard')
      assert.deepEqual(chosen(configOf({})), [1, 'preferred', 'off'])
      assert.deepEqual(configOf({ preset: 'standard' }), configOf({}))
    })
    it('that is strict fills in what nobody has said, and nothing else', () => {
      const [plain, filled] = [configOf({}), configOf(strict)]
      assert.deepEqual(chosen(filled), [0, 'required', 'bound'])
      assert.deepEqual(filled, {
        ...plain,
        preset: 'strict',
        totp: { ...plain.totp, window: 0 },
        webauthn: { ...plain.webauthn, userVerification: 'required' },
        push: { ...plain.push, digits: 6 },
        policy: {
          ...plain.policy,
          trustedDevices: { ...plain.policy.trustedDevices, kind: 'bound' },
        },
      })
    })
    it('that is strict keeps what was written beside it', () => {
      const { policy, webauthn } = configOf({
        ...strict,
        policy: { secondFactor: 'optional', trustedDevices: { days: 7 }, factors: { totp: 'forbid' } },
        webauthn: { passkeys: false },
      })
      assert.deepEqual(policy.trustedDevices, { kind: 'bound', days: 7 })
      assert.equal(policy.secondFactor, 'optional')
      assert.deepEqual(policy.factors, { totp: 'forbid' })
      assert.deepEqual([webauthn.passkeys, webauthn.userVerification], [false, 'required'])
    })
    it('that is strict may be said to be so once more, or stricter', () => {
      for (const kind of ['off', 'bound'])
        assert.equal(
          configOf({ ...strict, policy: { trustedDevices: { kind } } }).policy.trustedDevices.kind,
          kind,
        )
      const again = { totp: { window: 0 }, webauthn: { userVerification: 'required' } }
      assert.deepEqual(chosen(configOf({ ...strict, ...again })), [0, 'required', 'bound'])
    })

    const contradictions: Array<
      [place: string, over: Record<string, unknown>, variable: string, value: string]
    > = [
      [
        'policy.trustedDevices.kind',
        { policy: { trustedDevices: { kind: 'cookie' } } },
        'DUEPASSI_POLICY__TRUSTED_DEVICES__KIND',
        'cookie',
      ],
      ['totp.window', { totp: { window: 1 } }, 'DUEPASSI_TOTP__WINDOW', '1'],
      [
        'webauthn.userVerification',
        { webauthn: { userVerification: 'preferred' } },
        'DUEPASSI_WEBAUTHN__USER_VERIFICATION',
        'preferred',
      ],
    ]
    for (const [place, over, variable, value] of contradictions)
      it(`that is strict is not contradicted at ${place}, in the file or by the environment`, () => {
        assert.deepEqual(placesOf({ ...strict, ...over }), [place])
        const [fault, ...more] = faultsOf(strict, { [variable]: value })
        assert.deepEqual([fault?.place, fault?.source, more], [place, variable, []])
        assert.match(fault?.message ?? '', /strict preset/)
        assert.match(fault?.fix ?? '', /preset: standard/)
        assert.deepEqual(placesOf(over), [], 'which the standard one is fine with')
      })
    it('that is contradicted has all of its faults at once, and those beside it', () => {
      const all = contradictions.reduce<Record<string, unknown>>(
        (tree, [, over]) => laidOver(tree, over),
        strict,
      )
      assert.deepEqual(
        placesOf(all).toSorted(),
        contradictions.map(([place]) => place),
      )
      assert.deepEqual(
        placesOf({ ...all, listen: { port: 70_000 }, proxy: false }).toSorted(),
        ['listen.port', ...contradictions.map(([place]) => place), 'proxy'].toSorted(),
      )
    })
    it('comes from the environment as well', () => {
      assert.deepEqual(chosen(configOf({}, { DUEPASSI_PRESET: 'strict' })), [0, 'required', 'bound'])
      assert.deepEqual(chosen(configOf(strict, { DUEPASSI_PRESET: 'standard' })), [1, 'preferred', 'off'])
      assert.deepEqual(placesOf({}, { DUEPASSI_PRESET: 'strict', DUEPASSI_TOTP__WINDOW: '1' }), [
        'totp.window',
      ])
    })
    it('that nobody knows is none, and hides no other fault', () => {
      for (const preset of ['Strict', 'stricter', '', true, null])
        assert.deepEqual(placesOf({ preset }), ['preset'], String(preset))
      assert.deepEqual(placesOf({ preset: 'harsh', totp: { window: 2 } }).toSorted(), [
        'preset',
        'totp.window',
      ])
    })
    it('is laid under sections only: what is no section stays a fault of its own', () => {
      for (const [key, value] of [
        ['totp', 0],
        ['webauthn', 'required'],
        ['policy', []],
        ['policy', { trustedDevices: 'bound' }],
      ] as const)
        assert.match(placesOf({ ...strict, [key]: value })[0] ?? '', new RegExp(`^${key}`), key)
    })
  })

  describe('by the age of a second factor', () => {
    const maxAge = (ages: unknown, more: object = {}) => ({ policy: { maxAge: ages, ...more } })
    it('is put on the levels of the ladder', () => {
      const { policy } = configOf(maxAge({ phr: 900, [mfa]: 43_200 }))
      assert.deepEqual(policy.maxAge, { phr: 900, [mfa]: 43_200 })
      assert.deepEqual(
        ladderOf({ policy }).map(({ acr, maxAge: age }) => [acr, age]),
        [
          [sfa, undefined],
          [mfa, 43_200],
          ['phr', 900],
          ['phrh', undefined],
        ],
      )
      assert.deepEqual(ladderOf(configOf({})), ladders.refeds)
      assert.deepEqual(configOf({}).policy.maxAge, {})
    })
    it('is put on the levels of any ladder', () => {
      const spid = 'https://www.spid.gov.it/SpidL2'
      const given = configOf(maxAge({ [spid]: 60 }, { ladder: 'spid' }))
      assert.equal(ladderOf(given)[1]?.maxAge, 60)
      assert.equal(ladders.spid[1]?.maxAge, undefined, 'and not on the published one')
    })
    for (const [what, over, place] of [
      ['a level of another ladder', maxAge({ phr: 60 }, { ladder: 'spid' }), 'policy.maxAge.phr'],
      ['a misspelt level', maxAge({ phr: 60, prh: 60 }), 'policy.maxAge.prh'],
      ['one factor', maxAge({ [sfa]: 60 }), `policy.maxAge.${sfa}`],
      ['what every object has', maxAge({ constructor: 60 }), 'policy.maxAge.constructor'],
      ['no time', maxAge({ phr: 0 }), 'policy.maxAge.phr'],
      ['less than no time', maxAge({ phr: -1 }), 'policy.maxAge.phr'],
      ['a part of a second', maxAge({ phr: 0.5 }), 'policy.maxAge.phr'],
      ['a text', maxAge({ phr: '15m' }), 'policy.maxAge.phr'],
      ['a number for all', maxAge(900), 'policy.maxAge'],
    ] as const)
      it(`is none of ${what}`, () => {
        assert.deepEqual(placesOf(over), [place])
      })
    it('names the levels that may have one, which is not the first', () => {
      const [fault] = faultsOf(maxAge({ prh: 60 }))
      assert.match(fault?.fix ?? '', /mfa, phr, phrh;/)
      assert.doesNotMatch(fault?.fix ?? '', /sfa/)
    })
    it('comes from the environment as well', () => {
      assert.deepEqual(configOf({}, { DUEPASSI_POLICY__MAX_AGE: '{"phr":900}' }).policy.maxAge, { phr: 900 })
    })
  })

  describe('by where a sign-in comes from, and the devices that are trusted', () => {
    it('is none, unless it is named', () => {
      const { policy, places } = configOf({})
      assert.deepEqual(policy.trustedDevices, { kind: 'off', days: 30 })
      assert.deepEqual(policy.context, { reactions: {}, networks: [], failures: 5, kilometresPerHour: 1_000 })
      assert.deepEqual(places, {})
    })
    const context = (over: object) => ({ policy: { context: over } })
    const trusted = (over: unknown) => ({ policy: { trustedDevices: over } })
    const good: Array<[what: string, over: Record<string, unknown>]> = [
      ...(['off', 'cookie', 'bound'] as const).map((kind): [string, Record<string, unknown>] => [
        `devices trusted by ${kind}`,
        trusted({ kind }),
      ]),
      ['one day', trusted({ kind: 'cookie', days: 1 })],
      ['a year', trusted({ kind: 'bound', days: 365 })],
      ...signalNames.flatMap((signal) =>
        reactions.map((reaction): [string, Record<string, unknown>] => [
          `${reaction} for ${signal}`,
          { ...context({ reactions: { [signal]: reaction } }), places: { file: 'places.mmdb' } },
        ]),
      ),
      ['networks', context({ networks: ['203.0.113.0/24', '2001:db8::/32', '192.0.2.1', '::/0'] })],
      ['limits', context({ failures: 1, kilometresPerHour: 100 })],
      ['a database of places', { places: { file: '/usr/share/GeoIP/GeoLite2-City.mmdb' } }],
      ['a group without trusted devices', { policy: { groups: { staff: { trustedDevices: false } } } }],
    ]
    for (const [what, over] of good)
      it(`accepts ${what}`, () => {
        assert.deepEqual(placesOf(over), [])
      })
    const bad: Array<[what: string, over: Record<string, unknown>, place: string]> = [
      ['a kind of trust that nobody knows', trusted({ kind: 'browser' }), 'policy.trustedDevices.kind'],
      ['trust that is true', trusted(true), 'policy.trustedDevices'],
      ['no day', trusted({ days: 0 }), 'policy.trustedDevices.days'],
      ['more than a year', trusted({ days: 366 }), 'policy.trustedDevices.days'],
      ['half a day', trusted({ days: 0.5 }), 'policy.trustedDevices.days'],
      ['a key of trust too many', trusted({ forever: true }), 'policy.trustedDevices.forever'],
      [
        'a country that nobody can know',
        context({ reactions: { 'new-country': 'refuse' } }),
        'policy.context.reactions.new-country',
      ],
      [
        'a signal that nobody knows',
        context({ reactions: { 'new-planet': 'refuse' } }),
        'policy.context.reactions.new-planet',
      ],
      [
        'a reaction that nobody knows',
        context({ reactions: { 'new-device': 'block' } }),
        'policy.context.reactions.new-device',
      ],
      [
        'a text for a network',
        context({ networks: ['192.0.2.0/24', 'office'] }),
        'policy.context.networks[1]',
      ],
      ['a prefix too long', context({ networks: ['192.0.2.0/33'] }), 'policy.context.networks[0]'],
      ['one network that is no list', context({ networks: '192.0.2.0/24' }), 'policy.context.networks'],
      [
        'a text for a network of one’s own',
        { outbound: { networks: ['10.0.0.0/8', 'intranet'] } },
        'outbound.networks[1]',
      ],
      ['no failure', context({ failures: 0 }), 'policy.context.failures'],
      ['more failures than are answered', context({ failures: 101 }), 'policy.context.failures'],
      ['people that do not move', context({ kilometresPerHour: 0 }), 'policy.context.kilometresPerHour'],
      ['people at walking pace', context({ kilometresPerHour: 99 }), 'policy.context.kilometresPerHour'],
      [
        'the speed of light',
        context({ kilometresPerHour: 1_080_000_000 }),
        'policy.context.kilometresPerHour',
      ],
      ['a key of the context too many', context({ block: ['new-device'] }), 'policy.context.block'],
      ['a number for a file of places', { places: { file: 1 } }, 'places.file'],
      ['a key of places too many', { places: { url: 'https://places.example' } }, 'places.url'],
      [
        'trust of a group that is no word of ours',
        { policy: { groups: { staff: { trustedDevices: 'off' } } } },
        'policy.groups.staff.trustedDevices',
      ],
    ]
    for (const [what, over, place] of bad)
      it(`refuses ${what}`, () => {
        assert.deepEqual(placesOf(over), [place])
      })
    it('comes from the environment as well', () => {
      const { policy, places } = configOf(
        {},
        {
          DUEPASSI_POLICY__TRUSTED_DEVICES__KIND: 'bound',
          DUEPASSI_POLICY__TRUSTED_DEVICES__DAYS: '7',
          DUEPASSI_POLICY__CONTEXT__REACTIONS: '{"new-country":"step-up"}',
          DUEPASSI_POLICY__CONTEXT__NETWORKS: '["192.0.2.0/24"]',
          DUEPASSI_POLICY__CONTEXT__FAILURES: '3',
          DUEPASSI_PLACES__FILE: '/places.mmdb',
        },
      )
      assert.deepEqual(policy.trustedDevices, { kind: 'bound', days: 7 })
      assert.deepEqual(policy.context, {
        reactions: { 'new-country': 'step-up' },
        networks: ['192.0.2.0/24'],
        failures: 3,
        kilometresPerHour: 1_000,
      })
      assert.deepEqual(places, { file: '/places.mmdb' })
    })
  })
})
