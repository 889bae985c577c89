/** What a way of proving rests on (NIST SP 800-63B-4 §2): two of different kinds make two factors. */
type Kind = 'knowledge' | 'possession' | 'inherence'

/** RFC 8176 §2 names that stand for one factor each; `mfa` and `mca` are conclusions and prove nothing here. */
const kinds: Readonly<Record<string, Kind>> = {
  pwd: 'knowledge',
  pin: 'knowledge',
  kba: 'knowledge',
  otp: 'possession',
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

/** True when the names stand for things of two different kinds; two of one kind never count twice. */
export const provesTwoFactors = (amr: readonly string[]): boolean => kindsOf(amr).size >= 2

/** True when at least one name stands for a factor. */
export const provesAnything = (amr: readonly string[]): boolean => kindsOf(amr).size >= 1

/** The `amr` claim for what was really used: each name once, `mfa` added exactly when two factors were proven. */
export const amrClaim = (...used: ReadonlyArray<readonly string[]>): string[] => {
  const names = new Set(used.flat().filter((name) => name !== 'mfa'))
  return provesTwoFactors([...names]) ? [...names, 'mfa'] : [...names]
}
