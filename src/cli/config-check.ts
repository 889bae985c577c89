import type { Command } from 'commander'
import type { Config } from '../config/schema.ts'
import { isConfigured, isSignedElsewhere, signatureAlgorithms } from '../provider/keys/algorithms.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print } from './io.ts'

/** Scheme, host and path; whatever may be a credential is left out. */
const withoutCredentials = (url: string): string => {
  if (url.startsWith('sqlite:')) return url
  const parsed = URL.parse(url)
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : 'configured'
}

const storeOf = ({ redis, store }: Config): string => {
  if (!redis) return `embedded, ${store.file} (one process only)`
  if (redis.url) return withoutCredentials(redis.url)
  if (redis.cluster) return `Redis Cluster, ${redis.cluster.length} nodes named`
  return `Redis by ${redis.sentinels?.length} sentinels, master ${redis.master}`
}

/** What the configuration brings, and what is made where it brings nothing. */
const signingOf = (config: Config): string => {
  const { signing = [], signers = [] } = config.keys
  const made = signatureAlgorithms(config).filter(
    (alg) => !isConfigured(config, alg) && !isSignedElsewhere(config, alg),
  )
  return [
    ...signing.map(({ kid, alg, kty }) => `${alg ?? kty}${kid ? ` ${kid}` : ''}`),
    ...signers.map(({ kid, alg, kind }) => `${alg} ${kid} (${kind})`),
    ...made.map((alg) => `${alg} made by Duepassi`),
  ].join(', ')
}

const summary = (config: Config): string[] => {
  const { listen, metrics, keys, policy, mail } = config
  return Object.entries({
    mode: config.mode,
    issuer: config.issuer,
    listen: `${listen.host}:${listen.port}${config.proxy ? ', behind a proxy' : ''}`,
    metrics: metrics.port === null ? 'none' : `${metrics.host}:${metrics.port}`,
    database: withoutCredentials(config.database.url),
    store: storeOf(config),
    'signing keys': signingOf(config),
    'cookie keys': keys.cookies ? String(keys.cookies.length) : 'made by Duepassi',
    'sealing keys': (keys.sealing ?? []).map(({ id }) => id).join(', ') || 'none',
    'second factor': policy.secondFactor,
    mail: mail.url ? `${withoutCredentials(mail.url)}, from ${mail.from}` : 'none',
  }).map(([name, value]) => `  ${name.padEnd(13)} ${value}`)
}

export const addConfigCommands = (program: Command, io: Io): void => {
  program
    .command('config')
    .description('the configuration')
    .command('check')
    .description('say everything that is wrong with the configuration, without starting')
    .action((_, command: Command) => {
      const config = configurationOf(io, command.optsWithGlobals<CommonOptions>())
      print(io, 'The configuration is fine.', ...summary(config))
    })
}
