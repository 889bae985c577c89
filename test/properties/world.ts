import type { Clock } from '../../src/clock.ts'
import { accountTag } from '../../src/context/device-cookie.ts'
import type { Sighting } from '../../src/directory/directory.ts'
import { embeddedStore } from '../../src/openers.ts'
import type { Store } from '../../src/stores/store.ts'
import { type DeviceBook, deviceBook } from './device-book.ts'
import { drawFrom } from './draw.ts'
import { type MemoryDirectory, memoryDirectory } from './memory-directory.ts'
import { type Interaction, type PluginAlone, pluginAlone, type Session } from './plugin-alone.ts'
import type { Key } from './quick-factors.ts'
import type { FactorKind, Happening } from './what-happened.ts'
import type { Asked, Client, Reaction, RunPolicy, Standing } from './what-is-demanded.ts'

export interface Person {
  id: string
  groups: string[]
  /** Not disabled. */
  there: boolean
  /** `used`: the last step whose code was typed. */
  apps: Array<{ credential: string; secret: string; used: number }>
  /** `hardware`: it was proven when the key was set up. */
  keys: Array<Key & { credential: string; hardware: boolean }>
  /** Recovery codes that were never typed. */
  codes: string[]
  spentCodes: string[]
}

export interface WalkedSession extends Session {
  /** All that was proven for it. */
  happened: readonly Happening[]
  /** Milliseconds of its last sign-in or step-up. */
  since: number
  /** Milliseconds until which it lives, unless it is used again. */
  until: number
}

export interface Browser {
  name: string
  cookies: Map<string, string>
  /** Cookies that it once had. */
  earlier: Array<[name: string, value: string]>
  session: WalkedSession | undefined
  sighting: Sighting
  open: Journey[]
}

/** An authorization request under way. */
export interface Journey {
  browser: Browser
  client: Client
  asked: Asked
  params: Record<string, unknown>
  interaction: Interaction
  /** What was proven by the session that it began with. */
  before: readonly Happening[]
  /** Who answers. */
  person: Person | undefined
  /** What was proven since the interaction began. */
  happened: Happening[]
  /** And since the request did. */
  anew: Happening[]
  /** Whether its second step has begun, and its browser was recognised; `ended`: from outside, so that it begins anew. */
  second: 'not yet' | 'begun' | 'ended'
  wish: { signer: string | undefined } | undefined
  /** What is done about where the sign-in comes from. */
  reaction: Reaction
  startedAt: number
  hasSignedIn: boolean
}

/** What was issued, and can be exchanged. */
export interface Token {
  kind: 'AuthorizationCode' | 'RefreshToken'
  accountId: string
  clientId: string
  acr: string
  amr: string[]
  authTime: number
  sessionUid: string
  happened: readonly Happening[]
  /** Milliseconds of the sign-in or step-up behind it. */
  since: number
  /** Milliseconds until which it lives: of a refresh token, as long as its grant. */
  until: number
}

export interface World {
  policy: RunPolicy
  plugin: PluginAlone
  directory: MemoryDirectory
  store: Store
  clock: Clock
  book: DeviceBook
  people: Person[]
  browsers: Browser[]
  clients: Client[]
  tokens: Token[]
  sessions: Map<string, WalkedSession>
  /** What sessions were proven by since their sign-in, latest last, by their uid and its time. */
  proven: Map<string, WalkedSession[]>
  /** Wrong answers in a row, by account and factor, as the people count them. */
  wrong: Map<string, number>
  locked: Set<string>
  /** What was done, latest last. */
  story: string[]
  counts: Map<string, number>
  /** What is being done: the last line of the story, if it goes wrong. */
  doing: string
  say(line: string): void
  count(what: string): void
  /** Time passes, and what has lived long enough is gone. */
  pass(seconds: number): void
  /** The same people and stores under another policy, as after a restart. */
  restart(policy: RunPolicy): Promise<void>
  has(accountId: string): Set<FactorKind>
  /** Tells a credential from all others, a later one of its id included. */
  markOf(credentialId: string): string
  standing(accountId: string, client: Client, request: Asked | undefined, reaction: Reaction): Standing
  newId(): string
  /** Whoever has its cookie, wherever. */
  endSession(uid: string): void
  close(): Promise<void>
}

export const cookieName = (accountId: string): string => `__Host-duepassi-device-${accountTag(accountId)}`

const nowhere = { city: null, latitude: null, longitude: null, browser: 'Firefox', system: 'Linux' }

export const forbiddenAddress = '203.0.113.7'

const places: ReadonlyArray<Pick<Sighting, 'address' | 'country'>> = [
  { address: '192.0.2.1', country: 'IT' },
  { address: '192.0.2.2', country: 'IT' },
  { address: '198.51.100.3', country: 'FR' },
  { address: forbiddenAddress, country: null },
]

const start = Date.UTC(2027, 0, 1)

export const newWorld = async (
  policy: RunPolicy,
  { clients, people }: { clients: Client[]; people: number },
  seed: number,
): Promise<World> => {
  let now = start
  const chance = drawFrom(seed, 0x1d)
  const clock: Clock = { now: () => now }
  const directory = memoryDirectory()
  const store = embeddedStore(':memory:', clock)
  const sessions = new Map<string, WalkedSession>()
  const newId = () => chance.bytes(32).toString('base64url')
  const markOf = ({ id, createdAt }: { id: string; createdAt: number }) => `${id}@${createdAt}`
  const setOf = (accountId: string) => directory.credentialsNow(accountId).map(markOf).sort().join()

  const all: Person[] = Array.from({ length: people }, (_, index) => ({
    id: ['ana', 'bruno', 'carla', 'dario'][index] as string,
    groups: index === 1 ? ['staff'] : [],
    there: true,
    apps: [],
    keys: [],
    codes: [],
    spentCodes: [],
  }))
  const open = (under: RunPolicy) =>
    pluginAlone({
      policy: under,
      directory,
      store,
      clock,
      random: (size) => chance.bytes(size),
      groups: (accountId) => all.find(({ id }) => id === accountId)?.groups ?? [],
      isThere: (accountId) => all.some(({ id, there }) => id === accountId && there),
      client: (clientId) => world.clients.find((client) => client.clientId === clientId),
      session: (uid) => sessions.get(uid),
    })

  const world: World = {
    policy,
    plugin: await open(policy),
    directory,
    store,
    clock,
    book: deviceBook({
      now: clock.now,
      setOf,
      policy: () => world.policy,
      isThere: (account, id) => directory.devicesNow(account).some((device) => device.id === id),
    }),
    people: all,
    browsers: places.map((place, index) => ({
      name: ['laptop', 'phone', 'kiosk', 'thief'][index] as string,
      cookies: new Map(),
      earlier: [],
      session: undefined,
      sighting: { ...nowhere, ...place },
      open: [],
    })),
    clients,
    tokens: [],
    sessions,
    proven: new Map(),
    wrong: new Map(),
    locked: new Set(),
    story: [],
    counts: new Map(),
    doing: '',
    say: (line) => void world.story.push(`${(now - start) / 1000} s: ${line}`),
    count: (what) => void world.counts.set(what, (world.counts.get(what) ?? 0) + 1),
    pass: (seconds) => {
      now += Math.round(seconds * 1000)
      const isOver = ({ until }: { until: number }) => until <= now
      world.tokens = world.tokens.filter((token) => !isOver(token))
      for (const session of [...sessions.values()].filter(isOver)) {
        world.count('sessions over')
        world.endSession(session.uid)
      }
    },
    async restart(under) {
      world.policy = under
      world.plugin = await open(under)
    },
    has: (accountId) =>
      new Set(directory.credentialsNow(accountId).map(({ factor }) => factor as FactorKind)),
    markOf: (id) => markOf(directory.credentialNow(id)),
    standing: (accountId, client, request, reaction) => ({
      policy: world.policy,
      client,
      request,
      groups: (all.find(({ id }) => id === accountId)?.groups ?? []).filter((name) =>
        Object.hasOwn(world.policy.groups, name),
      ),
      minimum: directory.minimums.get(accountId),
      has: world.has(accountId),
      holds: new Set(directory.credentialsNow(accountId).map(markOf)),
      locked: directory.lockedNow(accountId),
      reaction,
      now,
      trustedFor: world.book.trustedFor,
    }),
    newId,
    endSession(uid) {
      sessions.delete(uid)
      for (const browser of world.browsers) if (browser.session?.uid === uid) browser.session = undefined
    },
    close: () => store.close(),
  }
  return world
}
