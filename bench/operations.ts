import type { Browser } from './browser.ts'
import { clientCredentials, introspect, login, reauthorize, refresh, type Tokens, userinfo } from './flows.ts'
import type { People } from './people.ts'
import type { Site } from './site.ts'

export const operationNames = [
  'login',
  'sign-in again',
  'refresh',
  'client credentials, opaque',
  'client credentials, JWT',
  'userinfo',
  'introspection',
] as const

export type OperationName = (typeof operationNames)[number]

/** One browser that is signed in, with its tokens: what a connection works with. */
interface Lane {
  browser: Browser
  tokens: Tokens
}

/** Access tokens live 600 s; lanes are renewed well before. */
const laneLifetime = 300_000

/** The operations of the bench against one server, over `connections` connections at once. */
export const createOperations = (site: Site, people: People, connections: number) => {
  let lanes: Lane[] = []
  let preparedAt = Number.NEGATIVE_INFINITY
  let requests = 0

  const openLane = async (): Promise<Lane> => {
    const { browser, tokens } = await login(site, await people.take())
    return { browser, tokens }
  }

  const run: Record<OperationName, (lane: Lane) => Promise<Tokens | undefined>> = {
    login: async () => {
      const done = await login(site, await people.take())
      requests = done.requests
      return done.tokens
    },
    'sign-in again': (lane) => reauthorize(site, lane.browser),
    refresh: async (lane) => {
      lane.tokens = await refresh(site, lane.tokens)
      return lane.tokens
    },
    'client credentials, opaque': async () => {
      await clientCredentials(site, 'opaque')
      return undefined
    },
    'client credentials, JWT': async () => {
      await clientCredentials(site, 'jwt')
      return undefined
    },
    userinfo: async (lane) => {
      await userinfo(site, lane.tokens)
      return undefined
    },
    introspection: async (lane) => {
      await introspect(site, lane.tokens)
      return undefined
    },
  }

  return {
    /** HTTP requests of the last login. */
    get requestsOfLogin() {
      return requests
    },
    /** Signs every lane in, unless they are fresh enough. */
    async prepare(): Promise<void> {
      if (performance.now() - preparedAt < laneLifetime) return
      lanes = await Promise.all(Array.from({ length: connections }, openLane))
      preparedAt = performance.now()
    },
    /**
     * Repeats one operation on every lane until the time is over (closed loop), and answers how often it was done.
     * Rejects at the first answer that is not as it should be. The last ID token is verified outside of the count.
     */
    async repeat(
      name: OperationName,
      milliseconds: number,
    ): Promise<{ done: number; verify(): Promise<void> }> {
      const until = performance.now() + milliseconds
      let done = 0
      let last: Tokens | undefined
      await Promise.all(
        lanes.map(async (lane) => {
          while (performance.now() < until) {
            last = (await run[name](lane)) ?? last
            done++
          }
        }),
      )
      return {
        done,
        async verify() {
          // A refreshed ID token needs no nonce (OIDC Core §12.2).
          if (last !== undefined) await site.verify(last.idToken, name === 'refresh' ? undefined : last.nonce)
        },
      }
    },
  }
}

export type Operations = ReturnType<typeof createOperations>
