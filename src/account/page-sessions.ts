import { createHash } from 'node:crypto'
import type { RandomBytes } from '../crypto/random.ts'
import type { Sealer } from '../crypto/sealing.ts'
import { DuepassiError } from '../errors.ts'
import type { PageError } from '../pages/views.ts'
import type { Store } from '../stores/store.ts'

/** What the provider said of the person, and what the page remembers between two requests. */
export interface PageSession {
  /** The account. */
  sub: string
  accessToken: string
  idToken: string
  /** Seconds since the epoch. */
  authTime: number
  /** Milliseconds since the epoch: the end of the access token, after which the provider is asked anew. */
  expiresAt: number
  acr: string | null
  amr: readonly string[]
  /** The change under way: at most one. */
  change?: { uid: string; kind: 'added' | 'codes' }
  flash?: Flash
}

/** Shown once, on the next home page. */
export interface Flash {
  done?: 'added' | 'removed' | 'renamed' | 'codes' | 'forgotten' | 'ended'
  error?: PageError
  /** A passkey of this user handle was removed: the browser is told which ones remain. */
  userHandle?: string
}

export interface PageSessions {
  /** A new session with a new id, which it answers. */
  begin(session: PageSession, seconds: number): Promise<string>
  find(id: string): Promise<PageSession | undefined>
  /**
   * Compare-and-set: what `change` answers takes the place of what was there; undefined leaves it. Answers the session that
   * this very call wrote, or undefined.
   */
  update(
    id: string,
    change: (session: PageSession) => PageSession | undefined,
  ): Promise<PageSession | undefined>
  drop(id: string): Promise<void>
}

/** Seconds that a session is remembered past its access token, so that a change under way goes on after it. */
const changeSeconds = 900

/** Requests of one browser at the same time; more than this is no person. */
const mostTries = 100

/** Sessions of the security page, sealed: an access token is in them. The store knows the hash of an id only. */
export const createPageSessions = (parts: {
  store: Store
  sealer: Sealer
  random: RandomBytes
}): PageSessions => {
  const { store, sealer, random } = parts
  const keyOf = (id: string) => `ac:${createHash('sha256').update(id).digest('base64url')}`
  const seal = (key: string, session: PageSession) => sealer.seal(JSON.stringify(session), key)
  const open = (key: string, text: string) => JSON.parse(sealer.open(text, key)) as PageSession
  return {
    async begin(session, seconds) {
      const id = random(32).toString('base64url')
      const key = keyOf(id)
      await store.put(key, seal(key, session), seconds + changeSeconds)
      return id
    },
    async find(id) {
      const key = keyOf(id)
      const text = await store.get(key)
      return text === undefined ? undefined : open(key, text)
    },
    async update(id, change) {
      const key = keyOf(id)
      for (let tries = 0; tries < mostTries; tries++) {
        const text = await store.get(key)
        const next = text === undefined ? undefined : change(open(key, text))
        if (text === undefined || !next) return undefined
        if (await store.swap(key, text, seal(key, next))) return next
      }
      throw new DuepassiError('busy', 'too many requests of one session at the same time')
    },
    drop: (id) => store.drop(keyOf(id)),
  }
}
