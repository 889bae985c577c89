import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readTokenFile } from '../../src/tokens/read.ts'
import type { ReadOptions } from '../../src/tokens/read-options.ts'
import { program, temporaryFolder } from '../support/machine.ts'
import { container, keyPackage, plain, protect, pskc, seed } from '../support/token-files/pskc.ts'

const run = promisify(execFile)
const now = Date.UTC(2026, 0, 1)

const tokens = [
  { serial: '1001', secret: '3132333435363738393031323334353637383930', counter: '5', length: '6' },
  { serial: '1002', secret: `${'00'.repeat(9)}ff`, counter: '0', length: '8' },
  { serial: '1003', secret: 'a5'.repeat(64), counter: '999999999', length: '6' },
]
const expected = tokens.map(({ serial, secret, counter, length }) => ({
  serial,
  secret,
  counter: Number(counter),
  digits: Number(length),
}))

const seedsOf = async (file: string, options: Omit<ReadOptions, 'now'>) => {
  const { rows, faults } = await readTokenFile(await readFile(file), { now, ...options })
  assert.deepEqual(faults, [])
  return rows.map(({ token: { serial, key, counter, digits } }) => ({
    serial,
    secret: Buffer.from(key, 'base64').toString('hex'),
    counter,
    digits,
  }))
}

describe("Debian's tools for PSKC", function () {
  this.timeout(240_000)
  let folder: string
  let csv: string
  let csv2pskc: string
  let pskc2csv: string
  let pskctool: string

  before(async () => {
    csv2pskc = await program('csv2pskc')
    pskc2csv = await program('pskc2csv')
    pskctool = await program('pskctool')
    folder = await temporaryFolder()
    csv = join(folder, 'tokens.csv')
    const lines = tokens.map(({ serial, secret, counter, length }) =>
      [serial, secret, counter, length].join(),
    )
    await writeFile(csv, `serial,secret,counter,response_length\n${lines.join('\n')}\n`)
  })

  const write = async (name: string, ...options: string[]) => {
    const file = join(folder, name)
    await run(csv2pskc, [csv, '-o', file, '-x', `algorithm=${pskc}:hotp`, ...options])
    return file
  }

  it('csv2pskc: plain, and pskctool reads the same', async () => {
    const file = await write('plain.xml')
    assert.deepEqual(await seedsOf(file, {}), expected)
    // It warns of the Id that csv2pskc leaves out, and goes on.
    const { stdout } = await run(pskctool, ['--info', '--verbose', file])
    const read = (label: string) =>
      [...stdout.matchAll(new RegExp(`${label}: (\\S+)`, 'g'))].map(([, value]) => value)
    assert.deepEqual(
      read('SerialNo'),
      expected.map(({ serial }) => serial),
    )
    assert.deepEqual(
      read('Key Counter'),
      tokens.map(({ counter }) => counter),
    )
  })

  it('csv2pskc: with a password', async () => {
    const file = await write('password.xml', '-p', 'correct horse')
    assert.deepEqual(await seedsOf(file, { password: 'correct horse' }), expected)
    await assert.rejects(seedsOf(file, { password: 'Correct horse' }), { reason: 'wrong_secret' })
    await assert.rejects(seedsOf(file, {}), { reason: 'password_needed' })
  })

  it('csv2pskc: with a pre-shared key', async () => {
    const key = '12345678901234567890123456789012'
    const file = await write('key.xml', '-s', key)
    assert.deepEqual(await seedsOf(file, { preSharedKey: Buffer.from(key, 'hex') }), expected)
  })

  it('python-pskc: every cipher, MAC and derivation that is known here', async () => {
    const python = /^#!\s*(\S+)/.exec(await readFile(csv2pskc, 'utf8'))?.[1] ?? assert.fail('no interpreter')
    const script = `
import sys, json, pskc
for n, (cipher, mac, prf) in enumerate(json.loads(sys.argv[2])):
    file = pskc.PSKC()
    file.add_key(serial='1', secret=b'12345678901234567890123456789012', response_length=6, time_interval=60,
                 algorithm='${pskc}:totp', algorithm_suite='HMAC-SHA256', manufacturer='S\\u00f6hne & Co')
    file.mac.algorithm = mac
    file.encryption.setup_pbkdf2('pw', algorithm=cipher, prf=prf, iterations=1000)
    file.write('%s/matrix-%d.xml' % (sys.argv[1], n))
`
    const ciphers = ['aes128-cbc', 'aes192-cbc', 'aes256-cbc', 'kw-aes128', 'kw-aes192', 'kw-aes256']
    const hashes = ['hmac-sha1', 'hmac-sha256', 'hmac-sha512']
    const matrix = ciphers.flatMap((cipher, row) =>
      hashes.map((mac, column) => [cipher, mac, [null, ...hashes][(row + column) % 4]]),
    )
    await run(python, ['-c', script, folder, JSON.stringify(matrix)])
    for (const [index, entry] of matrix.entries()) {
      const bytes = await readFile(join(folder, `matrix-${index}.xml`))
      const { rows, faults } = await readTokenFile(bytes, { now, password: 'pw' })
      assert.deepEqual(faults, [], entry.join())
      const { key, kind, period, algorithm, manufacturer } = rows[0]?.token ?? assert.fail()
      assert.equal(Buffer.from(key, 'base64').toString(), '12345678901234567890123456789012')
      assert.deepEqual([kind, period, algorithm, manufacturer], ['totp', 60, 'sha256', 'Söhne & Co'])
    }
  })

  it('pskc2csv reads what our tests write', async () => {
    const protection = protect({ bits: 256, hash: 'sha256' })
    const packages = [seed, Buffer.alloc(32, 9)].map((secret, index) =>
      keyPackage({ serial: String(index), secret: protection.seal(secret) }),
    )
    const file = join(folder, 'ours.xml')
    await writeFile(file, container(packages, protection.head))
    const { stdout } = await run(pskc2csv, [
      file,
      '-c',
      'serial,secret',
      '-s',
      protection.key.toString('hex'),
    ])
    const lines = stdout.trim().split(/\r?\n/).slice(1)
    assert.deepEqual(lines, [`0,${seed.toString('hex')}`, `1,${'09'.repeat(32)}`])
    const read = await seedsOf(file, { preSharedKey: protection.key })
    assert.deepEqual(
      read.map(({ serial, secret }) => `${serial},${secret}`),
      lines,
    )
  })

  it('pskctool finds that our tests keep to the schema', async () => {
    const file = join(folder, 'schema.xml')
    await writeFile(file, container([keyPackage({ secret: plain(seed) })]))
    const { stdout } = await run(pskctool, ['--validate', file])
    assert.equal(stdout.trim(), 'OK')
  })
})
