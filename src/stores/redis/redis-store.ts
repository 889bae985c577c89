import { DuepassiError } from '../../errors.ts'
import { type Log, silentLog } from '../../log.ts'
import type { Store } from '../store.ts'
import { connect, type RedisSettings } from './connect.ts'

/** Milliseconds within which a verb is answered or rejected, waiting for a connection included. */
const patience = 2_000

/**
 * A `Store` on Redis 6.2 or later: one server, Sentinel or Cluster. Connects at the first verb.
 *
 * Every verb is one command (or one script) on one key. A verb that Redis does not answer within two seconds rejects
 * with `store_unavailable`; nothing is sent again after a lost connection, because the first one may have been carried
 * out: an `add` repeated would find its own entry and report somebody else's win. The next verb finds the new
 * connection by itself.
 *
 * Redis must not evict (`maxmemory-policy noeviction`): an evicted entry would read as "never used".
 */
export function redisStore(options: RedisSettings, log: Log = silentLog): Store {
  const client = connect(options)
  const at = (key: string) => options.prefix + key
  let reachable = true
  let closing = false

  const lose = (reason: string) => {
    if (reachable && !closing) log.warn({ reason }, 'Redis is not reachable')
    reachable = false
  }
  // Without a listener an 'error' event would end the process.
  client.on('error', (error: Error) => lose(error.message))
  // A connection that is lost and found again at once makes no 'error'.
  client.on('close', () => lose('the connection was closed'))
  client.on('ready', () => {
    if (!reachable) log.info('Redis is reachable again')
    reachable = true
    client.info('memory').then(warnOfEviction, () => {})
  })

  function warnOfEviction(memory: unknown): void {
    const evicts = /maxmemory_policy:(?!noeviction)(\S+)/.exec(String(memory))
    const limited = /maxmemory:[1-9]/.test(String(memory))
    if (evicts && limited)
      log.warn({ policy: evicts[1] }, 'Redis may evict entries: set maxmemory-policy noeviction')
  }

  let readying: Promise<void> | undefined

  function whenReady(): Promise<void> {
    if (client.status === 'wait') client.connect().catch(() => {})
    readying ??= new Promise((resolve) => {
      client.once('ready', () => {
        readying = undefined
        resolve()
      })
    })
    return readying
  }

  function answer<Reply>(command: () => Promise<Reply>): Promise<Reply> {
    return new Promise((resolve, reject) => {
      let late = false
      const refuse = (cause: unknown) => {
        clearTimeout(timer)
        reject(new DuepassiError('store_unavailable', 'Redis does not answer', { cause }))
      }
      const timer = setTimeout(() => {
        late = true
        refuse(new Error(`no answer within ${patience} ms`))
      }, patience)
      const accept = (reply: Reply) => {
        clearTimeout(timer)
        resolve(reply)
      }
      // A command whose caller was already refused must not be carried out when Redis comes back.
      const send = () => {
        if (!late) command().then(accept, refuse)
      }
      if (client.status === 'ready') send()
      else if (client.status === 'end') refuse(new Error('closed'))
      else whenReady().then(send, refuse)
    })
  }

  return {
    get: (key) => answer(async () => (await client.get(at(key))) ?? undefined),
    put: (key, value, seconds) =>
      answer(async () => {
        await client.set(at(key), value, 'EX', seconds)
      }),
    add: (key, value, seconds) =>
      answer(async () => (await client.set(at(key), value, 'EX', seconds, 'NX')) === 'OK'),
    swap: (key, expected, next, seconds) =>
      answer(async () => (await client.swapValue(at(key), expected, next, seconds ?? 0)) === 1),
    take: (key) => answer(async () => (await client.getdel(at(key))) ?? undefined),
    drop: (key) =>
      answer(async () => {
        await client.unlink(at(key))
      }),
    include: (key, member, seconds) =>
      answer(async () => {
        await client.includeMember(at(key), member, seconds)
      }),
    exclude: (key, member) =>
      answer(async () => {
        await client.srem(at(key), member)
      }),
    members: (key) => answer(() => client.smembers(at(key))),
    ping: () =>
      answer(async () => {
        await client.get(at('ping'))
      }),
    async close() {
      closing = true
      client.disconnect()
    },
  }
}
