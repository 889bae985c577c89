import { execFileSync } from 'node:child_process'
import { type KeyObject, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { program, temporaryFolder } from '../../support/machine.ts'

const options: Record<string, string[]> = {
  ES256: [],
  RS256: ['rsa_padding_mode:pkcs1'],
  PS256: ['rsa_padding_mode:pss', 'rsa_pss_saltlen:digest'],
}

/** Signs a SHA-256 digest, as a KMS does; by OpenSSL, because Node signs messages only. */
export const signDigest = async (alg: string, key: KeyObject, digest: Buffer): Promise<Buffer> => {
  const file = join(await temporaryFolder(), 'key.pem')
  writeFileSync(file, key.export({ format: 'pem', type: 'pkcs8' }))
  const more = ['digest:sha256', ...(options[alg] ?? [])].flatMap((option) => ['-pkeyopt', option])
  const signature = execFileSync(await program('openssl'), ['pkeyutl', '-sign', '-inkey', file, ...more], {
    input: digest,
  })
  return alg === 'ES256' ? sideBySide(signature) : signature
}

export const signInput = (key: KeyObject, input: Buffer): Buffer => sign(null, input, key)

/** SEQUENCE of two INTEGERs, to r and s of 32 bytes each (RFC 7518 §3.4). */
const sideBySide = (der: Buffer): Buffer => {
  const half = (at: number) => der.subarray(at + 2, at + 2 + (der[at + 1] ?? 0))
  const [r, s] = [half(2), half(2 + 2 + (der[3] ?? 0))]
  const padded = (number: Buffer) => Buffer.concat([Buffer.alloc(32), number]).subarray(-32)
  return Buffer.concat([padded(r), padded(s)])
}
