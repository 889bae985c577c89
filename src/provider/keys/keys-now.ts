import { calculateJwkThumbprint, type JWK } from 'jose'
import type { Configuration } from 'oidc-provider'
import type { Config } from '../../config/schema.ts'
import type { RingKey } from '../../directory/directory.ts'
import { fits, isSignedElsewhere, signatureAlgorithms } from './algorithms.ts'
import { type Staged, signerOf } from './key-stages.ts'
import type { Signers } from './signers.ts'
import { signingKeys } from './signing-keys.ts'

type Keys = NonNullable<Configuration['jwks']>['keys']
type Key = Keys[number]

/** All that signs and verifies at one time. */
export interface KeysNow {
  /** For oidc-provider; those that sign come first. */
  jwks: Keys
  /** The `kid` of the one key that signs, by algorithm. */
  signs: ReadonlyMap<string, string>
  /** The first signs, all verify. */
  cookies: readonly Buffer[]
}

/**
 * Puts the keys of the configuration, those of other machines and the ring together. In each algorithm a machine that
 * signs goes first, then the ring, then the first configured key.
 */
export const createKeysNow = async (
  config: Pick<Config, 'keys'>,
  signers: Signers,
): Promise<(staged: readonly Staged<RingKey>[]) => KeysNow> => {
  const given = await Promise.all((config.keys.signing ?? []).map(withKid))
  const configured = given.map((jwk, at) => ({ kid: jwk.kid, jwk, key: signingKeys([jwk])[0] as Key, at }))
  const cookies = (config.keys.cookies ?? []).map((key) => Buffer.from(key, 'base64'))
  const algorithms = signatureAlgorithms(config)

  // Made once for each key: what is in use must not be imported anew because another one changed.
  const ofRing = new Map<string, Key>()
  const keyOf = ({ kid, material }: RingKey): Key => {
    const key = ofRing.get(kid) ?? (signingKeys([JSON.parse(material)])[0] as Key)
    ofRing.set(kid, key)
    return key
  }

  return (staged) => {
    const live = staged.filter(({ stage }) => stage !== 'gone')
    const signs = new Map(
      algorithms.flatMap((alg): Array<[string, string]> => {
        const kid = isSignedElsewhere(config, alg)
          ? signers.keys.find((one) => one.signs && one.alg === alg)?.kid
          : (signerOf(live, { use: 'signing', alg })?.kid ??
            configured.find(({ jwk }) => fits(jwk, alg))?.kid)
        return kid === undefined ? [] : [[alg, kid]]
      }),
    )
    const all = new Map<string, Key>([
      ...live.filter(({ key }) => key.use === 'signing').map(({ key }) => [key.kid, keyOf(key)] as const),
      ...configured.map(({ kid, key }) => [kid, key] as const),
      ...signers.keys.map(({ kid, key }) => [kid, key as unknown as Key] as const),
    ])
    for (const kid of ofRing.keys()) if (!all.has(kid)) ofRing.delete(kid)
    const first = new Set(signs.values())
    const kids = [...all.keys()]
    return {
      signs,
      jwks: [...kids.filter((kid) => first.has(kid)), ...kids.filter((kid) => !first.has(kid))].map(
        (kid) => all.get(kid) as Key,
      ),
      cookies: cookiesIn(live, cookies),
    }
  }
}

/** A configured key with the `kid` that oidc-provider gives one that has none (RFC 7638). */
export const withKid = async (jwk: NonNullable<Config['keys']['signing']>[number]) => ({
  ...jwk,
  kid: typeof jwk['kid'] === 'string' ? jwk['kid'] : await calculateJwkThumbprint(jwk as JWK),
})

const cookiesIn = (live: readonly Staged<RingKey>[], configured: readonly Buffer[]): Buffer[] => {
  const ring = live.filter(({ key }) => key.use === 'cookies')
  const bytes = (some: typeof ring): Buffer[] => some.map(({ key }) => Buffer.from(key.material, 'base64'))
  return [
    ...bytes(ring.filter(({ stage }) => stage === 'signs')),
    ...configured,
    ...bytes(ring.filter(({ stage }) => stage !== 'signs')),
  ]
}
