import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'
import { describePublicKey, describeSigningKey } from './signing-key.ts'

const generate = '`duepassi keys generate` prints a new set.'

/** The others Duepassi makes by itself; this one protects them. */
export const sealingPresent = ({ mode, keys }: Config): Breach[] =>
  mode === 'demo' || keys.sealing
    ? []
    : [
        {
          path: ['keys', 'sealing'],
          message: 'is missing.',
          fix: `Production needs a key for secrets at rest: ${generate}`,
        },
      ]

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
  return breaches
}

/** Clients that ask for nothing else get it, and so do our own pages. */
export const es256Present = ({ keys }: Config): Breach[] => {
  const section = keys.signing ? 'signing' : keys.algorithms ? 'algorithms' : 'signers'
  const brought = keys.signing
    ?.map(describeSigningKey)
    .some((key) => 'algorithms' in key && key.algorithms.includes('ES256'))
  const elsewhere = keys.signers?.some(({ alg, signs }) => signs && alg === 'ES256')
  if (!keys[section] || brought || elsewhere || keys.algorithms?.includes('ES256')) return []
  return [
    {
      path: ['keys', section],
      message: 'leads to no usable ES256 key.',
      fix: 'Tokens are signed with ES256 by default: put ES256 into `keys.algorithms`, and Duepassi makes a key.',
    },
  ]
}

export const signersUsable = ({ keys }: Config): Breach[] => {
  const signers = keys.signers ?? []
  const at = (index: number, name: string, message: string, fix: string): Breach => ({
    path: ['keys', 'signers', index, name],
    message,
    fix,
  })
  const breaches = signers.flatMap((signer, index): Breach[] => {
    if (signer.kind !== 'http') return []
    const described = describePublicKey(signer.publicKey, signer.alg)
    return [
      ...(described === undefined ? [] : [at(index, 'publicKey', described, 'Ask the signer for it.')]),
      ...(isSafeAddress(signer.url)
        ? []
        : [
            at(
              index,
              'url',
              'is not safe.',
              'It must be https, or http on this very machine, without a password.',
            ),
          ]),
    ]
  })
  const own = (keys.signing ?? []).map(({ kid }) => (typeof kid === 'string' ? kid : undefined))
  for (const repeated of repeats([...own, ...signers.map(({ kid }) => kid)])) {
    if (repeated >= own.length)
      breaches.push(
        at(repeated - own.length, 'kid', 'is the `kid` of another key.', 'Give each key its own.'),
      )
  }
  return breaches
}

/** https, or http on this machine: what is asked there ends in tokens. */
const isSafeAddress = (address: string): boolean => {
  const { protocol, hostname, username, password } = new URL(address)
  const here = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  return (protocol === 'https:' || (protocol === 'http:' && here)) && username === '' && password === ''
}

export const publishedBeforeDue = ({ keys: { rotation } }: Config): Breach[] =>
  rotation.everyDays === null || rotation.publishHours <= rotation.everyDays * 24
    ? []
    : [
        {
          path: ['keys', 'rotation', 'publishHours'],
          message: 'is longer than a key signs (`keys.rotation.everyDays`).',
          fix: 'Lower it, or raise `keys.rotation.everyDays`.',
        },
      ]

/** 32 random bytes have about 30 different values; fewer than 16 never happens by chance. */
const isRandom = (base64: string): boolean => new Set(Buffer.from(base64, 'base64')).size >= 16

/** Every cookie, sealing and pairwise key is random, and none serves twice. */
export const allSecretsRandom = ({ keys }: Config): Breach[] => {
  const secrets = [
    ...(keys.cookies ?? []).map((key, at) => ({ path: ['keys', 'cookies', at], key })),
    ...(keys.sealing ?? []).map(({ key }, at) => ({ path: ['keys', 'sealing', at, 'key'], key })),
    ...(keys.pairwise === undefined ? [] : [{ path: ['keys', 'pairwise'], key: keys.pairwise }]),
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
