import { Cluster, Redis } from 'ioredis'
import { DuepassiError } from '../../errors.ts'

type Node = { host: string; port: number }

/**
 * How Redis is run, and where: one of `url`, `sentinels` with `master`, `cluster`. The `redis` section of the
 * configuration fits it (`config/schema.ts`, which checks what is written there).
 */
export interface RedisSettings {
  /** One server: `redis://[user:password@]host:6379[/db]`, `rediss://` for TLS. */
  url?: string | undefined
  /** Sentinels that know `master`. */
  sentinels?: Node[] | undefined
  /** Name of the master group the sentinels watch. */
  master?: string | undefined
  /** Some nodes of a Redis Cluster; the others are found from them. */
  cluster?: Node[] | undefined
  /** User at sentinels (and their master) or cluster; `url` carries its own. */
  username?: string | undefined
  /** Password at sentinels (and their master) or cluster; `url` carries its own. */
  password?: string | undefined
  /** TLS to sentinels (and their master) or cluster; with `url` its scheme decides. */
  tls: boolean
  /** Put before every key; at most 20 characters, may be empty. */
  prefix: string
}

/** The two steps that Redis has no single command for, each on one key. */
const scripts = {
  swapValue: {
    numberOfKeys: 1,
    lua: `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1`,
  },
  includeMember: {
    numberOfKeys: 1,
    lua: `redis.call('SADD', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < ARGV[2] * 1000 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 1`,
  },
}

interface ScriptCommands {
  /** 1 when `next` was written; `seconds` 0 keeps the lifetime. */
  swapValue(key: string, expected: string, next: string, seconds: number): Promise<number>
  includeMember(key: string, member: string, seconds: number): Promise<number>
}

export type RedisClient = (Redis | Cluster) & ScriptCommands

const retry = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 6), 1_000)

/** Nothing is sent twice, and a connection on which nothing comes back is given up. */
const connection = { connectTimeout: 2_000, socketTimeout: 2_500, maxRetriesPerRequest: 0 }

/** The client for the way of running Redis that the configuration names; it connects at the first command. */
export function connect(options: RedisSettings): RedisClient {
  if (options.cluster) return scripted(connectCluster(options, options.cluster))
  if (options.sentinels) return scripted(connectSentinels(options, options.sentinels))
  if (options.url === undefined) {
    throw new DuepassiError('not_configured', 'redis: one of url, sentinels with master, cluster is needed')
  }
  return scripted(new Redis(options.url, single))
}

const single = {
  ...connection,
  scripts,
  retryStrategy: retry,
  enableAutoPipelining: true,
  // What could not be sent is rejected rather than sent minutes later.
  enableOfflineQueue: false,
  lazyConnect: true,
}

const credentials = ({ username, password }: RedisSettings) => ({
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
})

function connectSentinels(options: RedisSettings, sentinels: Node[]): Redis {
  if (options.master === undefined) {
    throw new DuepassiError('not_configured', 'redis.master: the name of the master group is needed')
  }
  return new Redis({
    ...single,
    ...credentials(options),
    sentinels,
    name: options.master,
    ...(options.username === undefined ? {} : { sentinelUsername: options.username }),
    ...(options.password === undefined ? {} : { sentinelPassword: options.password }),
    ...(options.tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    sentinelRetryStrategy: retry,
    sentinelCommandTimeout: 2_000,
    failoverDetector: true,
    // A master that was demoted: ask the sentinels again.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  })
}

function connectCluster(options: RedisSettings, nodes: Node[]): Cluster {
  return new Cluster(nodes, {
    scripts,
    lazyConnect: true,
    clusterRetryStrategy: retry,
    // A lost connection is not tried again, for the command may have been carried out; redirections were not.
    retryDelayOnFailover: 0,
    maxRedirections: 8,
    slotsRefreshInterval: 5_000,
    // No auto-pipelining: a batch of which one command is redirected cannot be sent again as a whole.
    enableAutoPipelining: false,
    redisOptions: { ...connection, ...credentials(options), ...(options.tls ? { tls: {} } : {}) },
    // Certificates name hosts: with TLS the names stay as they are.
    ...(options.tls ? { dnsLookup: (host, found) => found(null, host) } : {}),
  })
}

/** `scripts` adds the commands at run time; the types of ioredis do not follow. */
const scripted = (client: Redis | Cluster): RedisClient => client as RedisClient
