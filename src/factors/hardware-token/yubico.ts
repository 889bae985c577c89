import { createDecipheriv, timingSafeEqual } from 'node:crypto'
import type { YubicoToken } from './credential.ts'
import { type Finding, replayed, wrong } from './finding.ts'

/**
 * Yubico OTP (https://developers.yubico.com/OTP/OTPs_Explained.html): an AES-128 block behind the public id. `counter` is
 * the last use, which only rises: how often the key was plugged in, and how often it was touched since then.
 */
export const judgeYubico = (otp: string, token: YubicoToken, counter: number): Finding => {
  if (otp.slice(0, -typedBlock) !== (token.publicId ?? '')) return wrong
  const block = decrypt(otp.slice(-typedBlock), token)
  const isOwn = timingSafeEqual(block.subarray(0, 6), Buffer.from(token.privateId, 'hex'))
  const isWhole = residueOf(block) === wholeResidue
  if (!isOwn || !isWhole) return wrong
  // The highest bit says whether the keyboard's lock was on when it was touched.
  const plugged = block.readUInt16LE(6) & 0x7fff
  const use = plugged * 256 + block.readUInt8(11)
  return use > counter ? { accepted: true, next: use } : replayed
}

/** Characters in which a YubiKey types 16 bytes. */
const typedBlock = 32

const modhex = 'cbdefghijklnrtuv'

const bytesOf = (typed: string): Buffer =>
  Buffer.from(
    typed.replace(/./g, (letter) => modhex.indexOf(letter).toString(16)),
    'hex',
  )

/** One block needs no mode: ECB is AES itself. */
const decrypt = (typed: string, { key }: YubicoToken): Buffer => {
  const decipher = createDecipheriv('aes-128-ecb', Buffer.from(key, 'base64'), null).setAutoPadding(false)
  return Buffer.concat([decipher.update(bytesOf(typed)), decipher.final()])
}

const wholeResidue = 0xf0b8

/** CRC-16 of ISO 13239 over a block with its own checksum: always the same for one that is whole. */
const residueOf = (block: Buffer): number => {
  let crc = 0xffff
  for (const byte of block) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0x8408 : crc >> 1
  }
  return crc
}
