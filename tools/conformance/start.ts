import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { compose, type Duepassi, migrate } from '../../src/compose.ts'
import { printFaults } from '../../src/config/fault.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { listen } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts'
import { issueAuthority, issueCertificate } from '../../test/support/certificates.ts'
import { makeKeys } from './keys.ts'
import { addPeople, type Person } from './people.ts'
import { suitePlan } from './plan.ts'
import { addStaticClients, type StaticClients } from './relying-parties.ts'
import { startTerminator } from './terminator.ts'

export interface ConformanceSettings {
  /** An empty folder, for database, keys, certificate and plan. */
  folder: string
  /** Name by which the suite knows the provider. */
  host: string
  /** Address and port to listen on for TLS. */
  listen: { host: string; port: number }
  /** Origin of the suite, and the alias of its plans: where its answers go. */
  suite: { origin: string; alias: string }
  /** Authorities (PEM) that the suite's own pages are trusted by, besides none. */
  suiteAuthorities?: readonly string[]
  logLevel?: Config['log']['level']
}

export interface Conformance {
  issuer: string
  duepassi: Duepassi
  people: [Person, ...Person[]]
  clients: StaticClients
  /** The authority of the certificate, PEM. */
  ca: string
  plan: ReturnType<typeof suitePlan>
  close(): Promise<void>
}

const profile = new URL('../../config/conformance.yaml', import.meta.url)

/**
 * The profile of config/conformance.yaml as it is, with what belongs to one machine added to it. The file serves
 * `duepassi -c` as well: `keys rotate`, while the suite waits for it.
 */
const configure = async (issuer: string, folder: string, level: Config['log']['level']): Promise<Config> => {
  const file = join(folder, 'duepassi.yaml')
  const settings = {
    ...(parse(readFileSync(profile, 'utf8')) as object),
    issuer,
    listen: { port: 0 },
    database: { url: `sqlite:${join(folder, 'duepassi.db')}` },
    store: { file: join(folder, 'sessions.db') },
    keys: await makeKeys(),
    log: { level },
  }
  writeFileSync(file, stringify(settings), { mode: 0o600 })
  const loaded = loadConfig({ file, env: {} })
  if ('faults' in loaded) throw new Error(printFaults(loaded.faults))
  return loaded.config
}

/** A certificate for the name, by an authority that was made for it and whose key is gone afterwards. */
const certify = (host: string) => {
  const authority = issueAuthority('Conformance of Duepassi')
  const certificate = issueCertificate({ commonName: host, dnsName: host, issuer: authority, unit: 'TLS' })
  return {
    ca: authority.pem,
    cert: certificate.pem,
    key: certificate.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** Composes the provider with the profile, behind TLS, with people and relying parties in it. */
export const startConformance = async (settings: ConformanceSettings): Promise<Conformance> => {
  const { folder, host, suite, suiteAuthorities, logLevel = 'warn' } = settings
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { port } = settings.listen
  const issuer = port === 443 ? `https://${host}` : `https://${host}:${port}`
  const config = await configure(issuer, folder, logLevel)
  const log = createLog(logLevel)
  await migrate(config)
  const duepassi = await compose(config, {
    log,
    // The suite serves keys and sector identifiers from the next container.
    outbound: createGuardedFetch({ allowPrivate: true, ...(suiteAuthorities && { ca: suiteAuthorities }) }),
  })
  const [first, ...others] = await addPeople(duepassi)
  if (!first) throw new Error('there is nobody to sign in')
  const clients = await addStaticClients(duepassi.directory, `${suite.origin}/test/a/${suite.alias}`)
  const server = await listen(duepassi, config, log)
  const { ca, ...certificate } = certify(host)
  const terminator = await startTerminator({
    upstream: Number(new URL(server.url).port),
    listen: settings.listen,
    certificate,
    people: [first, ...others],
  })
  const plan = suitePlan({ issuer, alias: suite.alias, clients, person: first })
  writeFileSync(join(folder, 'plan.json'), `${JSON.stringify(plan, null, 2)}\n`, { mode: 0o600 })
  writeFileSync(join(folder, 'ca.pem'), ca)
  return {
    issuer,
    duepassi,
    people: [first, ...others],
    clients,
    ca,
    plan,
    async close() {
      await terminator.close()
      await server.drain()
    },
  }
}
