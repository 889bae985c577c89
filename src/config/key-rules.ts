import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'
import { describeSigningKey } from './signing-key.ts'

const generate = '`duepassi keys generate` prints a new set.'

const missing = (name: string): Breach => ({
  path: ['keys', name],
  message: 'is missing.',
  fix: `Production needs its own keys: ${generate}`,
})

/** Only the demo makes its keys by itself. */
export const ownKeyPresent =
  (name: 'signing' | 'cookies' | 'sealing') =>
  ({ mode, keys }: Config): Breach[] =>
    mode === 'demo' || keys[name] ? [] : [missing(name)]

const repeats = (values: readonly (string | undefined)[]): number[] =>
  values.flatMap((value, at) => (value !== undefined && values.indexOf(value) < at ? [at] : []))

export const signingKeysUsable = ({ keys }: Config): Breach[] => {
  if (!keys.signing) return []
  const described = keys.signing.map(describeSigningKey)
  const breaches: Breach[] = described.flatMap((key, at) =>
    'unusable' in key ? [{ path: ['keys', 'signing', at], message: key.unusable, fix: generate }] : [],
  )
  for (const at of repeats(keys.signing.map(({ kid }) => (typeof kid === 'string' ? kid : undefined)))) {
    breaches.push({
      path: ['keys', 'signing', at],
      message: 'has the `kid` of another key.',
      fix: 'Give each key its own, or remove the repetition.',
    })
  }
  for (const at of repeats(described.map((key) => ('material' in key ? key.material : undefined)))) {
    breaches.push({
      path: ['keys', 'signing', at],
      message: 'is the same key as another one.',
      fix: 'Remove the repetition.',
    })
  }
  if (!described.some((key) => 'algorithms' in key && key.algorithms.includes('ES256'))) {
    breaches.push({
      path: ['keys', 'signing'],
      message: 'holds no usable ES256 key.',
      fix: `Tokens are signed with ES256 by default: ${generate}`,
    })
  }
  return breaches
}

/** 32 random bytes have about 30 different values; fewer than 16 never happens by chance. */
const isRandom = (base64: string): boolean => new Set(Buffer.from(base64, 'base64')).size >= 16

/** Every cookie and sealing key is random, and none serves twice. */
export const allSecretsRandom = ({ keys }: Config): Breach[] => {
  const secrets = [
    ...(keys.cookies ?? []).map((key, at) => ({ path: ['keys', 'cookies', at], key })),
    ...(keys.sealing ?? []).map(({ key }, at) => ({ path: ['keys', 'sealing', at, 'key'], key })),
  ]
  const breaches: Breach[] = secrets
    .filter(({ key }) => !isRandom(key))
    .map(({ path }) => ({
      path,
      message: 'is not random.',
      fix: 'Take 32 random bytes: `openssl rand -base64 32`.',
    }))
  // Compared as bytes: two spellings of base64 may be one key.
  for (const at of repeats(secrets.map(({ key }) => Buffer.from(key, 'base64').toString('hex')))) {
    const path = secrets[at]?.path ?? ['keys']
    breaches.push({
      path,
      message: 'is used twice.',
      fix: 'Every key serves one purpose: `openssl rand -base64 32` makes another.',
    })
  }
  for (const at of repeats((keys.sealing ?? []).map(({ id }) => id))) {
    breaches.push({
      path: ['keys', 'sealing', at, 'id'],
      message: 'names another key already.',
      fix: 'Give each sealing key its own id.',
    })
  }
  return breaches
}

const isOfDemo = (id: unknown): boolean => typeof id === 'string' && id.startsWith('demo-')

/** The demo's keys lie unprotected in its folder, so nothing real may rest on them. */
const ofDemo = (name: string, ids: readonly unknown[]): Breach[] =>
  ids.flatMap((id, at) =>
    isOfDemo(id) ? [{ path: ['keys', name, at], message: 'is a key of the demo.', fix: generate }] : [],
  )

export const noDemoSigning = ({ mode, keys }: Config): Breach[] =>
  mode === 'demo'
    ? []
    : ofDemo(
        'signing',
        (keys.signing ?? []).map(({ kid }) => kid),
      )

export const noDemoSealing = ({ mode, keys }: Config): Breach[] =>
  mode === 'demo'
    ? []
    : ofDemo(
        'sealing',
        (keys.sealing ?? []).map(({ id }) => id),
      )
