import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as composed from '../../src/compose.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Account, ClientMetadata, Device, Directory, Sighting } from '../../src/directory/directory.ts'
import { markOfSet } from '../../src/directory/mark.ts'
import { openTerminal, type Terminal } from './terminal.ts'

/** Somebody, and what is known of them. */
export interface Person {
  factors?: readonly string[]
  locked?: boolean
  groups?: readonly string[]
  minimum?: string
  disabled?: boolean
  /** Places where they signed in, each in a browser of its own, and whether that one is trusted. */
  browsers?: ReadonlyArray<{ seen?: Partial<Sighting>; trusted?: boolean; secondsAgo?: number }>
  client?: Partial<ClientMetadata>
}

export const day = 86_400

const rome = { address: '192.0.2.7', country: 'IT', city: 'Rome', latitude: 41.9, longitude: 12.5 }

const deviceOf = (
  id: string,
  { seen = {}, secondsAgo = 10 * day }: NonNullable<Person['browsers']>[number],
): Device => ({
  id,
  accountId: 'anna-1',
  secretHash: randomBytes(32).toString('base64url'),
  previousHash: null,
  seen: { ...rome, browser: 'Firefox', system: 'Windows', ...seen },
  countries: [seen.country ?? 'IT'],
  trust: null,
  createdAt: Date.now() - 100 * day * 1000,
  lastUsedAt: Date.now() - secondsAgo * 1000,
})

/** The command line on a configuration with everything behind it, an account `anna` and a client `shop`. */
export const openWithAnna = async (
  over: Record<string, unknown> = {},
  person: Person = {},
  parts: Parameters<typeof openTerminal>[1] = composed,
): Promise<Terminal & { within<T>(task: (directory: Directory) => Promise<T>): Promise<T> }> => {
  const terminal = openTerminal(over, parts)
  const config = configOf(terminal)
  await composed.migrate(config)
  const within = async <T>(task: (directory: Directory) => Promise<T>): Promise<T> => {
    const directory = await composed.openDirectory(config)
    return task(directory).finally(() => directory.close())
  }
  await within((directory) => addAnna(directory, person))
  return { ...terminal, within }
}

const configOf = ({ file }: Terminal): Config => {
  const loaded = loadConfig({ file, env: {} })
  assert.ok('config' in loaded, JSON.stringify(loaded))
  return loaded.config
}

const addAnna = async (directory: Directory, person: Person): Promise<void> => {
  const { factors = [], groups = [], minimum = null, browsers = [], client = {} } = person
  const account: Account = {
    id: 'anna-1',
    username: 'anna',
    email: null,
    name: 'Anna Bianchi',
    passwordHash: 'none',
    passwordDue: null,
    locale: null,
    claims: {},
    groups,
    minimum,
    disabledAt: person.disabled ? 1 : null,
    createdAt: 1,
  }
  await directory.addAccount(account)
  await directory.addClient({ client_id: 'shop', client_name: 'The Shop', ...client })
  for (const factor of factors)
    await directory.addCredential({
      id: `c-${factor}`,
      accountId: account.id,
      factor,
      label: '',
      handle: null,
      secret: factor === 'webauthn' ? storedKey : 'x',
      counter: 0,
      createdAt: 1,
      lastUsedAt: null,
    })
  if (person.locked)
    await directory.changeAttempts(account.id, 'totp', () => ({ failures: 11, waitUntil: 0, lockedAt: 5 }))
  const mark = markOfSet(await directory.credentials(account.id))
  for (const [index, browser] of browsers.entries()) {
    const device = deviceOf(`device-${index}`, browser)
    const trust = { at: device.lastUsedAt, mark, factors: [...factors], key: null }
    await directory.addDevice(browser.trusted ? { ...device, trust } : device, 20)
  }
}

/** A key whose maker attests nothing. */
const storedKey = JSON.stringify({
  v: 1,
  userHandle: 'h',
  publicKey: 'k',
  alg: -7,
  transports: [],
  aaguid: '00000000-0000-0000-0000-000000000000',
  fmt: 'none',
  attested: false,
  backupEligible: true,
  backedUp: true,
  userVerified: true,
  discoverable: true,
})
