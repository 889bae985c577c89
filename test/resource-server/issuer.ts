import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { movableClock } from '../support/clock.ts'

export const issuer = 'https://id.example.org'
export const audience = 'https://api.example.org/vault'

export interface Key {
  kid: string
  alg: string
  privateKey: CryptoKey
  publicJwk: JWK
}

export const newKey = async (kid: string, alg = 'ES256'): Promise<Key> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

interface Answer {
  status: number
  value: unknown
}

/** A provider that is nothing but metadata, keys and signatures; what it answers, a test may replace. */
export const createIssuer = async () => {
  const clock = movableClock()
  const first = await newKey('first')
  const answers = new Map<string, Answer>([
    [
      `${issuer}/.well-known/openid-configuration`,
      { status: 200, value: { issuer, jwks_uri: `${issuer}/jwks` } },
    ],
  ])
  /** Addresses that were asked for, in order. */
  const asked: string[] = []
  const publish = (...keys: Array<{ publicJwk: JWK }>) =>
    answers.set(`${issuer}/jwks`, { status: 200, value: { keys: keys.map(({ publicJwk }) => publicJwk) } })
  publish(first)
  let down = false

  return {
    clock,
    key: first,
    asked,
    answers,
    publish,
    set down(value: boolean) {
      down = value
    },
    fetch: async (url: string) => {
      asked.push(url)
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (down) throw new TypeError('fetch failed')
      const { status, value } = answers.get(url) ?? { status: 404, value: {} }
      return { status, json: async () => structuredClone(value) }
    },
    seconds: () => Math.floor(clock.now() / 1000),
    /** A good access token, but for what is said otherwise; `undefined` leaves a claim out. */
    async token(
      claims: Record<string, unknown> = {},
      header: Record<string, unknown> = {},
      key: { kid: string; alg: string; privateKey: CryptoKey | Uint8Array } = first,
    ): Promise<string> {
      const now = Math.floor(clock.now() / 1000)
      const payload: JWTPayload = {
        iss: issuer,
        aud: audience,
        sub: 'maria',
        client_id: 'demo',
        jti: randomUUID(),
        iat: now,
        exp: now + 300,
        scope: 'vault:open notes:read',
        acr: 'phr',
        auth_time: now,
        ...claims,
      }
      return (
        new SignJWT(JSON.parse(JSON.stringify(payload)))
          .setProtectedHeader({ typ: 'at+jwt', alg: key.alg, kid: key.kid, ...header })
          // A signer must know what is critical; a verifier need not.
          .sign(key.privateKey, { crit: { bound: true } })
      )
    },
  }
}

export type TestIssuer = Awaited<ReturnType<typeof createIssuer>>
