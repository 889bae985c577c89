import type { RandomBytes } from './random.ts'

/** One draw in fourteen, at the worst, is one too high; this many in a row come from no generator. */
const draws = 20

/**
 * So many digits (1 to 9), each number as likely as any other.
 *
 * @throws Error when the generator is none
 */
export const randomDigits = (random: RandomBytes, count: number): string => {
  const numbers = 10 ** count
  // Up to here every number comes up equally often; of what is above, it would be the low ones.
  const even = Math.floor(2 ** 32 / numbers) * numbers
  for (let draw = 0; draw < draws; draw++) {
    const drawn = random(4).readUInt32BE()
    if (drawn < even) return String(drawn % numbers).padStart(count, '0')
  }
  throw new Error('the source of random bytes gives no random bytes')
}

/** Some digits with all that can be put between them; longer is none. */
const longest = 64

/**
 * What a person typed or pasted: the digits of every script as 0–9, spaces, hyphens and invisible marks taken out;
 * undefined when it is not so many digits.
 */
export const readDigits = (typed: string, count: number): string | undefined => {
  if (typed.length > longest) return undefined
  const plain = typed
    .replace(/[\s\p{Pd}\p{Cf}]+/gu, '')
    .replace(/\p{Nd}/gu, (digit) => String(digitOf(digit)))
  return /^\d+$/.test(plain) && plain.length === count ? plain : undefined
}

/** Unicode has the digits of a script in a row, from 0 to 9 (The Unicode Standard, §4.6). */
const digitOf = (digit: string): number => {
  const at = digit.codePointAt(0) ?? 0
  let before = 0
  while (/\p{Nd}/u.test(String.fromCodePoint(at - before - 1))) before++
  return before % 10
}
