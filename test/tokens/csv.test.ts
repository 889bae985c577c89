import assert from 'node:assert/strict'
import { readTokenFile } from '../../src/tokens/read.ts'
import type { TokenSeed } from '../../src/tokens/token.ts'
import type { TokenFileErrorReason } from '../../src/tokens/token-file-error.ts'

const now = Date.UTC(2026, 0, 1)
const hex = '3132333435363738393031323334353637383930'
const key = Buffer.from(hex, 'hex').toString('base64')
const base32 = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const totp: TokenSeed = {
  serial: '1001',
  manufacturer: null,
  model: null,
  kind: 'totp',
  algorithm: 'sha1',
  digits: 6,
  period: 30,
  counter: 0,
  key,
  publicId: null,
  privateId: null,
  owner: null,
  notBefore: null,
  notAfter: null,
}
const hotp: TokenSeed = { ...totp, kind: 'hotp', period: null }

const read = (text: string) => readTokenFile(Buffer.from(text), { now })
const refused = (text: string, reason: TokenFileErrorReason, message?: RegExp) =>
  assert.rejects(read(text), { name: 'TokenFileError', reason, ...(message && { message }) })

/** The tokens of a file without faults, and the format that it was taken for. */
const tokensOf = async (text: string) => {
  const { format, rows, faults, protection, signed } = await read(text)
  assert.deepEqual(faults, [])
  assert.deepEqual([protection, signed], ['plain', false])
  return { format, tokens: rows.map(({ token }) => token) }
}

describe('CSV files of tokens', () => {
  it('generic, without a header', async () => {
    const { format, tokens } = await tokensOf(
      [
        `1001,${hex},totp,6,30`,
        `1002,${hex},HOTP,8,17`,
        `1003,${hex},totp,8,60,sha256,anna@example.com`,
        `1004,${hex},hotp`,
      ].join('\n'),
    )
    assert.equal(format, 'csv-generic')
    assert.deepEqual(tokens, [
      totp,
      { ...hotp, serial: '1002', digits: 8, counter: 17 },
      { ...totp, serial: '1003', digits: 8, period: 60, algorithm: 'sha256', owner: 'anna@example.com' },
      { ...hotp, serial: '1004' },
    ])
  })

  it('generic, with a header in any order', async () => {
    const { format, tokens } = await tokensOf(
      `Counter;Owner;Serial Number;Key (hex);Type;Digits;Model;\n7;anna;1001;${hex.toUpperCase()};hotp;8;T-1;\n`,
    )
    assert.equal(format, 'csv-generic')
    assert.deepEqual(tokens, [{ ...hotp, digits: 8, counter: 7, owner: 'anna', model: 'T-1' }])
  })

  it('generic, with the header of the README of privacyIDEA', async () => {
    const { tokens } = await tokensOf(`serial,key(hex),hotp|totp,6|8,counter|period\n1001,${hex},totp,6,60\n`)
    assert.deepEqual(tokens, [{ ...totp, period: 60 }])
  })

  it('with counters and no kind, which are HOTP', async () => {
    assert.deepEqual((await tokensOf(`serial,seed,counter\n1001,${hex},3\n`)).tokens, [
      { ...hotp, counter: 3 },
    ])
  })

  it('two columns', async () => {
    for (const text of [`1001,${hex}\n`, `Serial,Seed\n1001,${hex}\n`, `1001\t${hex}\n`])
      assert.deepEqual(await tokensOf(text), { format: 'csv-two-columns', tokens: [totp] })
  })

  it('Microsoft Entra', async () => {
    const { format, tokens } = await tokensOf(
      [
        'upn,serial number,secret key,time interval,manufacturer,model',
        `Helga@contoso.com,1001,${base32.toLowerCase()},60,Contoso,HardwareKey`,
        // The example of Microsoft's documentation.
        'Helga@contoso.com,1234567,2234567abcdef2234567abcdef,60,Contoso,HardwareKey',
      ].join('\r\n'),
    )
    const contoso = {
      ...totp,
      period: 60,
      manufacturer: 'Contoso',
      model: 'HardwareKey',
      owner: 'Helga@contoso.com',
    }
    assert.equal(format, 'csv-entra')
    assert.deepEqual(tokens, [contoso, { ...contoso, serial: '1234567', key: '1rfO++AIhkLrW+d98ARDIQ==' }])
  })

  it('Microsoft Entra as vendors deliver it, before there are owners', async () => {
    const { format, tokens } = await tokensOf(
      `serial number,secret key,timeinterval,manufacturer,model\n1001,${base32},30,"Deepnet, Ltd.",SafeID\n`,
    )
    assert.equal(format, 'csv-entra')
    assert.deepEqual(tokens, [{ ...totp, manufacturer: 'Deepnet, Ltd.', model: 'SafeID' }])
  })

  it('with a mark in front, CRLF, quotes, spaces, remarks, empty lines and rows', async () => {
    const text = `\uFEFF# from the vendor\r\n\r\n"1001" , "${hex}" ,totp,6,30\r\n,,,,\r\n  \r\n1002,${hex},totp,6,30`
    const { rows, faults } = await read(text)
    assert.deepEqual(faults, [])
    assert.deepEqual(rows, [
      { line: 3, ordinal: 1, token: totp },
      { line: 6, ordinal: 2, token: { ...totp, serial: '1002' } },
    ])
  })

  it('with one bad row among good ones: line and reason', async () => {
    const rowOf = (serial: string, seed = hex, rest = 'totp,6,30') => `${serial},${seed},${rest}`
    const { rows, faults } = await read(
      [
        rowOf('1001'),
        rowOf('1002', `${hex}0`),
        rowOf('1003', 'xyz'),
        rowOf('1004', ''),
        rowOf('1005', hex, 'ocra,6,30'),
        rowOf('1006', hex, 'totp,7,45,md5'),
        rowOf('1007', hex, 'hotp,6,many'),
        rowOf(''),
        rowOf('1001'),
        rowOf('1008', hex.slice(0, 18)),
        rowOf('1009', hex, 'totp,6,30,sha1,anna,and more'),
        rowOf('1010', hex, 'totp,6,30,sha1,anna,,'),
      ].join('\n'),
    )
    assert.deepEqual(
      rows.map(({ line, token }) => [line, token.serial]),
      [
        [1, '1001'],
        [12, '1010'],
      ],
    )
    assert.deepEqual(
      faults.map(({ line, serial, reason, detail }) => [line, serial, reason, detail]),
      [
        [2, '1002', 'key_not_hex', undefined],
        [3, '1003', 'key_not_hex', undefined],
        [4, '1004', 'key_missing', undefined],
        [5, '1005', 'kind_unsupported', 'ocra'],
        [6, '1006', 'algorithm_unsupported', 'md5'],
        [6, '1006', 'digits_unsupported', '7'],
        [6, '1006', 'period_unsupported', '45'],
        [7, '1007', 'counter_invalid', 'many'],
        [8, null, 'serial_missing', undefined],
        [9, '1001', 'serial_doubled', 'as in line 1'],
        [10, '1008', 'key_too_short', undefined],
        [11, '1009', 'columns', undefined],
      ],
    )
  })

  it('whose first row is the bad one', async () => {
    const { format, faults } = await read(`1001,${hex},hopt,6,0\n1002,${hex},hotp,6,0\n`)
    assert.equal(format, 'csv-generic')
    assert.deepEqual(
      faults.map(({ line, reason, detail }) => [line, reason, detail]),
      [[1, 'kind_unsupported', 'hopt']],
    )
    const pairs = await read(`1001,oops\n1002,${hex}\n`)
    assert.deepEqual(pairs.faults, [{ line: 1, ordinal: 1, serial: '1001', reason: 'key_not_hex' }])
  })

  it('that are not base32', async () => {
    const entra = (secret: string) => read(`serial number,secret key\n1001,${secret}\n`)
    for (const wrong of [`${base32}1`, `${base32}A`, `${base32}=`, 'GEZD GNBV', '0189'])
      assert.deepEqual(
        (await entra(wrong)).faults.map(({ reason }) => reason),
        ['key_not_base32'],
      )
    assert.equal((await entra('GEZDGNBVGY3TQOJQGEZDGNBVGY======')).rows.length, 1)
  })

  it('that are none', async () => {
    await refused('', 'no_tokens')
    await refused('\n\n# nothing\n', 'no_tokens')
    await refused('serial,key,type\n', 'no_tokens')
    await refused('Dear all,\nplease find attached\n', 'not_a_token_file')
    await refused('name,mail\nanna,anna@example.com\n', 'not_a_token_file')
    await refused('-----BEGIN PGP MESSAGE-----\n\nhQEMA\n', 'not_a_token_file')
    await refused(`serial,key,pin\n1001,${hex},1234\n`, 'column_unknown', /\(pin\)$/)
    await refused(`serial,key,seed\n1001,${hex},${hex}\n`, 'malformed')
    await refused(`1001,${hex},totp\n1002,"${hex},totp\n`, 'malformed', /line \d/)
    await refused(`1001,${hex}\n1002,${'a'.repeat(100_000)}\n`, 'malformed', /\(line 2\)$/)
    await refused(','.repeat(1_000_000), 'malformed')
    await refused('\n'.repeat(500_001), 'too_large')
  })
})
