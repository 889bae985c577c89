/** Strict decoders: Buffer's own stop at the first wrong character and say nothing. All answer undefined for "wrong". */

export const decodeHex = (text: string): Buffer | undefined =>
  /^(?:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, 'hex') : undefined

/** White space is allowed anywhere (XML Schema, base64Binary). */
export function decodeBase64(text: string): Buffer | undefined {
  const packed = text.replace(/\s+/g, '')
  return packed !== '' && packed.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(packed)
    ? Buffer.from(packed, 'base64')
    : undefined
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * RFC 4648 §6, in either case, with or without padding. Bits that are left over are dropped whatever they are: seeds are
 * often random letters of a length that is no whole number of bytes (Microsoft's own example is).
 */
export function decodeBase32(text: string): Buffer | undefined {
  const [, digits = '', padding = ''] = /^([A-Z2-7]+)(=*)$/.exec(text.toUpperCase()) ?? []
  if (digits === '' || [1, 3, 6].includes(digits.length % 8)) return undefined
  if (padding !== '' && (padding.length > 6 || (digits.length + padding.length) % 8 !== 0)) return undefined
  const bytes: number[] = []
  let bits = 0
  let count = 0
  for (const digit of digits) {
    bits = ((bits << 5) | alphabet.indexOf(digit)) & 0xfff
    count += 5
    if (count >= 8) {
      count -= 8
      bytes.push((bits >> count) & 0xff)
    }
  }
  return Buffer.from(bytes)
}

/** The letters that are in the same place on every keyboard, which a YubiKey types. At most 16 bytes. */
export const isModhex = (text: string): boolean => /^(?:[cbdefghijklnrtuv]{2}){1,16}$/.test(text)
