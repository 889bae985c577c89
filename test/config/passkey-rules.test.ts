import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { printFaults } from '../../src/config/fault.ts'
import { loadConfig } from '../../src/config/load.ts'
import { laidOver, soundTree } from './sample.ts'

const yubikey = 'ee882879-721c-4913-9775-3dfcce97072a'
const models = { authenticators: [yubikey], metadata: 'mds.jwt' }
const onIp = { issuer: 'https://192.0.2.7' }
const demoOnIp = { mode: 'demo', issuer: 'http://127.0.0.1:3000' }
const factors = (set: Record<string, unknown>) => ({ policy: { factors: set } })
const group = (set: Record<string, unknown>, own = {}) => ({
  policy: { factors: own, groups: { staff: { factors: set } } },
})

/** What is laid over a sound configuration, and where the one fault must be. */
const cases: [what: string, over: Record<string, unknown>, place: string | null, message?: RegExp][] = [
  ['no RP ID', { webauthn: {} }, null],
  ['the issuer’s host as RP ID', { webauthn: { rpId: 'id.example.org' } }, null],
  ['a domain above it', { webauthn: { rpId: 'example.org' } }, null],
  ['a sibling', { webauthn: { rpId: 'www.example.org' } }, 'webauthn.rpId', /id\.example\.org/],
  ['a domain below it', { webauthn: { rpId: 'a.id.example.org' } }, 'webauthn.rpId', /above/],
  ['a host that only ends alike', { webauthn: { rpId: 'ample.org' } }, 'webauthn.rpId', /above/],
  ['another domain', { webauthn: { rpId: 'example.com' } }, 'webauthn.rpId', /above/],
  ['a domain without a dot above it', { webauthn: { rpId: 'org' } }, 'webauthn.rpId', /above/],
  [
    'a host without a dot as RP ID',
    { mode: 'demo', issuer: 'http://localhost:3000', webauthn: { rpId: 'localhost' } },
    null,
  ],
  [
    'a domain without a dot above a host of the demo',
    { mode: 'demo', issuer: 'http://id.localhost:3000', webauthn: { rpId: 'localhost' } },
    'webauthn.rpId',
    /above/,
  ],
  ['an RP ID that begins with a dot', { webauthn: { rpId: '.example.org' } }, 'webauthn.rpId', /above/],
  ['an empty RP ID', { webauthn: { rpId: '' } }, 'webauthn.rpId'],
  ['an RP ID in capitals', { webauthn: { rpId: 'Example.org' } }, 'webauthn.rpId', /lower case/],
  ['an origin as RP ID', { webauthn: { rpId: 'https://example.org' } }, 'webauthn.rpId', /host name/],
  ['an RP ID with a port', { webauthn: { rpId: 'id.example.org:443' } }, 'webauthn.rpId', /host name/],
  [
    'an RP ID of another host in the demo',
    { mode: 'demo', issuer: 'http://localhost:3000', webauthn: { rpId: 'example.org' } },
    'webauthn.rpId',
    /localhost/,
  ],

  ['an IPv4 address as issuer', onIp, 'issuer', /IP address/],
  ['an IPv6 address as issuer', { issuer: 'https://[2001:db8::7]' }, 'issuer', /IP address/],
  ['an IP address where keys are forbidden', { ...onIp, ...factors({ webauthn: 'forbid' }) }, null],
  [
    'an IP address where keys are merely allowed',
    { ...onIp, ...factors({ webauthn: 'allow' }) },
    'issuer',
    /IP address/,
  ],
  ['an IP address in the demo', demoOnIp, null],

  ['models with their metadata', { webauthn: models }, null],
  ['models without metadata', { webauthn: { authenticators: [yubikey] } }, 'webauthn.metadata', /is missing/],
  ['metadata without models', { webauthn: { metadata: 'mds.jwt' } }, 'webauthn.metadata', /no effect/],
  ['no model at all', { webauthn: { ...models, authenticators: [] } }, 'webauthn.authenticators'],
  [
    'a model that is none',
    { webauthn: { ...models, authenticators: ['YubiKey 5'] } },
    'webauthn.authenticators[0]',
  ],

  [
    'related origins',
    { webauthn: { relatedOrigins: ['https://example.com', 'https://a.example:8443'] } },
    null,
  ],
  [
    'a related origin with a path',
    { webauthn: { relatedOrigins: ['https://example.com/login'] } },
    'webauthn.relatedOrigins[0]',
    /origin/,
  ],
  [
    'a related origin with a final slash',
    { webauthn: { relatedOrigins: ['https://a.example', 'https://b.example/'] } },
    'webauthn.relatedOrigins[1]',
    /without a path/,
  ],
  ['a host for an origin', { webauthn: { relatedOrigins: ['example.com'] } }, 'webauthn.relatedOrigins[0]'],
  [
    'an origin in capitals',
    { webauthn: { topOrigins: ['https://Example.com'] } },
    'webauthn.topOrigins[0]',
    /origin/,
  ],
  [
    'an origin with its default port',
    { webauthn: { topOrigins: ['https://a.example:443'] } },
    'webauthn.topOrigins[0]',
  ],
  ['an origin with a user', { webauthn: { topOrigins: ['https://u@a.example'] } }, 'webauthn.topOrigins[0]'],
  ['an opaque origin', { webauthn: { topOrigins: ['null'] } }, 'webauthn.topOrigins[0]'],

  ['no algorithm', { webauthn: { algorithms: [] } }, 'webauthn.algorithms'],
  [
    'an unknown algorithm',
    { webauthn: { algorithms: ['ES256', 'none'] } },
    'webauthn.algorithms[1]',
    /ES256/,
  ],
  ['ML-DSA on request', { webauthn: { algorithms: ['ML-DSA-44', 'ES256'] } }, null],
  ['user verification required', { webauthn: { userVerification: 'required' } }, null],
  [
    'user verification discouraged',
    { webauthn: { userVerification: 'discouraged' } },
    'webauthn.userVerification',
  ],
  ['passkeys that are not so', { webauthn: { passkeys: 'no' } }, 'webauthn.passkeys'],
  ['an unknown key', { webauthn: { rpid: 'example.org' } }, 'webauthn.rpid', /not a key/],

  ['a required factor', factors({ webauthn: 'require', 'recovery-code': 'forbid' }), null],
  ['a factor that does not exist', factors({ pigeon: 'allow' }), 'policy.factors.pigeon'],
  ['a rule that does not exist', factors({ totp: 'never' }), 'policy.factors.totp', /`require`/],
  [
    'every factor forbidden',
    factors({ webauthn: 'forbid', totp: 'forbid' }),
    'policy.factors',
    /every factor/,
  ],
  [
    'recovery codes required, which nobody sets up',
    factors({ 'recovery-code': 'require' }),
    'policy.factors',
    /`recovery-code`, which nobody can set up/,
  ],
  [
    'recovery codes required beside a factor',
    factors({ 'recovery-code': 'require', totp: 'require' }),
    'policy.factors',
    /nobody can set up/,
  ],
  [
    'recovery codes required of a group',
    group({ 'recovery-code': 'require' }),
    'policy.groups.staff',
    /nobody can set up/,
  ],
  ['rules of a group', group({ webauthn: 'require' }), null],
  ['a group without rules', { policy: { groups: { staff: {} } } }, null],
  [
    'what everybody must have forbidden to a group',
    group({ totp: 'forbid' }, { totp: 'require' }),
    'policy.groups.staff',
    /requires and forbids `totp`/,
  ],
  [
    'what is forbidden to everybody required of a group',
    group({ webauthn: 'require' }, { webauthn: 'forbid' }),
    'policy.groups.staff',
    /requires and forbids `webauthn`/,
  ],
  [
    'the rest forbidden to a group',
    group({ totp: 'forbid' }, { webauthn: 'forbid' }),
    'policy.groups.staff',
    /every factor/,
  ],
  ['a rule of a group that does not exist', group({ totp: 'no' }), 'policy.groups.staff.factors.totp'],
  [
    'a key of a group that does not exist',
    { policy: { groups: { staff: { factor: {} } } } },
    'policy.groups.staff.factor',
  ],
]

describe('rules for passkeys and factors in the configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-passkey-rules-'))
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

  it('refuses a group name that `account groups` would not take either', () => {
    for (const name of ['', 'two words', 'a/b', 'é', 'x'.repeat(41)]) {
      const loaded = load({ policy: { groups: { [name]: { factors: { totp: 'allow' } } } } })
      assert.ok('faults' in loaded, `accepted: ${name}`)
      assert.ok(loaded.faults.every(({ place }) => place.startsWith('policy.groups')))
    }
    for (const name of ['staff', 'IT-1', 'a.b_c', 'x'.repeat(40)])
      assert.deepEqual(Object.keys(configOf(load({ policy: { groups: { [name]: {} } } })).policy.groups), [
        name,
      ])
  })
  it('names everything at once', () => {
    const loaded = load({
      webauthn: { rpId: 'example.com', metadata: 'mds.jwt' },
      policy: { factors: { webauthn: 'forbid', totp: 'forbid' } },
    })
    assert.deepEqual('faults' in loaded && loaded.faults.map(({ place }) => place).sort(), [
      'policy.factors',
      'webauthn.metadata',
      'webauthn.rpId',
    ])
  })
  it('fills in the defaults', () => {
    const { policy, webauthn } = configOf(load({}))
    assert.deepEqual([policy.factors, policy.groups], [{}, {}])
    assert.deepEqual(webauthn, {
      relatedOrigins: [],
      topOrigins: [],
      algorithms: ['ES256', 'EdDSA', 'RS256'],
      userVerification: 'preferred',
      passkeys: true,
    })
  })
  it('takes AAGUIDs in any case, and keeps them in one', () => {
    const { webauthn } = configOf(load({ webauthn: { ...models, authenticators: [yubikey.toUpperCase()] } }))
    assert.deepEqual(webauthn.authenticators, [yubikey])
  })
  it('takes all of it from the environment', () => {
    const { webauthn, policy } = configOf(
      load(
        {},
        {
          DUEPASSI_WEBAUTHN__RP_ID: 'example.org',
          DUEPASSI_WEBAUTHN__RELATED_ORIGINS: 'https://example.com',
          DUEPASSI_WEBAUTHN__USER_VERIFICATION: 'required',
          DUEPASSI_WEBAUTHN__PASSKEYS: 'false',
          DUEPASSI_POLICY__FACTORS: '{"webauthn":"require","recovery-code":"forbid"}',
          DUEPASSI_POLICY__GROUPS: '{"staff":{"factors":{"totp":"require"}}}',
        },
      ),
    )
    assert.deepEqual(webauthn.relatedOrigins, ['https://example.com'])
    assert.deepEqual(
      [webauthn.rpId, webauthn.userVerification, webauthn.passkeys],
      ['example.org', 'required', false],
    )
    assert.deepEqual(policy.factors, { webauthn: 'require', 'recovery-code': 'forbid' })
    assert.deepEqual(policy.groups, { staff: { factors: { totp: 'require' } } })
  })
})
