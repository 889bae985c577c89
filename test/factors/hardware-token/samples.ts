import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Credential } from '../../../src/directory/directory.ts'
import {
  type HotpToken,
  type StoredToken,
  type TotpToken,
  writeToken,
  type YubicoToken,
} from '../../../src/factors/hardware-token/credential.ts'
import { program } from '../../support/machine.ts'

const run = promisify(execFile)

/** The seed of RFC 4226 and RFC 6238, as long as it is wanted. */
export const seedOf = (length: number): Buffer => Buffer.from('1234567890'.repeat(7).slice(0, length))

const common = { v: 1, serial: 'FT-1', notBefore: null, notAfter: null } as const
const oath = { algorithm: 'sha1', digits: 6, key: seedOf(20).toString('base64') } as const

export const hotpToken = (change: Partial<HotpToken> = {}): HotpToken => ({
  ...common,
  ...oath,
  kind: 'hotp',
  ...change,
})

export const totpToken = (change: Partial<TotpToken> = {}): TotpToken => ({
  ...common,
  ...oath,
  kind: 'totp',
  period: 30,
  drift: 0,
  ...change,
})

/** The example of Yubico's own programs: `ykparse ecde18dbe76fbd0c33330f1c354871db dteffuje…`. */
export const yubikey = {
  key: 'ecde18dbe76fbd0c33330f1c354871db',
  publicId: 'dteffuje',
  privateId: '8792ebfe26cc',
  /** Plugged in 0x13 times, touched 0x11 times since. */
  otp: 'dteffujehknhfjbrjnlnldnhcujvddbikngjrtgh',
  use: 0x1311,
}

export const yubicoToken = (change: Partial<YubicoToken> = {}): YubicoToken => ({
  ...common,
  kind: 'yubico',
  key: Buffer.from(yubikey.key, 'hex').toString('base64'),
  publicId: yubikey.publicId,
  privateId: yubikey.privateId,
  ...change,
})

/** A credential of a token, whose counter stands at `counter`. */
export const credentialOf = (
  token: StoredToken,
  counter: number,
  change: Partial<Credential> = {},
): Credential => ({
  id: 'c1',
  accountId: 'maria',
  factor: 'hardware-token',
  label: 'OTP c100',
  handle: token.serial,
  secret: writeToken(token),
  counter,
  createdAt: 0,
  lastUsedAt: null,
  ...change,
})

/** Codes as Debian's oathtool makes them: `count` of them, one after the other. */
export async function oathtool(count: number, options: readonly string[], seed: Buffer): Promise<string[]> {
  const path = await program('oathtool')
  const { stdout } = await run(path, [...options, '-w', String(count - 1), seed.toString('hex')])
  const codes = stdout.trim().split('\n')
  assert.equal(codes.length, count)
  return codes
}

/** A block as Debian's ykgenerate makes it; each number in hexadecimal. */
export async function ykgenerate({
  key = yubikey.key,
  privateId = yubikey.privateId,
  plugged,
  touched,
}: {
  key?: string
  privateId?: string
  plugged: string
  touched: string
}): Promise<string> {
  const { stdout } = await run(await program('ykgenerate'), [key, privateId, plugged, 'c230', '00', touched])
  return stdout.trim()
}
