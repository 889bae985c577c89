import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Verdict } from '../../../src/factors/factor.ts'
import { resynchronise, verifyTokens } from '../../../src/factors/hardware-token/verify.ts'
import { program } from '../../support/machine.ts'
import { credentialOf, ykgenerate, yubicoToken, yubikey } from './samples.ts'

const now = 1_900_000_000_000
const judge = (typed: string, counter = -1, change: Parameters<typeof yubicoToken>[0] = {}) =>
  verifyTokens(typed, [credentialOf(yubicoToken(change), counter)], now)

const accepted = (next: number, expected = -1): Verdict => ({
  verified: true,
  credential: 'c1',
  spend: { expected, next },
  amr: ['otp'],
  assurance: { deviceBound: true },
})
const wrong: Verdict = { verified: false, reason: 'wrong' }
const replayed: Verdict = { verified: false, reason: 'replayed' }

const modhex = 'cbdefghijklnrtuv'
const bytesOf = (typed: string) =>
  Buffer.from([...typed].map((letter) => modhex.indexOf(letter).toString(16)).join(''), 'hex')
const typedOf = (bytes: Buffer) =>
  [...bytes.toString('hex')].map((digit) => modhex[Number.parseInt(digit, 16)]).join('')
const aes = Buffer.from(yubikey.key, 'hex')

/** What a YubiKey with this key would have typed, had its block been changed like this. */
const altered = (block: string, change: (plain: Buffer) => void): string => {
  const decipher = createDecipheriv('aes-128-ecb', aes, null).setAutoPadding(false)
  const plain = Buffer.concat([decipher.update(bytesOf(block)), decipher.final()])
  change(plain)
  const cipher = createCipheriv('aes-128-ecb', aes, null).setAutoPadding(false)
  return typedOf(Buffer.concat([cipher.update(plain), cipher.final()]))
}

describe('a Yubico OTP', () => {
  const block = yubikey.otp.slice(-32)

  before(async function () {
    this.timeout(180_000)
    await program('ykgenerate')
  })

  const typed = async (plugged: string, touched: string) =>
    yubikey.publicId + (await ykgenerate({ plugged, touched }))

  it('is accepted: the example of ykparse(1)', () => {
    assert.deepEqual(judge(yubikey.otp), accepted(yubikey.use))
    assert.deepEqual(judge(yubikey.otp.toUpperCase()), accepted(yubikey.use))
  })

  it('is accepted with a longer public id, or none', () => {
    for (const publicId of [null, 'cc', 'vvincredible', 'cbdefghijklnrtuvcbdefghijklnrtuv'])
      assert.deepEqual(judge(`${publicId ?? ''}${block}`, -1, { publicId }), accepted(yubikey.use))
  })

  it('counts how often the key was plugged in, then how often it was touched', async () => {
    for (const [plugged, touched, use] of [
      ['0000', '00', 0],
      ['0001', '00', 256],
      ['0001', 'ff', 511],
      ['0100', '00', 65_536],
      ['7fff', 'ff', 0x7fffff],
    ] as const) {
      const otp = await typed(plugged, touched)
      assert.deepEqual(judge(otp), accepted(use))
      assert.deepEqual(judge(otp, use - 1), accepted(use, use - 1))
      assert.deepEqual(judge(otp, use), replayed)
      assert.deepEqual(judge(otp, use + 1), replayed)
    }
  })

  it('is never accepted again, nor one before it, in whichever session', async () => {
    const last = 0x0203
    for (const [plugged, touched] of [
      ['0002', '03'],
      ['0002', '02'],
      ['0001', 'ff'],
      ['0000', '01'],
    ] as const)
      assert.deepEqual(judge(await typed(plugged, touched), last), replayed)
    assert.deepEqual(judge(await typed('0002', '04'), last), accepted(0x0204, last))
    assert.deepEqual(judge(await typed('0003', '00'), last), accepted(0x0300, last))
  })

  it('is the same whether or not the keyboard was locked to capitals', async () => {
    assert.deepEqual(judge(await typed('8013', '11'), yubikey.use), replayed)
    assert.deepEqual(judge(await typed('8014', '00'), yubikey.use), accepted(0x1400, yubikey.use))
  })

  it('of another key is wrong: by its public id, private id, or AES key', async () => {
    assert.deepEqual(judge(`cccccccc${block}`), wrong)
    assert.deepEqual(judge(block), wrong)
    assert.deepEqual(judge(`cc${yubikey.otp}`), wrong)
    assert.deepEqual(judge(yubikey.otp, -1, { publicId: null }), wrong)
    for (const privateId of ['8792ebfe26cd', '0792ebfe26cc', '000000000000']) {
      const forged = await ykgenerate({ privateId, plugged: '0020', touched: '00' })
      assert.deepEqual(judge(yubikey.publicId + forged), wrong)
      assert.deepEqual(judge(yubikey.otp, -1, { privateId }), wrong)
    }
    const other = await ykgenerate({ key: `00${yubikey.key.slice(2)}`, plugged: '0020', touched: '00' })
    assert.deepEqual(judge(yubikey.publicId + other), wrong)
  })

  it('is wrong with any bit of its block changed, whatever it decrypts to', () => {
    assert.equal(
      altered(block, () => {}),
      block,
    )
    for (let bit = 0; bit < 128; bit += 1) {
      const flip = (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      assert.deepEqual(judge(yubikey.publicId + altered(block, flip)), wrong, `plain bit ${bit}`)
      const sent = bytesOf(block)
      flip(sent)
      assert.deepEqual(judge(yubikey.publicId + typedOf(sent)), wrong, `sent bit ${bit}`)
    }
  })

  it('is never out of step: there is nothing to bring back', () => {
    const credential = credentialOf(yubicoToken(), -1)
    assert.deepEqual(resynchronise(credential, ['123456', '654321'], now), wrong)
    const both = [yubikey.otp, yubikey.otp] as const
    assert.deepEqual(resynchronise(credential, both, now), { verified: false, reason: 'malformed' })
  })
})
