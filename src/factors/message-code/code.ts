import { readDigits } from '../../crypto/digits.ts'

/** NIST SP 800-63B-4 §3.1.3.2: six digits at least. */
export const digits = 6

/** What a person typed or pasted; undefined when it cannot be a code. */
export const readCode = (typed: string): string | undefined => readDigits(typed, digits)
