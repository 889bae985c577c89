import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { program } from '../support/machine.ts'
import { container, keyPackage, protect, pskc } from '../support/token-files/pskc.ts'
import { hexKey, openTokens, type TokenTerminal } from './tokens-on-file.ts'

const password = 'correct horse'
const seeds = ['31323334353637383930313233343536373839a0', `${'0f'.repeat(19)}ee`, 'a5'.repeat(32)]

describe('duepassi tokens import', () => {
  let terminal: TokenTerminal
  beforeEach(async () => {
    terminal = await openTokens()
  })
  afterEach(() => terminal.close())

  const importing = (file: string, ...more: string[]) => terminal.tokens('import', file, ...more)
  const eventsOfImports = (): string[] => {
    const database = new DatabaseSync(join(terminal.folder, 'duepassi.db'), { readOnly: true })
    const rows = database.prepare("select * from audit_event where type = 'token.imported'").all()
    database.close()
    return rows.map((row) => `${row.account_id} ${row.factor} ${row.reason}`)
  }

  describe("of a file that Debian's csv2pskc encrypted with a password", function () {
    this.timeout(240_000)
    let csv2pskc: string
    before(async () => {
      csv2pskc = await program('csv2pskc')
    })

    const encrypted = async (): Promise<string> => {
      const rows = seeds.map(
        (seed, index) => `100${index},${seed},${index * 7},6,${index === 1 ? '"UID=anna,DC=example"' : ''}`,
      )
      const csv = terminal.write(
        't.csv',
        `serial,secret,counter,response_length,key_userid\n${rows.join('\n')}\n`,
      )
      const file = join(terminal.folder, 'tokens.xml')
      await promisify(execFile)(csv2pskc, [csv, '-o', file, '-p', password, '-x', `algorithm=${pskc}:hotp`])
      assert.ok(!readFileSync(file, 'utf8').includes(password))
      return file
    }

    it('imports it, assigns it to its owners, lists it, and shows no seed and no password', async () => {
      const file = await encrypted()
      const imported = await terminal.run(['tokens', 'import', file, '--password-stdin'], {
        stdin: `${password}\n`,
      })
      assert.equal(imported.status, 0, imported.stderr)
      assert.equal(
        imported.stdout,
        [
          'tokens.xml: PSKC (RFC 6030), the keys encrypted with a password.',
          '3 tokens: 3 HOTP. 1 with an owner.',
          'The MAC protects the keys alone: serial numbers, counters and owners could have been changed.',
          'Distinguished names are read by UID, or CN: UID=anna,DC=example is anna.',
          '3 tokens imported, 1 of them assigned.',
          '',
        ].join('\n'),
      )
      const listed = await terminal.tokens('list')
      assert.equal(
        listed.stdout,
        [
          '1000  HOTP, unknown model, assigned to nobody, not active',
          '1001  HOTP, unknown model, assigned to anna, not active',
          '1002  HOTP, unknown model, assigned to nobody, not active',
          '',
        ].join('\n'),
      )
      const assigned = await terminal.tokens('assign', '1002', 'bruno')
      assert.equal(assigned.status, 0, assigned.stderr)
      const stored = await terminal.within((directory) => directory.tokenBySerial('1002'))
      const { key, counter } = JSON.parse(stored?.seed ?? '{}')
      assert.deepEqual([Buffer.from(key, 'base64').toString('hex'), counter], [seeds[2], 14])
      assert.equal(stored?.accountId, 'bruno-1')
      assert.deepEqual(eventsOfImports(), ['null hardware-token pskc'])
      assert.deepEqual(await terminal.audit('anna-1'), ['token.assigned hardware-token import'])
      terminal.assertSecret(
        [imported, listed, assigned],
        Buffer.from(password),
        ...seeds.map((seed) => Buffer.from(seed, 'hex')),
      )
    })

    it('asks for the password at the terminal, and does not show it', async () => {
      const file = await encrypted()
      const asked = await terminal.run(['tokens', 'import', file, '--dry-run'], { typed: [password] })
      assert.equal(asked.status, 0, asked.stderr)
      assert.match(asked.stderr, /Password of the file: /)
      terminal.assertSecret([asked], Buffer.from(password))
      const left = await terminal.run(['tokens', 'import', file], { typed: [] })
      assert.equal(left.status, 1)
      assert.match(left.stderr, /No password was given/)
      assert.deepEqual(await terminal.serials(), [])
    })

    it('refuses a wrong password, none, and an empty one', async () => {
      const file = await encrypted()
      for (const [argv, input, said] of [
        [['--password-stdin'], { stdin: 'Wrong horse\n' }, /does not open this file/],
        [[], { typed: ['Wrong horse'] }, /does not open this file/],
        [[], {}, /encrypted with a password.*--password-stdin/],
        [['--password-stdin'], { stdin: '\n' }, /no password on standard input/],
      ] as const) {
        const { status, stdout, stderr } = await terminal.run(['tokens', 'import', file, ...argv], {
          ...input,
        } as never)
        assert.equal(status, 1)
        assert.equal(stdout, '')
        assert.match(stderr, said)
        assert.doesNotMatch(stderr, /Wrong horse|at /)
      }
      assert.deepEqual(await terminal.serials(), [])
    })
  })

  it('takes a pre-shared key from a file, as bytes or in hexadecimal, and no other', async () => {
    const protection = protect({ bits: 256, keyName: 'vendor' })
    const file = terminal.write(
      'key.xml',
      container(
        [keyPackage({ secret: protection.seal(Buffer.from(seeds[0] ?? '', 'hex')) })],
        protection.head,
      ),
    )
    assert.match((await importing(file)).stderr, /encrypted with a pre-shared key.*--key-file/)
    const wrong = terminal.write('wrong', Buffer.alloc(32, 1))
    assert.match((await importing(file, '--key-file', wrong)).stderr, /does not open this file/)
    const short = terminal.write('short', 'abcd')
    assert.match((await importing(file, '--key-file', short)).stderr, /does not hold a key/)
    assert.match(
      (await importing(file, '--key-file', join(terminal.folder, 'none'))).stderr,
      /cannot be read/,
    )
    const bytes = terminal.write('bytes', protection.key)
    assert.match((await importing(file, '--key-file', bytes, '--key-name', 'other')).stderr, /another name/)
    assert.match((await importing(file, '--key-file', bytes, '--password-stdin')).stderr, /one of them/)
    const dry = await importing(file, '--key-file', bytes, '--key-name', 'vendor', '--dry-run')
    assert.equal(dry.status, 0, dry.stderr)
    const hex = terminal.write('hex', `${protection.key.toString('hex')}\n`)
    const imported = await importing(file, '--key-file', hex)
    assert.equal(imported.status, 0, imported.stderr)
    assert.match(imported.stdout, /encrypted with a pre-shared key/)
    terminal.assertSecret([dry, imported], protection.key, Buffer.from(seeds[0] ?? '', 'hex'))
  })

  it('says that a signature was not checked, and that plain keys are everybody’s', async () => {
    const signed = container([keyPackage(), '<ds:Signature/>'])
    const { status, stdout, stderr } = await importing(terminal.write('signed.xml', signed), '--dry-run')
    assert.equal(status, 0, stderr)
    assert.match(stdout, /signature, which was not checked/)
    assert.match(stdout, /Nothing in the file is protected/)
  })

  it('changes nothing where one row is bad, and names it', async () => {
    await terminal.stock(`Old1,${hexKey(9)},totp,`)
    const file = terminal.write(
      'bad.csv',
      [
        'serial,key,type,owner',
        `A1,${hexKey(1)},totp,anna`,
        `A2,${hexKey(2).slice(1)}x,totp,`,
        `A3,${hexKey(3)},totp,`,
        `oLD1,${hexKey(4)},hotp,`,
        `A5,${hexKey(1)},hotp,`,
        `A6,${hexKey(9)},hotp,`,
        `A7,${hexKey(7)},hotp,carla`,
        '',
      ].join('\n'),
    )
    const run = await importing(file)
    assert.equal(run.status, 1)
    assert.match(
      run.stdout,
      /^bad\.csv: CSV, the keys in the clear\.\n6 tokens: 4 HOTP, 2 TOTP\. 2 with an owner\. 1 row cannot be used\.\n/,
    )
    assert.doesNotMatch(run.stdout, /tokens imported/)
    assert.equal(
      run.stderr,
      [
        'Line 3, serial A2: the key is not hexadecimal.',
        'Line 5, serial oLD1: there is a token with this serial number already (as Old1).',
        'Line 6, serial A5: the key is in the file more than once: two tokens would show the same codes (as in line 2).',
        'Line 7, serial A6: there is a token with this key already (serial Old1).',
        'Line 8, serial A7: there is no account for the owner (carla).',
        'Nothing was imported: 5 rows of the file cannot be. Correct the file, or take them out of it.',
        '',
      ].join('\n'),
    )
    assert.deepEqual(await terminal.serials(), ['Old1'])
    assert.deepEqual(await terminal.audit('anna-1'), [])
    assert.deepEqual(eventsOfImports(), ['null hardware-token csv-generic'])
    const dry = await importing(file, '--dry-run')
    assert.deepEqual([dry.status, dry.stderr], [1, run.stderr])
    terminal.assertSecret([run, dry], ...[1, 2, 3, 4, 7, 9].map((byte) => Buffer.alloc(20, byte)))
  })

  it('writes nothing in a dry run', async () => {
    const file = terminal.write('t.csv', `serial,key,type,owner\nA1,${hexKey(1)},totp,bruno@example.org\n`)
    const dry = await importing(file, '--dry-run')
    assert.equal(dry.status, 0, dry.stderr)
    assert.match(dry.stdout, /\n1 token would be imported, 1 of them assigned\. .*nothing was written\.\n$/)
    assert.deepEqual(await terminal.serials(), [])
    assert.deepEqual(eventsOfImports(), [])
    assert.match((await importing(file)).stdout, /\n1 token imported, 1 of them assigned\.\n$/)
    assert.deepEqual(await terminal.audit('bruno-1'), ['token.assigned hardware-token import'])
  })

  it('takes no serial number that somebody uses, though its token is gone', async () => {
    await terminal.stock(`A1,${hexKey(1)},totp,`)
    await terminal.activate('anna-1', 'A1')
    await terminal.within((directory) => directory.removeTokens(['A1']))
    const { status, stderr } = await importing(join(terminal.folder, 'stock.csv'))
    assert.equal(status, 1)
    assert.match(stderr, /^Line 2, serial A1: there is a token with this serial number already/)
  })

  it('answers as JSON, with faults or without', async () => {
    const good = terminal.write('t.csv', `serial,key,type,owner\nA1,${hexKey(1)},totp,Anna\n`)
    const parsed = JSON.parse((await importing(good, '--json', '--dry-run')).stdout)
    const token = {
      line: 2,
      serial: 'A1',
      kind: 'totp',
      manufacturer: null,
      model: null,
      owner: 'Anna',
      account: 'anna',
    }
    const head = { format: 'csv-generic', protection: 'plain', signed: false, signatureChecked: false }
    assert.deepEqual(parsed, { ...head, tokens: [token], faults: [], imported: 0 })
    assert.equal(JSON.parse((await importing(good, '--json')).stdout).imported, 1)
    const again = await importing(good, '--json')
    assert.equal(again.status, 1)
    const { faults, imported } = JSON.parse(again.stdout)
    assert.equal(imported, 0)
    const text = 'Line 2, serial A1: there is a token with this serial number already.'
    assert.deepEqual(faults, [{ line: 2, serial: 'A1', reason: 'serial_taken', text }])
    assert.match(again.stderr, /^Nothing was imported: 1 row /)
  })

  it('imports one of two imports of the same tokens whole, and tells the other', async () => {
    const rows = Array.from({ length: 20 }, (_, index) => `S${index},${hexKey(index + 1)},totp,`)
    const file = terminal.write('t.csv', `serial,key,type,owner\n${rows.join('\n')}\n`)
    const runs = await Promise.all([1, 2, 3].map(() => importing(file)))
    assert.deepEqual(runs.map(({ status }) => status).sort(), [0, 1, 1])
    for (const { status, stderr } of runs)
      if (status === 1) {
        assert.equal(stderr.match(/there is a token with this serial number already\.$/gm)?.length, 20)
        assert.match(stderr, /Nothing was imported: 20 rows/)
      }
    assert.equal((await terminal.serials()).length, 20)
    assert.equal(eventsOfImports().length, 1)
  })

  it('imports 3,000 tokens at once', async function () {
    this.timeout(120_000)
    const key = (index: number) => Buffer.alloc(20, `${index} of many`).toString('hex')
    const rows = Array.from({ length: 3_000 }, (_, index) => `S${index},${key(index)},totp,`)
    const text = `serial,key,type,owner\n${rows.join('\n')}\n`
    const file = terminal.write('many.csv', text)
    const imported = await importing(file)
    assert.equal(imported.status, 0, imported.stderr)
    assert.match(imported.stdout, /\n3000 tokens imported\.\n$/)
    assert.equal((await terminal.serials()).length, 3_000)
    const one = terminal.write('one.csv', text.replace('S2999', 'T2999'))
    const { status, stderr } = await importing(one)
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^Line 3001, serial T2999: there is a token with this key already \(serial S2999\)\.$/m,
    )
    assert.equal((await terminal.serials()).length, 3_000)
  })

  it('says what is wrong with a file that is none', async () => {
    const missing = await importing(join(terminal.folder, 'none.csv'))
    assert.deepEqual([missing.status, missing.stdout], [1, ''])
    assert.match(missing.stderr, /^The file "[^"]+none\.csv" cannot be read \(ENOENT\)\.\n$/)
    assert.match((await importing(terminal.folder)).stderr, /cannot be read \(EISDIR\)/)
    assert.match((await importing(terminal.write('x', 'hello'))).stderr, /neither PSKC nor a known kind/)
    const large = terminal.write('large', Buffer.alloc(17 * 1024 * 1024, 'a'))
    assert.match((await importing(large)).stderr, /larger than 16 MiB/)
  })

  it('takes no password as an argument, and says where tokens are not offered', async () => {
    const file = terminal.write('t.csv', `serial,key,type,owner\nA1,${hexKey(1)},totp,\n`)
    assert.equal((await importing(file, '--password', password)).status, 1)
    assert.equal((await importing(file)).stderr, '')
    terminal.close()
    terminal = await openTokens({ tokens: { enabled: false } })
    const { status, stderr } = await importing(terminal.write('t.csv', `A1,${hexKey(1)},totp\n`))
    assert.equal(status, 0, stderr)
    assert.match(stderr, /nobody can use them until `tokens\.enabled` is true/)
  })
})
