import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import { Pool } from 'undici'
import { client } from './setup.ts'

/** One of the servers, seen from outside. */
export interface Site {
  pool: Pool
  origin: string
  /** What its browsers call themselves; absent: as usual. */
  userAgent?: string
  authorization: string
  token: string
  userinfo: string
  introspection: string
  /** Signature, issuer, audience, expiry and nonce. */
  verify(idToken: string, nonce: string | undefined): Promise<JWTPayload>
  close(): Promise<void>
}

interface Discovery {
  issuer: string
  authorization_endpoint: string
  token_endpoint: string
  userinfo_endpoint: string
  introspection_endpoint: string
  jwks_uri: string
}

export const openSite = async (origin: string, connections: number): Promise<Site> => {
  const pool = new Pool(origin, { connections, pipelining: 1 })
  const getJson = async (path: string): Promise<unknown> => {
    const response = await pool.request({ method: 'GET', path })
    if (response.statusCode !== 200) throw new Error(`${origin}${path} answered ${response.statusCode}`)
    return response.body.json()
  }
  const discovery = (await getJson('/.well-known/openid-configuration')) as Discovery
  const keys = createLocalJWKSet((await getJson(pathOf(discovery.jwks_uri))) as JSONWebKeySet)
  return {
    pool,
    origin,
    authorization: pathOf(discovery.authorization_endpoint),
    token: pathOf(discovery.token_endpoint),
    userinfo: pathOf(discovery.userinfo_endpoint),
    introspection: pathOf(discovery.introspection_endpoint),
    async verify(idToken, nonce) {
      const { payload } = await jwtVerify(idToken, keys, { issuer: discovery.issuer, audience: client.id })
      if (nonce !== undefined && payload.nonce !== nonce) throw new Error('the ID token holds another nonce')
      return payload
    },
    close: () => pool.close(),
  }
}

export const pathOf = (address: string): string => {
  const { pathname, search } = new URL(address)
  return pathname + search
}
