import { refedsLadder } from '../../src/policy/acr.ts'
import { trustedDevice } from '../../src/policy/amr.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import type { Facts } from '../../src/policy/policy.ts'

export const [sfa, mfa, phr, phrh] = refedsLadder.map(({ acr }) => acr) as [string, string, string, string]

/** Of somebody with an app who typed the password, where two factors are required of everybody. */
export const facts = (change: Partial<Facts> = {}): Facts => ({
  ladder: refedsLadder,
  mode: 'required',
  clientDemands: false,
  minimums: [],
  acrValues: [],
  essentialAcr: undefined,
  fresh: false,
  maxAge: undefined,
  signals: [],
  rules: noRules,
  enrollable: ['webauthn', 'totp'],
  attested: false,
  factors: ['totp'],
  locked: false,
  proven: { acr: sfa, amr: ['pwd'] },
  ...change,
})

/** What a relying party demands at least; who demands it changes no decision. */
export const atLeast = (...acrs: string[]): Facts['minimums'] =>
  acrs.map((acr) => ({ acr, rule: 'client:minimum_acr' }))

/** Password and code. */
export const both = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }

/** Password and a key, and a key that was unlocked; what such a key earns whose maker attests it. */
export const withKey = { acr: phr, amr: ['pwd', 'pop', 'user', 'mfa'] }
export const keyAlone = { acr: phr, amr: ['pop', 'user', 'mfa'] }
export const withHardware = { acr: phrh, amr: ['pwd', 'pop', 'user', 'hwk', 'mfa'] }

/** What a trusted device adds whose key the browser keeps. */
export const deviceKey = ['pop', 'swk', 'mfa']

/** Of somebody whose browser vouches for the app that they proved in it once: by its cookie, and by its key. */
export const byCookie = {
  acr: sfa,
  amr: ['pwd'],
  factors: [trustedDevice],
  age: Number.POSITIVE_INFINITY,
  trust: { factors: ['totp'] },
}
export const byDeviceKey = { ...byCookie, acr: mfa, amr: ['pwd', ...deviceKey] }
