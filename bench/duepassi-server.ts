/** Duepassi as `npm start` composes it, on Redis and SQLite, with accounts to sign in with. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { compose, migrate } from '../src/compose.ts'
import { type Config, schema } from '../src/config/schema.ts'
import { systemRandom } from '../src/crypto/random.ts'
import type { Directory } from '../src/directory/directory.ts'
import { listen } from '../src/http/server.ts'
import { createLog } from '../src/log.ts'
import { createHasher, type Hasher } from '../src/passwords/hashing.ts'
import { answerBench } from './child.ts'
import { seedOf } from './people.ts'
import {
  clientMetadata,
  lifetimes,
  password,
  readSettings,
  resource,
  resourceScope,
  username,
} from './setup.ts'

const settings = readSettings()

/** Keys that outlive a restart, because the accounts' seeds are sealed with one of them. */
const key = (purpose: string): string => createHash('sha256').update(`bench ${purpose}`).digest('base64')

const configuration = (): Config => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return schema.parse({
    mode: 'demo',
    issuer: `http://127.0.0.1:${settings.port}`,
    listen: { port: settings.port },
    database: { url: `sqlite:${join(settings.folder ?? '', 'bench.db')}` },
    redis: { url: settings.redisUrl },
    keys: {
      signing: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'bench' }],
      cookies: [key('cookies')],
      sealing: [{ id: 'bench', key: key('sealing') }],
    },
    resources: [{ id: resource, scopes: [resourceScope], clients: ['*'], format: 'jwt' }],
    lifetimes,
    policy: { trustedDevices: { kind: 'cookie' } },
  })
}

/** The password is compared, not hashed: what a login costs besides the hash. */
const stubHasher: Hasher = {
  gate: { running: 0, waiting: 0 },
  hash: async () => 'stub',
  verify: async (phc, typed) => phc !== undefined && typed === password,
  derive: async (secret, salt) => createHash('sha256').update(secret).update(salt).digest(),
  isOutdated: () => false,
}

/** Every sign-in is the first one, and leaves nothing behind: what a login costs besides knowing the browser. */
const withoutDevices = (directory: Directory): Directory => {
  const nothing: Pick<Directory, 'devices' | 'addDevice' | 'changeDevice' | 'appendAudit'> = {
    devices: async () => [],
    addDevice: async () => {},
    changeDevice: async () => true,
    appendAudit: async (event) => {
      if (!event.type.startsWith('device.')) await directory.appendAudit(event)
    },
  }
  return new Proxy(directory, {
    get(target, property) {
      if (property in nothing) return Reflect.get(nothing, property)
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const addAccounts = async (directory: Directory, count: number): Promise<void> => {
  const now = Date.now()
  // One hash and one set of recovery codes for all: checking them costs the same, making them does not.
  const hasher = createHasher({ concurrency: 2, queue: 100, random: systemRandom })
  const passwordHash = await hasher.hash(password)
  const recoveryCodes = JSON.stringify({
    salt: systemRandom(16).toString('base64url'),
    hashes: Array.from({ length: 10 }, () => systemRandom(32).toString('base64url')),
  })
  const credential = { label: 'bench', handle: null, counter: 0, createdAt: now, lastUsedAt: null }
  for (let index = 0; index < count; index++) {
    const id = `account-${index}`
    const name = username(index)
    await directory.addAccount({
      id,
      username: name,
      email: `${name}@example.org`,
      name,
      passwordHash,
      passwordDue: null,
      locale: null,
      claims: {},
      groups: [],
      minimum: null,
      disabledAt: null,
      createdAt: now,
    })
    await directory.addCredential({
      ...credential,
      id: `${id}-totp`,
      accountId: id,
      factor: 'totp',
      secret: seedOf(index),
    })
    await directory.addCredential({
      ...credential,
      id: `${id}-paper`,
      accountId: id,
      factor: 'recovery-code',
      secret: recoveryCodes,
    })
  }
  await directory.addClient(clientMetadata)
}

const config = configuration()
await migrate(config)
// Written as in production, one line a request; the bench gives standard output to nobody.
const log = createLog(config.log.level)
const duepassi = await compose(config, {
  log,
  ...(settings.stubHash === true && { hasher: stubHasher }),
  ...(settings.withoutDevices === true && { wrapDirectory: withoutDevices }),
})
if (settings.accounts !== undefined) await addAccounts(duepassi.directory, settings.accounts)
await listen(duepassi, config, log)
answerBench()
