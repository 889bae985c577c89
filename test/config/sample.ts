import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto'

export const freshKey = (): string => randomBytes(32).toString('base64')

export const freshSigningKey = (kid = 'k1'): JsonWebKey => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  kid,
  alg: 'ES256',
  use: 'sig',
})

/** A production configuration without faults, as a file would hold it. */
export const soundTree = () => ({
  issuer: 'https://id.example.org',
  proxy: true,
  keys: {
    signing: [freshSigningKey()],
    cookies: [freshKey()],
    sealing: [{ id: 's1', key: freshKey() }],
  },
})

type Tree = Record<string, unknown>

/** Lays `over` upon `base`, section by section; lists are replaced. */
export const laidOver = (base: Tree, over: Tree): Tree => {
  const merged = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key]
    const sections = [below, value].every(
      (part) => typeof part === 'object' && part !== null && !Array.isArray(part),
    )
    merged[key] = sections ? laidOver(below as Tree, value as Tree) : value
  }
  return merged
}
