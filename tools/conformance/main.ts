/** The provider for the OpenID Foundation's conformance suite: `npm run conformance`; how to, in docs/conformance.md. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startConformance } from './start.ts'

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: 'op.duepassi.test' },
    port: { type: 'string', default: '9443' },
    listen: { type: 'string', default: '127.0.0.1' },
    suite: { type: 'string', default: 'https://localhost.emobix.co.uk:8443' },
    alias: { type: 'string', default: 'duepassi' },
    'suite-ca': { type: 'string' },
    'log-level': { type: 'string', default: 'warn' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(`npm run conformance -- [options]; docs/conformance.md says what for

  --host <name>        of the provider, as the suite knows it (op.duepassi.test)
  --port <port>        of TLS (9443)
  --listen <address>   (127.0.0.1)
  --suite <url>        where the suite runs (https://localhost.emobix.co.uk:8443)
  --alias <name>       of the test plan (duepassi)
  --suite-ca <file>    authorities of the suite's certificate, PEM
  --log-level <level>  (warn)`)
  process.exit()
}

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
const folder = mkdtempSync(join(tmpdir(), 'duepassi-conformance-'))
const suiteCa = options['suite-ca']
const op = await startConformance({
  folder,
  host: options.host,
  listen: { host: options.listen, port: Number(options.port) },
  suite: { origin: options.suite.replace(/\/$/, ''), alias: options.alias },
  ...(suiteCa !== undefined && { suiteAuthorities: [readFileSync(suiteCa, 'utf8')] }),
  logLevel: levels.find((level) => level === options['log-level']) ?? 'warn',
}).catch((error: unknown) => {
  rmSync(folder, { recursive: true, force: true })
  throw error
})

const { client, client2, client_secret_post: post } = op.clients
console.log(`
  Duepassi is running with config/conformance.yaml.

    Issuer                ${op.issuer}
    Discovery             ${op.issuer}/.well-known/openid-configuration
    Its certificate is by ${join(folder, 'ca.pem')}
    ${options.host} has to lead to ${options.listen}, for the suite and for you.

    Clients               ${client.client_id}  ${client.client_secret}  (client_secret_basic)
                          ${client2.client_id}  ${client2.client_secret}  (client_secret_basic)
                          ${post.client_id}  ${post.client_secret}  (client_secret_post)
    Or dynamic registration, without a token.

    People                ${op.people.map(({ account, password }) => `${account.username} / ${password}`).join('\n                          ')}
    Their hardware tokens are pressed for them: the code stands in the field.

    Plan for the suite    ${join(folder, 'plan.json')}
    To rotate its keys    npm run duepassi -- keys rotate --sooner -c ${join(folder, 'duepassi.yaml')}

  Ctrl-C ends it, and nothing stays.
`)

let ending = false
const end = async (): Promise<void> => {
  if (ending) return
  ending = true
  await op.close()
  rmSync(folder, { recursive: true, force: true })
  process.exit(0)
}
process.on('SIGINT', () => void end())
process.on('SIGTERM', () => void end())
