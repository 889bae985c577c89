import type { ClientMetadata } from 'oidc-provider'

/** What both servers are told alike: the client, the accounts, the scopes. A difference here would be unfair. */
export const client = {
  id: 'bench',
  secret: 'bench-secret-of-more-than-32-characters',
  redirectUri: 'http://127.0.0.1:9/callback',
} as const

export const scope = 'openid email'

/** The API of the JWT access tokens (RFC 8707). */
export const resource = 'https://api.bench.example/'
export const resourceScope = 'read'

export const password = 'correct horse battery staple'

export const username = (index: number): string => `bench${index}`

/** Lifetimes in seconds. */
export const lifetimes = {
  interaction: 900,
  session: 43_200,
  authorizationCode: 60,
  accessToken: 600,
  idToken: 300,
  refreshToken: 2_592_000,
} as const

/** oidc-provider client metadata; each server adds nothing but its own signing algorithm. */
export const clientMetadata: ClientMetadata = {
  client_id: client.id,
  client_secret: client.secret,
  redirect_uris: [client.redirectUri],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_basic',
}

/** How a server process is told what to do. */
export interface ServerSettings {
  port: number
  redisUrl: string
  /** duepassi-server: folder of its SQLite file. */
  folder?: string
  /** duepassi-server: accounts to add before listening. */
  accounts?: number
  /** duepassi-server: a password hash that costs nothing. */
  stubHash?: boolean
  /** duepassi-server: no browser is ever known, and none is remembered. */
  withoutDevices?: boolean
  /** bare-server: whether refresh tokens rotate, as they do in the server it is compared with. */
  rotate?: boolean
}

export const readSettings = (): ServerSettings =>
  JSON.parse(process.env.BENCH_SERVER ?? '{}') as ServerSettings
