import { setTimeout as delay } from 'node:timers/promises'
import type { Browser } from './browser.ts'
import {
  clientCredentials,
  introspect,
  login,
  reauthorize,
  refresh,
  signInTrusted,
  stepUp,
  type Tokens,
  trustBrowser,
  userinfo,
} from './flows.ts'
import type { People, Person } from './people.ts'
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

/** What the bare server cannot do. */
export const ownOperationNames = ['trusted-device sign-in', 'step-up'] as const

export type OperationName = (typeof operationNames)[number] | (typeof ownOperationNames)[number]

/** Somebody at their browser. */
interface Seat {
  browser: Browser
  person: Person
}

/** One browser that is signed in, with its tokens: what a connection works with. */
interface Lane {
  browser: Browser
  tokens: Tokens
  /** Another browser, which is trusted. */
  trusted?: Seat
}

/** Access tokens live 600 s; lanes are renewed well before. */
const laneLifetime = 300_000

/**
 * The operations of the bench against one server, over `connections` connections at once. `steppers`: who steps up, as many
 * as `count`; nobody else may sign in as them, because each step-up takes a code that was not used yet.
 */
export const createOperations = (
  site: Site,
  people: People,
  connections: number,
  steppers?: { people: People; count: number },
) => {
  /** Signed in with both factors; whoever stepped up last stands at the end. */
  const sessions: Seat[] = []
  let lanes: Lane[] = []
  let preparedAt = Number.NEGATIVE_INFINITY
  let requests = 0

  const openLane = async (): Promise<Lane> => {
    const { browser, tokens } = await login(site, await people.take())
    return { browser, tokens }
  }

  const openSessions = async ({ people, count }: NonNullable<typeof steppers>): Promise<void> => {
    const signIn = async () => {
      while (count-- > 0) {
        const person = await people.take()
        const { browser } = await login(site, person)
        sessions.push({ browser, person })
      }
    }
    await Promise.all(Array.from({ length: connections }, signIn))
  }

  /** Sees to it that a quarter of the sessions have a fresh code, if need be by waiting for the next time step. */
  const prepareStepUp = async (): Promise<void> => {
    if (steppers === undefined) throw new Error('nobody is there to step up')
    if (sessions.length === 0) await openSessions(steppers)
    const fresh = () => sessions.filter(({ person }) => person.isFresh()).length
    while (fresh() < sessions.length / 4) await delay(250)
  }

  const trust = async (lane: Lane): Promise<void> => {
    const person = await people.take()
    lane.trusted ??= { person, browser: await trustBrowser(site, person) }
  }

  /** False when every session has used the code of this time step: then a slice ends early. */
  const isPossible = (name: OperationName): boolean =>
    name !== 'step-up' || sessions[0]?.person.isFresh() === true

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
    'trusted-device sign-in': ({ trusted }) => {
      if (trusted === undefined) throw new Error('no trusted browser')
      return signInTrusted(site, trusted.browser, trusted.person)
    },
    'step-up': async () => {
      const session = sessions.shift()
      if (session === undefined) throw new Error('no session to step up')
      const tokens = await stepUp(site, session.browser, session.person)
      sessions.push(session)
      return tokens
    },
  }

  return {
    /** HTTP requests of the last login. */
    get requestsOfLogin() {
      return requests
    },
    /** Signs every lane in, unless they are fresh enough, and readies what the operation needs besides. */
    async prepare(name: OperationName): Promise<void> {
      if (performance.now() - preparedAt >= laneLifetime) {
        lanes = await Promise.all(Array.from({ length: connections }, openLane))
        preparedAt = performance.now()
      }
      if (name === 'step-up') await prepareStepUp()
      if (name === 'trusted-device sign-in')
        await Promise.all(lanes.filter(({ trusted }) => trusted === undefined).map(trust))
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
          while (performance.now() < until && isPossible(name)) {
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
