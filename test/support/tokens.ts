import { randomBytes } from 'node:crypto'
import type { Token } from '../../src/directory/directory.ts'
import type { TokenSeed } from '../../src/tokens/token.ts'

/** A hardware token as an import leaves it in the inventory, and the bytes that its codes are computed from. */
export const tokenOf = (
  serial: string,
  change: Partial<TokenSeed> = {},
  accountId: string | null = null,
): { token: Token; seed: Buffer } => {
  const bytes = randomBytes(20)
  const seed: TokenSeed = {
    serial,
    manufacturer: 'Feitian',
    model: 'OTP c100',
    kind: 'hotp',
    algorithm: 'sha1',
    digits: 6,
    period: null,
    counter: 0,
    key: bytes.toString('base64'),
    publicId: null,
    privateId: null,
    owner: null,
    notBefore: null,
    notAfter: null,
    ...change,
  }
  const { kind, manufacturer, model } = seed
  return {
    seed: Buffer.from(seed.key, 'base64'),
    token: {
      serial,
      kind,
      manufacturer,
      model,
      seed: JSON.stringify(seed),
      counter: null,
      accountId,
      importedAt: 1_700_000_000_000,
    },
  }
}
