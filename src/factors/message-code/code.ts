import type { RandomBytes } from '../../crypto/random.ts'

/** NIST SP 800-63B-4 §3.1.3.2: six digits at least. */
const codes = 1_000_000
/** Up to here every code comes up equally often; of what is above, it would be the low ones. */
const even = Math.floor(2 ** 32 / codes) * codes
/** One in four thousand draws is above; this many in a row come from no generator. */
const draws = 20

/**
 * Six digits, each code as likely as any other.
 *
 * @throws Error when the generator is none
 */
export const newCode = (random: RandomBytes): string => {
  for (let draw = 0; draw < draws; draw++) {
    const drawn = random(4).readUInt32BE()
    if (drawn < even) return String(drawn % codes).padStart(6, '0')
  }
  throw new Error('the source of random bytes gives no random bytes')
}

/** Six digits with all that can be put between them; longer is no code. */
const longest = 64

/**
 * What a person typed or pasted: the digits of every script as 0–9, spaces, hyphens and invisible marks taken out;
 * undefined when it cannot be a code.
 */
export const readCode = (typed: string): string | undefined => {
  if (typed.length > longest) return undefined
  const plain = typed
    .replace(/[\s\p{Pd}\p{Cf}]+/gu, '')
    .replace(/\p{Nd}/gu, (digit) => String(digitOf(digit)))
  return /^\d{6}$/.test(plain) ? plain : undefined
}

/** Unicode has the digits of a script in a row, from 0 to 9 (The Unicode Standard, §4.6). */
const digitOf = (digit: string): number => {
  const at = digit.codePointAt(0) ?? 0
  let before = 0
  while (/\p{Nd}/u.test(String.fromCodePoint(at - before - 1))) before++
  return before % 10
}
