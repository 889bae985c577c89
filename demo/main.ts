import { parseArgs } from 'node:util'
import { systemClock } from '../src/clock.ts'
import { compose, migrate } from '../src/compose.ts'
import { inboxDelivery, textInboxDelivery } from '../src/delivery/inbox/inbox.ts'
import { DuepassiError } from '../src/errors.ts'
import { listen } from '../src/http/server.ts'
import { createLog } from '../src/log.ts'
import { person, prepareAccount, prepareClient } from './accounts.ts'
import { openDemoFolder } from './folder.ts'
import { startInbox } from './inbox.ts'
import { startRelyingParty } from './relying-party/relying-party.ts'
import { startVault, vaultAt, vaultScope } from './vault.ts'

/** The main job on embedded storage: provider, relying party, a resource server, inbox. Ends with Ctrl-C; `--reset` forgets everything. */
const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '3000' },
    'rp-port': { type: 'string', default: '3001' },
    'inbox-port': { type: 'string', default: '3002' },
    'vault-port': { type: 'string', default: '3003' },
    folder: { type: 'string', default: '.demo' },
    'second-factor': { type: 'string', default: 'required' },
    reset: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(`npm run demo -- [options]

  --port, --rp-port, --inbox-port, --vault-port <port>   where the provider (3000), the application (3001), the
                                                         inbox (3002) and the vault (3003) listen
  --folder <folder>                                      where its data lies (.demo)
  --second-factor required|optional                      for everybody (required), or where an application asks
  --reset                                                forgets the data first`)
  process.exit()
}

const ports = {
  provider: Number(options.port),
  relyingParty: Number(options['rp-port']),
  inbox: Number(options['inbox-port']),
  vault: Number(options['vault-port']),
}

const taken = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ||
  (error instanceof DuepassiError && error.code === 'not_configured' && error.message.includes('is taken'))

const orName = async <T>(starting: Promise<T>, option: string, port: number): Promise<T> =>
  starting.catch((error: unknown) => {
    if (!taken(error)) throw error
    console.error(`Port ${port} is taken: choose another with \`npm run demo -- --${option} <port>\`.`)
    process.exit(1)
  })

const folder = await openDemoFolder(options.folder, {
  reset: options.reset,
  port: ports.provider,
  secondFactor: options['second-factor'],
  resources: [{ id: vaultAt(ports.vault), scopes: [vaultScope], clients: ['demo'], format: 'jwt' }],
})
const { config } = folder
const inbox = inboxDelivery(folder.path)
const texts = textInboxDelivery(folder.path, { clock: systemClock })
const log = createLog('warn')
await migrate(config)
const duepassi = await compose(config, { log, mail: inbox, texts, clock: systemClock })
await prepareAccount(duepassi, systemClock)
const relyingParty = `http://localhost:${ports.relyingParty}`
const clientSecret = await prepareClient(duepassi, relyingParty)

const server = await orName(listen(duepassi, config, log), 'port', ports.provider)
const rp = await orName(
  startRelyingParty({
    issuer: config.issuer,
    clientId: 'demo',
    clientSecret,
    host: 'localhost',
    port: ports.relyingParty,
    vault: { url: vaultAt(ports.vault), scope: vaultScope },
    providerInboxUrl: `http://localhost:${ports.inbox}`,
  }),
  'rp-port',
  ports.relyingParty,
)
const vault = await orName(
  startVault({ issuer: config.issuer, port: ports.vault }),
  'vault-port',
  ports.vault,
)
const mails = await orName(startInbox({ inbox, texts, port: ports.inbox }), 'inbox-port', ports.inbox)

console.log(`
  Duepassi is running.

    1. Open the relying party   ${relyingParty}
    2. Click “Sign in” and enter
         user name              ${person.username}
         password               ${person.password}
    3. Choose your second step: a passkey or security key, approval on your phone
       (open the page's link in another browser profile: that is the phone here),
       an authenticator app (scan the QR code, or copy the secret into
       oathtool --totp -b <secret>), a code by text message (it arrives in the
       inbox below), or a hardware token.
    4. Read what your ID token says.
    5. Open the vault from there: a resource server that asks for a passkey or security key,
       and gets it by a step up (RFC 9470).
    6. Sign in again, tick “Don’t ask again on this device”, and the next time the password
       is enough here: your token then says one factor, and the vault still asks.
    7. Look after your factors and sessions ${config.issuer}/account
    8. Ask why: npm run duepassi -- policy explain --account ${person.username} --client demo \\
                  --from 203.0.113.7 -c ${folder.path}/duepassi.yaml

    The provider                ${config.issuer}
    The phone's app             ${config.issuer}/authenticator/
    Mails and text messages     ${mails.url}
    Unlock the account          npm run duepassi -- account unlock ${person.username} -c ${folder.path}/duepassi.yaml

  Waits after wrong codes are seconds here, not minutes. Ctrl-C ends the demo; its data stays in ${folder.path}/
  (the same command with --reset starts over).
`)

let ending = false
const end = async (): Promise<void> => {
  if (ending) return
  ending = true
  await Promise.allSettled([rp.close(), vault.close(), mails.close(), server.drain()])
  process.exit(0)
}
process.on('SIGINT', () => void end())
process.on('SIGTERM', () => void end())
