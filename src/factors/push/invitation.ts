import { createHash } from 'node:crypto'
import QRCode from 'qrcode'
import type { RandomBytes } from '../../crypto/random.ts'

/** Digits and consonants: no words come about, and what is read as O, I or L is a digit. 10 of them: 49 bits. */
const alphabet = '0123456789BCDFGHJKMNPQRSTVWXYZ'
const codeLength = 10

const longestTyped = 64

const form = new RegExp(`^[${alphabet}]{${codeLength}}$`)

export interface Invitation {
  /** What the phone scans. */
  uri: string
  /** An `<svg>` element. */
  qrSvg: string
  /** For whom a camera is of no use. */
  code: string
  /** Hashes of what is scanned and of what is typed. */
  names: readonly [string, string]
}

/** The token is in the fragment, so that no server and no log gets it before the app does. */
export const newInvitation = (issuer: string, random: RandomBytes): Invitation => {
  const token = random(32).toString('base64url')
  const code = newCode(random)
  const uri = `${issuer.replace(/\/$/, '')}/authenticator/#e=${token}`
  return { uri, qrSvg: drawQr(uri), code: grouped(code), names: [sha256(token), sha256(code)] }
}

/**
 * By which an invitation is found that a phone scanned or was told, however that is typed; undefined where it is none.
 */
export const invitationName = (token: string): string | undefined => {
  if (/^[\w-]{43}$/.test(token)) return sha256(token)
  if (token.length > longestTyped) return undefined
  const typed = token
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}\p{Cf}]+/gu, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
  return form.test(typed) ? sha256(typed) : undefined
}

/** By which the draft of a phone is found that presented itself and is not confirmed yet. */
export const deviceName = (thumbprint: string): string => sha256(`device:${thumbprint}`)

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Every code as likely as any other: bytes that would favour the first characters are left out. */
const newCode = (random: RandomBytes): string => {
  const even = 256 - (256 % alphabet.length)
  const characters = [...random(64)].filter((byte) => byte < even).slice(0, codeLength)
  if (characters.length < codeLength) throw new Error('the source of random bytes gives no random bytes')
  return characters.map((byte) => alphabet[byte % alphabet.length]).join('')
}

const grouped = (code: string): string => code.replace(/.{4}(?=.)/g, '$&-')

/** With a callback, the library draws at once. */
const drawQr = (text: string): string => {
  let drawn = ''
  QRCode.toString(text, { type: 'svg', margin: 1, errorCorrectionLevel: 'M' }, (error, svg) => {
    if (error) throw error
    drawn = svg
  })
  return drawn
}
