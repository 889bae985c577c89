/** What a way of proving rests on (NIST SP 800-63B-4 §2): two of different kinds make two factors. */
type Kind = 'knowledge' | 'possession' | 'inherence'

/**
 * RFC 8176 §2 names that stand for one factor each, and `pop` (EAP ACR Values 1.0). `user` says that somebody was there,
 * not who; `mfa` and `mca` are conclusions and prove nothing by themselves.
 */
const kinds: Readonly<Record<string, Kind>> = {
  pwd: 'knowledge',
  pin: 'knowledge',
  kba: 'knowledge',
  otp: 'possession',
  pop: 'possession',
  hwk: 'possession',
  swk: 'possession',
  sc: 'possession',
  sms: 'possession',
  tel: 'possession',
  face: 'inherence',
  fpt: 'inherence',
  iris: 'inherence',
  retina: 'inherence',
  vbm: 'inherence',
}

const kindsOf = (amr: readonly string[]): Set<Kind> =>
  new Set(amr.flatMap((name) => (Object.hasOwn(kinds, name) ? [kinds[name] as Kind] : [])))

/**
 * A key that was unlocked by PIN, finger or face: two factors in one answer (NIST SP 800-63B-4 §3.1.7). No name says what
 * unlocked it, because nobody tells us, so that is known by `mfa` beside the key and the presence that it was used with (`user`),
 * or the other channel that it came by (`mca`).
 */
const isUnlockedKey = (amr: readonly string[]): boolean =>
  ['pop', 'mfa'].every((name) => amr.includes(name)) && (amr.includes('user') || amr.includes('mca'))

/** What a device earns whose key the browser keeps, by a signature that nobody was asked for. */
export const trustedDevice = 'trusted-device'

/** The names that each factor earns. */
const earnedBy: Readonly<Record<string, readonly string[]>> = {
  [trustedDevice]: ['pop', 'swk', 'mfa'],
  webauthn: ['pop', 'user', 'hwk', 'mfa'],
  // `otp`: its offline code.
  push: ['pop', 'mca', 'mfa', 'otp'],
  totp: ['otp'],
  'hardware-token': ['otp'],
  sms: ['sms'],
  // Whoever reads the mail needs no thing, and often no more than the same password (NIST SP 800-63B-4 §3.1.3.1).
  email: [],
  'recovery-code': ['otp'],
}

/**
 * What is left of the names when some of the factors that earned them count for nothing. Of a factor that is not known
 * here anything may have come but the password.
 */
export const withoutFactors = (
  amr: readonly string[],
  forbidden: readonly string[],
  others: readonly string[],
): string[] => {
  const lost = new Set(
    forbidden.flatMap((factor) => earnedBy[factor] ?? amr.filter((name) => name !== 'pwd')),
  )
  const kept = new Set(others.flatMap((factor) => earnedBy[factor] ?? []))
  return amr.filter((name) => kept.has(name) || !lost.has(name))
}

/** True when the names stand for things of two different kinds; two of one kind never count twice. */
export const provesTwoFactors = (amr: readonly string[]): boolean =>
  kindsOf(amr).size >= 2 || isUnlockedKey(amr)

/**
 * True for a key that was used by somebody who was there: a WebAuthn assertion. What is approved on another device (`mca`)
 * has a key too, and can be asked for by a site in the middle.
 */
export const isPhishingResistant = (amr: readonly string[]): boolean =>
  amr.includes('pop') && amr.includes('user') && !amr.includes('mca')

/** True for such a key whose maker attests that it cannot leave its device. */
export const isProvenHardware = (amr: readonly string[]): boolean =>
  isPhishingResistant(amr) && amr.includes('hwk')

/** True where a device's own key is among what was proven; nothing else here earns this name. */
export const isTrustNamed = (amr: readonly string[]): boolean => amr.includes('swk')

/** Factors that earn no second level: a policy may ask for them, never instead of a second factor. */
export const weakFactors: readonly string[] = ['email']

export const isWeak = (factor: string): boolean => weakFactors.includes(factor)

/** Factors that alone reach a phishing-resistant level. */
export const phishingResistantFactors: readonly string[] = ['webauthn']

/** True when at least one name stands for a factor. */
export const provesAnything = (amr: readonly string[]): boolean => kindsOf(amr).size >= 1

/**
 * Names proven one after the other. What was approved on another device hides no key that was used right here: beside one,
 * `mca` is left out.
 */
export const joinAmr = (...used: ReadonlyArray<readonly string[]>): string[] => {
  const names = used.flat()
  return used.some(isPhishingResistant) ? names.filter((name) => name !== 'mca') : names
}

/** The `amr` claim for what was really used: each name once, `mfa` added exactly when two factors were proven. */
export const amrClaim = (...used: ReadonlyArray<readonly string[]>): string[] => {
  const names = [...new Set(joinAmr(...used).filter((name) => name !== 'mfa'))]
  return used.some(isUnlockedKey) || provesTwoFactors(names) ? [...names, 'mfa'] : names
}
