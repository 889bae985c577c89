/** The npm surface of the plugin, and nothing else. */
export type { Limits } from './attempts/lockout.ts'
export type { Notice } from './challenge/challenge.ts'
export { type Clock, systemClock } from './clock.ts'
export { createSealer, type Sealer } from './crypto/sealing.ts'
export type {
  Credential,
  Device,
  SecondFactorDirectory,
  Sighting,
  Standing,
  Trust,
} from './directory/directory.ts'
export { DuepassiError, type ErrorCode } from './errors.ts'
export type { Factor } from './factors/factor.ts'
export { recoveryCodes } from './factors/recovery-code/recovery-code.ts'
export { totp } from './factors/totp/totp.ts'
export { readMetadata } from './factors/webauthn/metadata.ts'
export { type WebAuthnOptions, webauthn } from './factors/webauthn/webauthn.ts'
export {
  authenticatorApp,
  embeddedStore,
  openDirectory,
  type PushAppOptions,
  push,
  redisStore,
} from './openers.ts'
export { createHasher, type Hasher } from './passwords/hashing.ts'
export { type SecondFactor, secondFactor } from './plugin/second-factor.ts'
export type { SecondFactorOptions } from './plugin/second-factor-options.ts'
export { eidasLadder, type Ladder, type Level, refedsLadder, spidLadder } from './policy/acr.ts'
export type { FactorRule, FactorRuleSet, FactorRules } from './policy/factor-rules.ts'
export type { AccessToken } from './resource-server/access-token.ts'
export {
  type RequireAuthentication,
  type RequireAuthenticationOptions,
  requireAuthentication,
} from './resource-server/require-authentication.ts'
export type { Store } from './stores/store.ts'
