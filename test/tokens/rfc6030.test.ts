import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readTokenFile } from '../../src/tokens/read.ts'
import type { TokenSeed } from '../../src/tokens/token.ts'

const figure = (number: number) =>
  readFile(join(import.meta.dirname, `../support/token-files/rfc6030/figure${number}.xml`))

const now = Date.UTC(2006, 4, 15)
const token: TokenSeed = {
  serial: '987654321',
  manufacturer: 'Manufacturer',
  model: null,
  kind: 'hotp',
  algorithm: 'sha1',
  digits: 8,
  period: null,
  counter: 0,
  key: Buffer.from('12345678901234567890').toString('base64'),
  publicId: null,
  privateId: null,
  owner: null,
  notBefore: null,
  notAfter: null,
}
const acme = { ...token, manufacturer: 'TokenVendorAcme' }

describe('the figures of RFC 6030', () => {
  it('2: a key of 4 bytes, of no device', async () => {
    const file = await readTokenFile(await figure(2), { now })
    const place = { line: 5, ordinal: 1, serial: null }
    assert.deepEqual(file, {
      format: 'pskc',
      protection: 'plain',
      signed: false,
      rows: [],
      faults: [
        { ...place, reason: 'serial_missing' },
        { ...place, reason: 'key_too_short' },
      ],
    })
  })

  it('3: supplementary data; the user of the key goes before that of the device', async () => {
    const { rows, faults } = await readTokenFile(await figure(3), { now })
    const owner = 'UID=jsmith,DC=example-bank,DC=net'
    assert.deepEqual(
      { rows, faults },
      { rows: [{ line: 5, ordinal: 1, token: { ...token, owner } }], faults: [] },
    )
  })

  it('4: a key that is derived from another is not in the file', async () => {
    const { rows, faults } = await readTokenFile(await figure(4), { now })
    assert.deepEqual(rows, [])
    assert.deepEqual(faults, [{ line: 5, ordinal: 1, serial: '987654321', reason: 'key_missing' }])
  })

  it('5: a PIN that stays in the token is no token', async () => {
    const { rows, faults } = await readTokenFile(await figure(5), { now })
    assert.deepEqual({ rows, faults }, { rows: [{ line: 5, ordinal: 1, token }], faults: [] })
  })

  it('6: a pre-shared key', async () => {
    const preSharedKey = Buffer.from('12345678901234567890123456789012', 'hex')
    const { rows, faults, protection } = await readTokenFile(await figure(6), { now, preSharedKey })
    assert.equal(protection, 'pre-shared-key')
    assert.deepEqual({ rows, faults }, { rows: [{ line: 20, ordinal: 1, token }], faults: [] })
  })

  it('7: a password', async () => {
    const { rows, faults, protection } = await readTokenFile(await figure(7), { now, password: 'qwerty' })
    assert.equal(protection, 'password')
    assert.deepEqual({ rows, faults }, { rows: [{ line: 40, ordinal: 1, token: acme }], faults: [] })
  })

  it('8: a certificate is refused', async () => {
    const preSharedKey = Buffer.alloc(16)
    await assert.rejects(readTokenFile(await figure(8), { now, preSharedKey }), {
      name: 'TokenFileError',
      reason: 'protection_unsupported',
      message: /\(rsa_1_5\)$/,
    })
  })

  it('9: a signature is reported', async () => {
    const { rows, signed } = await readTokenFile(await figure(9), { now })
    assert.equal(signed, true)
    assert.deepEqual(rows, [{ line: 7, ordinal: 1, token: { ...acme, serial: '0755225266', digits: 6 } }])
  })

  it('10: many; two have expired by the middle of May, and their serial is doubled', async () => {
    const { rows, faults } = await readTokenFile(await figure(10), { now })
    const span = { notBefore: Date.UTC(2006, 4, 1), notAfter: Date.UTC(2006, 4, 31) }
    assert.deepEqual(rows, [
      { line: 4, ordinal: 1, token: { ...acme, ...span, serial: '654321' } },
      { line: 30, ordinal: 2, token: { ...acme, ...span, serial: '123456' } },
    ])
    assert.deepEqual(faults, [
      { line: 56, ordinal: 3, serial: '9999999', reason: 'expired' },
      { line: 82, ordinal: 4, serial: '9999999', reason: 'expired' },
      { line: 82, ordinal: 4, serial: '9999999', reason: 'serial_doubled', detail: 'as in line 56' },
    ])
  })
})
