import type { FactorName } from '../factors/factor.ts'
import { methodsOf } from '../factors/webauthn/credential.ts'
import type { PolicySettings } from '../plugin/facts.ts'
import { acrOf, type Ladder, levelProvenBy } from '../policy/acr.ts'
import { amrClaim, trustedDevice } from '../policy/amr.ts'
import type { ProvenFacts } from '../policy/policy.ts'

interface Provable {
  /** None for the password. */
  factor?: FactorName
  /** RFC 8176 names that it earns. */
  amr: readonly string[]
}

const byFactor: Readonly<Record<FactorName, Provable>> = {
  webauthn: { factor: 'webauthn', amr: methodsOf({ attested: false, backupEligible: true }, false) },
  push: { factor: 'push', amr: ['pop', 'mca', 'mfa'] },
  totp: { factor: 'totp', amr: ['otp'] },
  'hardware-token': { factor: 'hardware-token', amr: ['otp'] },
  sms: { factor: 'sms', amr: ['sms'] },
  email: { factor: 'email', amr: [] },
  'recovery-code': { factor: 'recovery-code', amr: ['otp'] },
}

/** What a person may prove: of a key, with PIN, finger or face as well, and one whose maker attests its hardware. */
const earned: Readonly<Record<string, Provable>> = {
  password: { amr: ['pwd'] },
  ...byFactor,
  'webauthn-uv': { factor: 'webauthn', amr: methodsOf({ attested: false, backupEligible: true }, true) },
  'webauthn-hardware': {
    factor: 'webauthn',
    amr: methodsOf({ attested: true, backupEligible: false }, true),
  },
}

export const provable: readonly string[] = Object.keys(earned)

/** None for the password. */
export const factorOf = (name: string): string[] => {
  const factor = earned[name]?.factor
  return factor === undefined ? [] : [factor]
}

/** Passkeys by which somebody may sign in without a password. */
export const aloneProvable: readonly string[] = ['webauthn-uv', 'webauthn-hardware']

/** What a sign-in knows to be proven, at this very moment. */
export const provenBy = (ladder: Ladder, names: readonly string[]): ProvenFacts => {
  const amrOf = (wanted: (name: string) => boolean) =>
    names.filter(wanted).flatMap((name) => earned[name]?.amr ?? [])
  const amr = amrClaim(
    amrOf((name) => name === 'password'),
    amrOf((name) => name !== 'password'),
  )
  const factors = [...new Set(names.flatMap(factorOf))]
  return { acr: acrOf(ladder, levelProvenBy(amr)), amr, factors, age: 0 }
}

/** The password in a trusted browser. Nobody knows when a factor was proven there last: longer ago than any limit. */
export const trustOf = (
  { ladder, trustedDevices }: Pick<PolicySettings, 'ladder' | 'trustedDevices'>,
  trust: { factors: readonly string[] } | undefined,
): ProvenFacts => {
  const amr = trustedDevices.kind === 'bound' ? amrClaim(['pwd'], ['pop', 'swk']) : amrClaim(['pwd'])
  return {
    acr: acrOf(ladder, levelProvenBy(amr)),
    amr,
    factors: [trustedDevice],
    age: Number.POSITIVE_INFINITY,
    ...(trust && { trust: { factors: trust.factors } }),
  }
}
