/**
 * A phone with the authenticator app, in software: the device key in WebCrypto, its authenticator in
 * soft-authenticator.ts. It does as the app does, or, by the knobs of a call, wrong in one way.
 */
import { createHash, webcrypto } from 'node:crypto'
import { CompactSign, calculateJwkThumbprint, type JWK } from 'jose'
import { generateSync } from 'otplib'
import {
  createSoftAuthenticator,
  type SoftAuthenticator,
  type SoftAuthenticatorSettings,
  type Tamper,
} from './soft-authenticator.ts'

export interface SoftPhoneSettings {
  issuer: string
  /** Of the app's pages; default: that of the issuer. */
  origin?: string
  /** Default: its host name. */
  rpId?: string
  /** Milliseconds since the Unix epoch. */
  now?: () => number
  label?: string
  platform?: string
  language?: string
  authenticator?: Partial<SoftAuthenticatorSettings>
}

/** What of a signature is different. */
export interface Signed {
  header?: Record<string, unknown>
  payload?: Record<string, unknown>
  /** Whose key signs, under this phone's name. */
  signer?: SoftPhone
}

/** A request as the device API answers it; more members do no harm. */
export interface SoftRequest {
  id: string
  nonce: string
  shown: string
}

export interface Decide extends Signed {
  decision?: 'approve' | 'deny' | 'report'
  /** As it is typed. */
  num?: string
  /** The user was verified by PIN, finger or face; false: only there. */
  userVerified?: boolean
  /** In place of the one that is made for this decision; null: none. */
  assertion?: unknown
  /** Of the page that asks the authenticator. */
  origin?: string
  tamper?: Tamper
}

export interface Invited {
  /** Scanned or typed. */
  token: string
  /** PublicKeyCredentialCreationOptionsJSON. */
  options: unknown
  address?: unknown
}

export interface Enrol extends Signed {
  userVerified?: boolean
  origin?: string
  tamper?: Tamper
}

export interface SoftPhone {
  readonly jwk: JWK
  readonly thumbprint: string
  readonly privateKey: webcrypto.CryptoKey
  readonly authenticator: SoftAuthenticator
  /** The body of `POST devices`. */
  enrol(invited: Invited, knobs?: Enrol): Promise<Record<string, unknown>>
  /** The value of `Authorization` for a call; `url`: absolute, a query is left out. */
  call(method: string, url: string, knobs?: Signed): Promise<string>
  /** The answer to a request: JSON text `{jws, assertion?}`. */
  decide(request: SoftRequest, knobs?: Decide): Promise<string>
  /** The code that the app shows without network. `secret`: base32. */
  offlineCode(secret: string, at?: number): string
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

export const createSoftPhone = async (settings: SoftPhoneSettings): Promise<SoftPhone> => {
  const { issuer, origin = new URL(issuer).origin, now = Date.now } = settings
  const { rpId = new URL(origin).hostname, label = 'Phone', platform = 'android', language } = settings
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
  const { kty, crv, x, y } = await webcrypto.subtle.exportKey('jwk', keys.publicKey)
  const jwk = { kty, crv, x, y } as JWK
  const thumbprint = await calculateJwkThumbprint(jwk)
  const authenticator = createSoftAuthenticator({ discoverable: false, ...settings.authenticator })

  const sign = (
    typ: string,
    key: Record<string, unknown>,
    payload: Record<string, unknown>,
    { header, payload: changed, signer }: Signed,
  ): Promise<string> => {
    const jti = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))).toString('base64url')
    const claims = { aud: issuer, iat: Math.floor(now() / 1000), jti, ...payload, ...changed }
    return new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'ES256', typ, ...key, ...header })
      .sign(signer?.privateKey ?? keys.privateKey)
  }

  /** The authenticator with its user verified, or not, for one ceremony. */
  const withUser = <Result>(userVerified: boolean, ceremony: () => Result): Result => {
    const before = authenticator.settings.userVerification
    authenticator.settings.userVerification = before && userVerified
    try {
      return ceremony()
    } finally {
      authenticator.settings.userVerification = before
    }
  }

  return {
    jwk,
    thumbprint,
    privateKey: keys.privateKey,
    authenticator,

    async enrol({ token, options, address = null }, knobs = {}) {
      const { userVerified = true, tamper } = knobs
      const ceremony = { origin: knobs.origin ?? origin, ...(tamper && { tamper }) }
      const registration = withUser(userVerified, () => authenticator.create(options, ceremony))
      const jws = await sign('push-enrol+jwt', { jwk }, { token }, knobs)
      return { token, jws, registration, address, label, platform, ...(language && { language }) }
    },

    async call(method, url, knobs = {}) {
      const htu = new URL(url)
      htu.search = ''
      htu.hash = ''
      const claims = { htm: method, htu: htu.href }
      return `Device ${await sign('device-call+jwt', { kid: thumbprint }, claims, knobs)}`
    },

    async decide({ id, nonce, shown }, knobs = {}) {
      const { decision = 'approve', num, userVerified = true, tamper } = knobs
      const claims = { txn: id, nonce, decision, ...(num !== undefined && { num }), ctx: sha256(shown) }
      const jws = await sign('push-decision+jwt', { kid: thumbprint }, claims, knobs)
      if (decision !== 'approve' || knobs.assertion === null) return JSON.stringify({ jws })
      if (knobs.assertion !== undefined) return JSON.stringify({ jws, assertion: knobs.assertion })
      const allowCredentials = authenticator.credentials.map((own) => ({ id: own.id, type: 'public-key' }))
      const asked = { challenge: sha256(jws), rpId, allowCredentials, userVerification: 'required' }
      const ceremony = { origin: knobs.origin ?? origin, ...(tamper && { tamper }) }
      const assertion = withUser(userVerified, () => authenticator.get(asked, ceremony))
      return JSON.stringify({ jws, assertion })
    },

    offlineCode: (secret, at = now()) =>
      generateSync({
        strategy: 'hotp',
        secret,
        counter: Math.floor(at / 30_000),
        algorithm: 'sha1',
        digits: 6,
      }),
  }
}
