/**
 * What really happened, as whoever walks through the world knows it, and how much it is worth by the words of the
 * standards (NIST SP 800-63B-4 §2, OpenID EAP ACR Values 1.0). Knows nothing of `src/policy/`: it is what that is held to.
 */

/** 0: one factor, 1: two, 2: phishing-resistant, 3: in hardware. */
export type Worth = number

export type FactorKind = 'totp' | 'recovery-code' | 'webauthn'

export type Happening =
  | { kind: 'password'; at: number }
  /** `by`: the credential that proved it; absent where a host says so without naming one. */
  | { kind: 'totp' | 'recovery-code'; at: number; by?: string }
  /** `verified`: it checked who used it; `hardware`: its maker attested that its key cannot leave it. */
  | { kind: 'webauthn'; at: number; by?: string; verified: boolean; hardware: boolean }
  /** A browser that is not asked again; `signed`: it proved it by its key, and not by its cookie alone. */
  | { kind: 'device'; at: number; device: string; signed: boolean }

export const isFactor = (one: Happening): one is Extract<Happening, { by?: string }> =>
  one.kind !== 'password' && one.kind !== 'device'

/** Of each kind the latest. */
export const latestOfEach = (happened: readonly Happening[]): Happening[] =>
  happened.filter((one, index) => !happened.slice(index + 1).some(({ kind }) => kind === one.kind))

export const worthOf = (happened: readonly Happening[]): Worth => {
  const keys = happened.filter((one) => one.kind === 'webauthn')
  const possesses = happened.some((one) => isFactor(one) || (one.kind === 'device' && one.signed))
  const areTwo =
    (happened.some(({ kind }) => kind === 'password') && possesses) || keys.some(({ verified }) => verified)
  if (!areTwo) return 0
  if (keys.length === 0) return 1
  return keys.some(({ hardware }) => hardware) ? 3 : 2
}

const namesOfOne = (one: Happening): string[] => {
  switch (one.kind) {
    case 'password':
      return ['pwd']
    case 'totp':
    case 'recovery-code':
      return ['otp']
    case 'webauthn':
      return ['pop', 'user', ...(one.hardware ? ['hwk'] : [])]
    case 'device':
      return one.signed ? ['pop', 'swk'] : []
  }
}

/** RFC 8176 names that were earned; `mfa` where there were two factors. */
export const namesOf = (happened: readonly Happening[]): Set<string> =>
  new Set([...happened.flatMap(namesOfOne), ...(worthOf(happened) >= 1 ? ['mfa'] : [])])
