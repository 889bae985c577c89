import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Fault, printFaults } from '../../src/config/fault.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { freshKey, freshSigningKey, soundTree } from './sample.ts'

describe('loading the configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-config-'))
  const file = join(folder, 'duepassi.yaml')
  after(() => rmSync(folder, { recursive: true }))

  const load = (text: string, env: NodeJS.ProcessEnv = {}) => {
    writeFileSync(file, text)
    return loadConfig({ file, env })
  }
  const configOf = (loaded: ReturnType<typeof loadConfig>): Config => {
    assert.ok('config' in loaded, 'faults' in loaded ? printFaults(loaded.faults) : '')
    return loaded.config
  }
  const faultsOf = (loaded: ReturnType<typeof loadConfig>): Fault[] => {
    assert.ok('faults' in loaded, 'expected faults')
    return loaded.faults
  }
  const at = (faults: Fault[], place: string): Fault => {
    const found = faults.filter((fault) => fault.place === place)
    assert.equal(found.length, 1, `one fault at ${place}, not ${found.length}, in ${JSON.stringify(faults)}`)
    return found[0] as Fault
  }
  const secret = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }

  it('reads YAML and fills in the defaults', () => {
    const config = configOf(load(stringify({ ...soundTree(), policy: { secondFactor: 'off' } })))
    assert.equal(config.policy.secondFactor, 'off')
    assert.equal(config.listen.port, 3000)
    assert.equal(config.metrics.port, null)
  })

  it('reads JSON', () => {
    assert.equal(configOf(load(JSON.stringify(soundTree()))).issuer, 'https://id.example.org')
  })

  it('takes the file from DUEPASSI_CONFIG, and --config before it', () => {
    const other = secret('other.yaml', stringify({ ...soundTree(), issuer: 'https://other.example.org' }))
    assert.equal(
      configOf(loadConfig({ env: { DUEPASSI_CONFIG: other } })).issuer,
      'https://other.example.org',
    )
    writeFileSync(file, stringify(soundTree()))
    assert.equal(
      configOf(loadConfig({ file, env: { DUEPASSI_CONFIG: other } })).issuer,
      'https://id.example.org',
    )
  })

  it('works from the environment alone', () => {
    const { keys } = soundTree()
    const config = configOf(
      loadConfig({
        env: {
          DUEPASSI_ISSUER: 'https://env.example.org',
          DUEPASSI_PROXY: 'true',
          DUEPASSI_DATABASE__URL: 'postgres://u:p@db/x',
          DUEPASSI_REDIS__CLUSTER: '[{"host":"a","port":7000}]',
          DUEPASSI_POLICY__SECOND_FACTOR: 'optional',
          DUEPASSI_METRICS__PORT: '9464',
          DUEPASSI_KEYS__SIGNING: JSON.stringify(keys.signing),
          // One entry of a list needs no brackets.
          DUEPASSI_KEYS__COOKIES: keys.cookies[0],
          DUEPASSI_KEYS__SEALING: JSON.stringify(keys.sealing[0]),
        },
      }),
    )
    assert.equal(config.issuer, 'https://env.example.org')
    assert.equal(config.proxy, true)
    assert.equal(config.policy.secondFactor, 'optional')
    assert.equal(config.metrics.port, 9464)
    assert.deepEqual(config.redis?.cluster, [{ host: 'a', port: 7000 }])
    assert.deepEqual(config.keys.cookies, keys.cookies)
    assert.deepEqual(config.keys.sealing, keys.sealing)
  })

  it('lets the environment win over the file, and a key over its section', () => {
    const config = configOf(
      load(stringify({ ...soundTree(), brand: { name: 'File' }, log: { level: 'warn' } }), {
        DUEPASSI_BRAND__NAME: 'Ambiente',
        DUEPASSI_LISTEN: '{"host":"0.0.0.0","port":1}',
        DUEPASSI_LISTEN__PORT: '8080',
      }),
    )
    assert.equal(config.brand.name, 'Ambiente')
    assert.equal(config.log.level, 'warn')
    assert.deepEqual(config.listen, { host: '0.0.0.0', port: 8080 })
  })

  it('matches camelCase keys with or without the underscore, and treats an empty variable as absent', () => {
    const config = configOf(
      load(stringify(soundTree()), {
        DUEPASSI_PASSWORDS__MINLENGTH: '12',
        DUEPASSI_PASSWORDS__MAX_LENGTH: '64',
        DUEPASSI_REDIS__URL: '',
        UNRELATED: 'x',
      }),
    )
    assert.equal(config.passwords.minLength, 12)
    assert.equal(config.passwords.maxLength, 64)
    assert.equal(config.redis, undefined)
  })

  it('keeps a text that looks like a number a text', () => {
    const tree = { ...soundTree(), redis: { cluster: [{ host: 'a', port: 1 }] } }
    assert.equal(
      configOf(load(stringify(tree), { DUEPASSI_REDIS__PASSWORD: '0123' })).redis?.password,
      '0123',
    )
  })

  it('reads <NAME>_FILE, without the final line end', () => {
    const config = configOf(
      load(stringify(soundTree()), {
        DUEPASSI_REDIS__URL_FILE: secret('redis', 'redis://:geheim@r:6379\n'),
        DUEPASSI_STORE__FILE: 'elsewhere.db',
      }),
    )
    assert.equal(config.redis?.url, 'redis://:geheim@r:6379')
    assert.equal(config.store.file, 'elsewhere.db')
  })

  it('accepts the output of `keys generate` as the keys section', () => {
    const { keys, ...rest } = soundTree()
    const config = configOf(
      load(stringify(rest), { DUEPASSI_KEYS_FILE: secret('keys.yaml', stringify({ keys })) }),
    )
    assert.deepEqual(config.keys.cookies, keys.cookies)
  })

  it('lays a section from a variable beside what the file says of its other keys', () => {
    const { keys, ...rest } = soundTree()
    const file = stringify({ ...rest, keys: { rotation: { everyDays: 7 }, cookies: [freshKey()] } })
    const config = configOf(load(file, { DUEPASSI_KEYS_FILE: secret('keys.yaml', stringify({ keys })) }))
    assert.equal(config.keys.rotation.everyDays, 7)
    assert.deepEqual(config.keys.cookies, keys.cookies)
  })

  it('reports everything at once: unknown, missing and weak, with line or variable and a fix', () => {
    const faults = faultsOf(
      load(
        [
          'mod: demo', // 1
          'listen:', // 2
          '  hots: 127.0.0.1', // 3
          '  port: many', // 4
          'keys:', // 5
          '  signing:', // 6
          `    - ${JSON.stringify(freshSigningKey())}`, // 7
          '  cookies:', // 8
          `    - ${freshKey()}`, // 9
          '    - c2hvcnQ=', // 10
          'lifetimes: { session: 60 }', // 11
        ].join('\n'),
        { DUEPASSI_ISUER: 'https://x', DUEPASSI_PASSWORDS__MIN_LENGTH: '4', DUEPASSI_LOG__LEVEL: 'loud' },
      ),
    )
    const places = faults.map(({ place, source }) => place || source).sort()
    assert.deepEqual(places, [
      'DUEPASSI_ISUER',
      'issuer',
      'keys.cookies[1]',
      'keys.sealing',
      'lifetimes.sessionIdle',
      'listen.hots',
      'listen.port',
      'log.level',
      'mod',
      'passwords.minLength',
      'proxy',
    ])
    assert.match(faults.find(({ source }) => source === 'DUEPASSI_ISUER')?.fix ?? '', /DUEPASSI_ISSUER/)
    assert.deepEqual(at(faults, 'mod'), {
      place: 'mod',
      source: `${file}:1`,
      message: 'is not a key.',
      fix: 'Did you mean `mode`?',
    })
    assert.match(at(faults, 'listen.hots').fix, /`host`/)
    assert.equal(at(faults, 'listen.port').source, `${file}:4`)
    assert.match(at(faults, 'issuer').message, /missing/)
    assert.match(at(faults, 'issuer').fix, /DUEPASSI_ISSUER/)
    assert.equal(at(faults, 'keys.cookies[1]').source, `${file}:10`)
    assert.match(at(faults, 'keys.cookies[1]').message, /32 random bytes/)
    assert.match(at(faults, 'keys.sealing').fix, /keys generate/)
    assert.equal(at(faults, 'passwords.minLength').source, 'DUEPASSI_PASSWORDS__MIN_LENGTH')
    assert.match(at(faults, 'log.level').message, /`info`/)
    for (const fault of faults) assert.ok(fault.fix.length > 5 && fault.source, JSON.stringify(fault))
  })

  it('never repeats a value', () => {
    const faults = faultsOf(
      load(
        'keys:\n  cookies: [hunter2-hunter2]\n  sealing: [{ id: hunter2hunter2hunter2, key: hunter2 }]\nredis: { url: "http://hunter2" }\n',
        {
          DUEPASSI_DATABASE__URL: 'mysql://hunter2',
          DUEPASSI_KEYS__SIGNING: '{"hunter2',
          DUEPASSI_LISTEN__PORT: 'hunter2',
        },
      ),
    )
    assert.doesNotMatch(printFaults(faults), /hunter2/)
  })

  it('names the line of broken YAML, without quoting it', () => {
    const faults = faultsOf(load('issuer: https://x.example\nkeys: "hunter2\n'))
    assert.match(faults[0]?.source ?? '', /duepassi\.yaml:[23]$/)
    assert.doesNotMatch(printFaults(faults), /hunter2/)
    assert.match(faultsOf(load('a: 1\na: 2\n'))[0]?.message ?? '', /duplicate key/)
    assert.equal(faultsOf(load('- a\n')).length, 1)
  })

  it('says so when the named file is missing', () => {
    const [fault, ...more] = faultsOf(loadConfig({ file: join(folder, 'absent.yaml'), env: {} }))
    assert.match(fault?.message ?? '', /ENOENT/)
    assert.match(fault?.fix ?? '', /--config/)
    assert.deepEqual(more, [])
  })

  it('refuses a secret file that is empty, unreadable, or beside its own variable', () => {
    const sound = stringify(soundTree())
    assert.match(
      faultsOf(load(sound, { DUEPASSI_REDIS__URL_FILE: secret('none', '') }))[0]?.message ?? '',
      /empty/,
    )
    assert.match(
      faultsOf(load(sound, { DUEPASSI_REDIS__URL_FILE: '/nonexistent' }))[0]?.message ?? '',
      /ENOENT/,
    )
    const both = { DUEPASSI_BRAND__NAME: 'x', DUEPASSI_BRAND__NAME_FILE: secret('name', 'y') }
    assert.match(faultsOf(load(sound, both))[0]?.message ?? '', /DUEPASSI_BRAND__NAME as well/)
  })
})
