import assert from 'node:assert/strict'
import { readTokenFile } from '../../src/tokens/read.ts'
import type { TokenSeed } from '../../src/tokens/token.ts'

const now = Date.UTC(2026, 0, 1)
const aes = 'ecde18dbe76fbd0c33330f1c354871db'
const hmac = '3132333435363738393031323334353637383930'
const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64')

const yubico: TokenSeed = {
  serial: 'dlcfffckrcde',
  manufacturer: 'Yubico',
  model: null,
  kind: 'yubico',
  algorithm: 'sha1',
  digits: 6,
  period: null,
  counter: 0,
  key: base64(aes),
  publicId: 'dlcfffckrcde',
  privateId: 'ca62baca62ba',
  owner: null,
  notBefore: null,
  notAfter: null,
}
const hotp: TokenSeed = { ...yubico, kind: 'hotp', key: base64(hmac), publicId: null, privateId: null }

const read = (text: string) => readTokenFile(Buffer.from(text), { now })

describe('CSV files of Yubico', () => {
  it('traditional: a log of the Personalization Tool', async () => {
    const { format, rows, faults } = await read(
      [
        'LOGGING START,11.12.13 16:43',
        `Yubico OTP,11.12.13 16:43,1,dlcfffckrcde,ca62baca62ba,${aes},,,0,0,0,0,0,0,0,0,0,1`,
        'Configuration Swap,11.12.13 16:44,1,,,,,,0,0,0,0,0,0,0,0,0,0',
        `OATH-HOTP,11.12.13 18:55,1,cccccccccccb,,${hmac},,,0,0,0,8,48,0,0,0,0,0`,
      ].join('\n'),
    )
    assert.equal(format, 'csv-yubico-traditional')
    assert.deepEqual(faults, [])
    assert.deepEqual(rows, [
      { line: 2, ordinal: 1, token: yubico },
      { line: 4, ordinal: 2, token: { ...hotp, serial: 'cccccccccccb', digits: 8, counter: 48 } },
    ])
  })

  it('Yubico format: as its key server reads it', async () => {
    const { format, rows, faults } = await read(
      [
        '# ykksm 1',
        `4711,DLCFFFCKRCDE,CA62BACA62BA,${aes},be70aeca62ba,2009-01-22 00:25:11,`,
        `4712,,ca62baca62ba,${aes},be70aeca62ba,2009-01-22 00:25:11,2009-02-13 00:05:40`,
        `508327,,0,${hmac},,2013-12-12T08:41:07,`,
        `508328,,16,${hmac},,2013-12-12T08:41:07,`,
      ].join('\n'),
    )
    assert.equal(format, 'csv-yubico')
    assert.deepEqual(faults, [])
    assert.deepEqual(rows, [
      { line: 2, ordinal: 1, token: { ...yubico, serial: '4711' } },
      { line: 3, ordinal: 2, token: { ...yubico, serial: '4712', publicId: null } },
      { line: 4, ordinal: 3, token: { ...hotp, serial: '508327' } },
      { line: 5, ordinal: 4, token: { ...hotp, serial: '508328', counter: 16 } },
    ])
  })

  it('name what is no one-time password, and what is wrong', async () => {
    const traditional = await read(
      [
        `Yubico OTP,now,1,dlcfffckrcde,ca62baca62ba,${aes}`,
        'Static Password: Scan Code,now,1,051212172c092728,,,,,0',
        `Challenge-Response: HMAC-SHA1,now,2,,,${hmac}`,
        `Yubico OTP,now,1,,,${aes}`,
        `Yubico OTP,now,1,abc,ca62,${hmac}`,
        `Yubico OTP,now,2,dlcfffckrcde,ca62baca62ba,${aes}`,
        'Yubico OTP,now,1,dlcfffckrcdd,ca62baca62ba,?',
      ].join('\n'),
    )
    assert.deepEqual(
      traditional.rows.map(({ line }) => line),
      [1],
    )
    assert.deepEqual(
      traditional.faults.map(({ line, reason }) => [line, reason]),
      [
        [2, 'kind_unsupported'],
        [3, 'kind_unsupported'],
        [3, 'serial_missing'],
        [4, 'serial_missing'],
        [4, 'private_id_invalid'],
        [5, 'key_too_long'],
        [5, 'public_id_invalid'],
        [5, 'private_id_invalid'],
        [6, 'serial_doubled'],
        [7, 'key_not_hex'],
      ],
    )
    const provisioning = await read(`1,,,${aes},,now,\n2,dlcfffckrcde,ca62baca62ba,${aes},,now,\n`)
    assert.deepEqual(
      provisioning.faults.map(({ line, reason, detail }) => [line, reason, detail]),
      [[1, 'kind_unsupported', 'static']],
    )
  })

  it('holding nothing but remarks of the log', async () => {
    await assert.rejects(read('LOGGING START,now\n'), { reason: 'no_tokens' })
  })
})
