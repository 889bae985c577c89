import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exportJWK, generateKeyPair } from 'jose'
import { stringify } from 'yaml'
import { printFaults } from '../src/config/fault.ts'
import { loadConfig } from '../src/config/load.ts'
import type { Config } from '../src/config/schema.ts'

interface DemoFolder {
  path: string
  config: Config
}

interface Settings {
  reset: boolean
  port: number
  secondFactor: string
  /** Resource servers, as in the configuration. */
  resources: Config['resources']
}

/**
 * The folder in which the demo keeps its data, with a configuration file that `duepassi -c` understands as well. Its
 * keys are made once; `demo-` in their names makes production refuse them.
 */
export const openDemoFolder = async (
  path: string,
  { reset, port, secondFactor, resources }: Settings,
): Promise<DemoFolder> => {
  if (reset) rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const keysFile = join(path, 'keys.json')
  const kept = existsSync(keysFile) ? JSON.parse(readFileSync(keysFile, 'utf8')) : {}
  // What a folder of an earlier version does not have yet.
  const keys = { ...(await newKeys()), ...kept }
  writeFileSync(keysFile, JSON.stringify(keys, null, 2), { mode: 0o600 })
  const file = join(path, 'duepassi.yaml')
  const settings = {
    mode: 'demo',
    issuer: `http://localhost:${port}`,
    listen: { host: 'localhost', port },
    database: { url: `sqlite:${join(path, 'duepassi.db')}` },
    store: { file: join(path, 'sessions.db') },
    keys,
    policy: { secondFactor, trustedDevices: { kind: 'cookie' } },
    // Made up: documentation addresses in four cities, for `policy explain --from`.
    places: { file: fileURLToPath(new URL('../test/support/places.mmdb', import.meta.url)) },
    push: { enabled: true },
    tokens: { enabled: true },
    resources,
    // Long enough to be seen, short enough to try the lock within a minute.
    attempts: { firstWait: 2, longestWait: 4 },
    log: { level: 'warn' },
  }
  writeFileSync(file, `# Written by \`npm run demo\` at each start.\n${stringify(settings)}`, { mode: 0o600 })
  const loaded = loadConfig({ file, env: {} })
  if ('faults' in loaded) {
    console.error(printFaults(loaded.faults))
    process.exit(1)
  }
  return { path, config: loaded.config }
}

const newKeys = async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const name = `demo-${randomBytes(4).toString('hex')}`
  const secret = () => randomBytes(32).toString('base64')
  return {
    signing: [{ ...(await exportJWK(privateKey)), kid: name, alg: 'ES256', use: 'sig' }],
    cookies: [secret()],
    sealing: [{ id: name, key: secret() }],
    push: await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey),
  }
}
