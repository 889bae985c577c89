/** The code for when the phone has no network: TOTP (RFC 6238), SHA-1, six digits, 30 seconds. */
const keys = globalThis.duepassiAuthenticator
const period = 30
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The seed under a key that cannot leave the browser. @param secret base32 */
export const seal = async (secret) => {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, fromBase32(secret))
  return { key, iv, sealed }
}

/**
 * Asks for PIN, finger or face, then gives what computes the codes.
 * @returns `(at: milliseconds) => Promise<{code, left}>`, `left` in milliseconds
 */
export const unlock = async (device) => {
  await keys.verifyUser(device, crypto.getRandomValues(new Uint8Array(32)))
  const { key, iv, sealed } = device.offline
  const seed = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed)
  const hmac = await crypto.subtle.importKey('raw', seed, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign'])
  return async (at) => {
    const step = Math.floor(at / 1000 / period)
    return { code: await hotp(hmac, step), left: (step + 1) * period * 1000 - at }
  }
}

/** RFC 4226 §5.3 */
const hotp = async (hmac, counter) => {
  const message = new DataView(new ArrayBuffer(8))
  message.setBigUint64(0, BigInt(counter))
  const digest = new DataView(await crypto.subtle.sign('HMAC', hmac, message))
  const offset = digest.getUint8(digest.byteLength - 1) & 15
  const number = digest.getUint32(offset) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}

const fromBase32 = (text) => {
  const bytes = []
  let bits = 0
  let value = 0
  for (const char of text.toUpperCase().replaceAll(/[^A-Z2-7]/g, '')) {
    value = ((value << 5) | alphabet.indexOf(char)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((value >> bits) & 255)
  }
  return new Uint8Array(bytes)
}
