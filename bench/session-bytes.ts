import type { Redis } from 'ioredis'
import { login } from './flows.ts'
import { nameOfKey } from './key-names.ts'
import type { People } from './people.ts'
import type { Site } from './site.ts'

export interface SessionBytes {
  /** Bytes per login of everything that lives as long as the session: records, indexes, grants. */
  perSession: number
  /** Bytes per login of tokens, codes and what a sign-in leaves behind for minutes. */
  beside: number
  groups: { keys: string; perLogin: number; bytes: number; seconds: number; counted: boolean }[]
}

/** Tokens have lives of their own. */
const tokens = /token|code/i

/** Seconds: what expires sooner is left over from the sign-in, not part of the session. */
const shortLived = 1000

/** What is left in Redis of each of `count` sign-ins, by MEMORY USAGE over all keys that they added. */
export const measureSessionBytes = async (
  site: Site,
  people: People,
  redis: Redis,
  count: number,
): Promise<SessionBytes> => {
  const before = new Set(await allKeys(redis))
  for (let index = 0; index < count; index++) await login(site, await people.take())
  const added = (await allKeys(redis)).filter((key) => !before.has(key))
  const groups = new Map<string, { keys: number; bytes: number; seconds: number }>()
  for (const key of added) {
    const bytes = Number(await redis.memory('USAGE', key, 'SAMPLES', 0))
    const name = nameOfKey(key)
    const left = await redis.ttl(key)
    const seconds = left < 0 ? Number.POSITIVE_INFINITY : left
    const group = groups.get(name) ?? { keys: 0, bytes: 0, seconds: 0 }
    groups.set(name, {
      keys: group.keys + 1,
      bytes: group.bytes + bytes,
      seconds: Math.max(group.seconds, seconds),
    })
  }
  const rows = [...groups].map(([keys, group]) => ({
    keys,
    perLogin: group.keys / count,
    bytes: group.bytes / count,
    seconds: group.seconds,
    counted: !tokens.test(keys) && group.seconds > shortLived,
  }))
  const sum = (counted: boolean) =>
    rows.filter((row) => row.counted === counted).reduce((total, row) => total + row.bytes, 0)
  return { perSession: sum(true), beside: sum(false), groups: rows }
}

const allKeys = async (redis: Redis): Promise<string[]> => {
  const keys: string[] = []
  for await (const some of redis.scanStream({ count: 1000 })) keys.push(...(some as string[]))
  return [...new Set(keys)]
}
