import assert from 'node:assert/strict'
import type { TokenFaultReason } from '../../src/tokens/fault.ts'
import { readTokenFile } from '../../src/tokens/read.ts'
import {
  container,
  counter,
  keyPackage,
  plain,
  plainFile,
  pskc,
  seed,
  type TestKey,
} from '../support/token-files/pskc.ts'

const now = Date.UTC(2026, 0, 1)
const secret = `<Secret>${plain(seed)}</Secret>`
const totp = `${pskc}:totp`

const read = (...keys: TestKey[]) => readTokenFile(plainFile(...keys), { now })

const tokenOf = async (key: TestKey) => {
  const { rows, faults } = await read(key)
  assert.deepEqual(faults, [])
  return rows[0]?.token ?? assert.fail('no row')
}

const format = (attributes: string) => `<ResponseFormat ${attributes}/>`
const suite = (name: string) => `<Suite>${name}</Suite>${format('Length="6" Encoding="DECIMAL"')}`
const interval = (value: string) => `<TimeInterval><PlainValue>${value}</PlainValue></TimeInterval>`

describe('the keys of a PSKC file', () => {
  it('are HOTP with a counter', async () => {
    const token = await tokenOf({ data: secret + counter('41') })
    assert.deepEqual([token.kind, token.counter, token.period], ['hotp', 41, null])
  })

  it('are TOTP with a period, of which 30 seconds is the default', async () => {
    const periods = ['30', '60'].map((value) => tokenOf({ algorithm: totp, data: secret + interval(value) }))
    assert.deepEqual(
      (await Promise.all(periods)).map(({ period }) => period),
      [30, 60],
    )
    const { kind, period, counter: none } = await tokenOf({ algorithm: totp, data: secret })
    assert.deepEqual([kind, period, none], ['totp', 30, 0])
  })

  it('say their hash in Suite', async () => {
    for (const [name, hash] of [
      ['HMAC-SHA1', 'sha1'],
      ['HMAC-SHA256', 'sha256'],
      ['HMAC-SHA-512', 'sha512'],
      ['TOTP-HMAC-SHA256', 'sha256'],
      ['SHA512', 'sha512'],
    ])
      assert.equal((await tokenOf({ parameters: suite(name ?? '') })).algorithm, hash)
  })

  it('have codes of 6 or 8 digits, of which 6 is the default', async () => {
    const digits = ['Length="6"', 'Length="8" Encoding="DECIMAL" CheckDigits="false"', 'Encoding="DECIMAL"']
    const read = await Promise.all(digits.map((attributes) => tokenOf({ parameters: format(attributes) })))
    assert.deepEqual(
      read.map((token) => token.digits),
      [6, 8, 6],
    )
  })

  it('are of a device, and of a person', async () => {
    const device =
      '<Manufacturer>Smith &amp; S&#xF6;hne</Manufacturer><Model>T-1</Model><UserId>anna</UserId>'
    const token = await tokenOf({ device })
    assert.deepEqual([token.manufacturer, token.model, token.owner], ['Smith & Söhne', 'T-1', 'anna'])
    assert.equal((await tokenOf({ device, more: '<UserId>ben</UserId>' })).owner, 'ben')
  })

  it('hold from the later of two dates to the earlier', async () => {
    const device = '<StartDate>2025-01-01T00:00:00Z</StartDate><ExpiryDate>2030-01-01T00:00:00Z</ExpiryDate>'
    const policy =
      '<StartDate>2025-06-01T02:00:00+02:00</StartDate><ExpiryDate>2029-12-31T23:59:59.5</ExpiryDate><KeyUsage>OTP</KeyUsage>'
    const { notBefore, notAfter } = await tokenOf({ device, policy })
    assert.equal(notBefore, Date.UTC(2025, 5, 1))
    assert.equal(notAfter, Date.UTC(2029, 11, 31, 23, 59, 59, 500))
  })

  it('expire at their time, not a millisecond before', async () => {
    const expiring = plainFile({ policy: '<ExpiryDate>2026-01-01T00:00:00Z</ExpiryDate>' })
    const faultsAt = async (moment: number) =>
      (await readTokenFile(expiring, { now: moment })).faults.map(({ reason }) => reason)
    assert.deepEqual(await faultsAt(now - 1), [])
    assert.deepEqual(await faultsAt(now), ['expired'])
  })

  it('are taken in the spelling of the drafts', async () => {
    assert.equal((await tokenOf({ algorithm: `${pskc}#totp` })).kind, 'totp')
  })

  it('may be those of a YubiKey', async () => {
    const token = await tokenOf({
      algorithm: 'http://www.yubico.com/#yubikey-aes',
      parameters: format('Encoding="ALPHANUMERIC" Length="44"'),
      data: `<Secret>${plain(seed.subarray(0, 16))}</Secret>`,
      more: '<UserId>CN=ekhgjhbctrgn, UID=ca62baca62ba</UserId>',
    })
    assert.equal(token.kind, 'yubico')
    assert.deepEqual([token.publicId, token.privateId], ['ekhgjhbctrgn', 'ca62baca62ba'])
    assert.equal(token.owner, null)
  })

  const long = plain(Buffer.alloc(65, 1))
  const faulty: readonly [what: string, key: TestKey, ...faults: [TokenFaultReason, ...string[]][]][] = [
    ['no serial', { serial: null }, ['serial_missing']],
    ['a long serial', { serial: '1'.repeat(65) }, ['serial_too_long']],
    ['a serial that a spreadsheet wrote', { serial: '1.00013E+12' }, ['serial_invalid', '1.00013E+12']],
    ['OCRA', { algorithm: `${pskc}:ocra` }, ['kind_unsupported', 'ocra']],
    ['a PIN that no policy names', { algorithm: `${pskc}:pin` }, ['kind_unsupported', 'pin']],
    ['an algorithm of elsewhere', { algorithm: 'http://example.com/#totp' }, ['kind_unsupported']],
    ['a hash of MD5', { parameters: suite('HMAC-MD5') }, ['algorithm_unsupported', 'HMAC-MD5']],
    ['7 digits', { parameters: format('Length="7" Encoding="DECIMAL"') }, ['digits_unsupported', '7']],
    [
      'hexadecimal codes',
      { parameters: format('Length="6" Encoding="HEXADECIMAL"') },
      ['digits_unsupported', 'HEXADECIMAL'],
    ],
    [
      'check digits',
      { parameters: format('Length="6" CheckDigits="true"') },
      ['digits_unsupported', 'CheckDigits'],
    ],
    ['a period of 45 s', { algorithm: totp, data: secret + interval('45') }, ['period_unsupported', '45']],
    ['a counter of -1', { data: secret + counter('-1') }, ['counter_invalid', '-1']],
    ['a counter of 16 digits', { data: secret + counter('1234567890123456') }, ['counter_invalid']],
    ['no secret', { data: counter('0') }, ['key_missing']],
    ['an empty secret', { secret: '<PlainValue/>' }, ['key_missing']],
    ['base64 that is none', { secret: '<PlainValue>MTIz*DU2</PlainValue>' }, ['key_not_base64']],
    ['9 bytes', { secret: plain(seed.subarray(0, 9)) }, ['key_too_short']],
    ['65 bytes', { secret: long }, ['key_too_long']],
    ['two secrets', { data: secret + secret }, ['structure_invalid']],
    ['two serials', { device: '<SerialNo>1002</SerialNo>' }, ['structure_invalid'], ['serial_missing']],
    ['use for signatures', { policy: '<KeyUsage>Integrity</KeyUsage>' }, ['policy_unsupported', 'KeyUsage']],
    [
      'a number of uses',
      { policy: '<NumberOfTransactions>9</NumberOfTransactions>' },
      ['policy_unsupported'],
    ],
    [
      'a PIN typed before the code',
      { policy: '<PINPolicy PINUsageMode="Prepend"/>' },
      ['policy_unsupported', 'PINPolicy'],
    ],
    ['a rule nobody knows', { policy: '<Moon Phase="full"/>' }, ['policy_unsupported', 'Moon']],
    ['a date in words', { policy: '<ExpiryDate>never</ExpiryDate>' }, ['date_invalid']],
    ['a 13th month', { policy: '<StartDate>2026-13-01T00:00:00Z</StartDate>' }, ['date_invalid']],
    ['a long name', { device: `<Model>${'x'.repeat(257)}</Model>` }, ['text_invalid']],
    ['a line break in a name', { device: '<Model>a&#10;b</Model>' }, ['text_invalid']],
    [
      'two faults',
      { serial: null, parameters: format('Length="7"') },
      ['serial_missing'],
      ['digits_unsupported', '7'],
    ],
  ]
  for (const [what, key, ...expected] of faulty)
    it(`are faults, and the others rows: ${what}`, async () => {
      const { rows, faults } = await read({ serial: 'before' }, key, { serial: 'after' })
      assert.deepEqual(
        rows.map(({ token }) => token.serial),
        ['before', 'after'],
      )
      assert.deepEqual(
        faults.map(({ reason, detail }) => (detail === undefined ? [reason] : [reason, detail])).sort(),
        expected.map(([reason, detail]) => (detail === undefined ? [reason] : [reason, detail])).sort(),
      )
      assert.ok(faults.every(({ line, ordinal }) => line === 12 && ordinal === 2))
    })

  it('accept 10 and 64 bytes', async () => {
    for (const length of [10, 64])
      assert.equal(
        (await tokenOf({ secret: plain(Buffer.alloc(length, 7)) })).key,
        Buffer.alloc(length, 7).toString('base64'),
      )
  })

  it('have serials of their own, whatever the case', async () => {
    const { rows, faults } = await read({ serial: 'ab1' }, { serial: 'c' }, { serial: 'AB1' })
    assert.deepEqual(
      rows.map(({ token }) => token.serial),
      ['ab1', 'c'],
    )
    assert.deepEqual(faults, [
      { line: 20, ordinal: 3, serial: 'AB1', reason: 'serial_doubled', detail: 'as in line 4' },
    ])
  })

  it('are read through any prefix, and past extensions', async () => {
    const text = container([keyPackage({ more: '<Extensions><x>1</x></Extensions>' })]).toString()
    const prefixed = text
      .replaceAll(/<(\/?)([A-Z])/g, '<$1p:$2')
      .replace('xmlns=', 'xmlns:p=')
      .replaceAll('\n', '\r\n')
    const { rows } = await readTokenFile(Buffer.from(`\uFEFF${prefixed}`), { now })
    assert.deepEqual(
      rows.map(({ line, token }) => [line, token.serial]),
      [[4, '1001']],
    )
  })
})
