import type { RandomBytes } from '../../crypto/random.ts'

/** Crockford's base32: no I, L, O, U, so that nobody misreads a printed code. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** 13 characters of 5 bits: 65 bits (NIST SP 800-63B-4 §4.2.1.1 asks for 64), grouped as printed. */
export const newCode = (random: RandomBytes): string => {
  const characters = [...random(13)].map((byte) => alphabet[byte & 31]).join('')
  return `${characters.slice(0, 4)}-${characters.slice(4, 9)}-${characters.slice(9)}`
}

/** What a person typed as the characters that were issued; undefined when it cannot be a code. */
export const readCode = (typed: string): string | undefined => {
  const plain = typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}]+/gu, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
  return /^[0-9A-HJKMNP-TV-Z]{13}$/.test(plain) ? plain : undefined
}
