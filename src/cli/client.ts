import type { Command } from 'commander'
import { createTrail } from '../audit/trail.ts'
import { systemClock } from '../clock.ts'
import { systemRandom } from '../crypto/random.ts'
import { DuepassiError } from '../errors.ts'
import { factorNames } from '../factors/factor.ts'
import { checkServed } from './client-authentication.ts'
import { type InviteOptions, inviteClient } from './client-invite.ts'
import { addLogoutOptions, checkLogout } from './client-logout.ts'
import { type ClientOptions, clientMetadata } from './client-metadata.ts'
import { addProtocolOptions } from './client-protocol-options.ts'
import { addSubjectOptions, checkSubject } from './client-subject.ts'
import { collect } from './collect.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print, Refusal } from './io.ts'
import { withDirectory } from './parts.ts'

const addClient = async (io: Io, options: ClientOptions & CommonOptions): Promise<void> => {
  const config = configurationOf(io, options)
  // Without the app the grant type is unknown, and the client could not be used at all.
  if (options.ciba !== undefined && !config.push.enabled)
    throw new Refusal('--ciba needs the authenticator app: set push.enabled.')
  if (options.grant.includes('device_code') && !config.protocol.device.enabled)
    throw new Refusal('--grant device_code needs protocol.device.enabled.')
  checkServed(options, config)
  checkLogout(options, config)
  const metadata = await clientMetadata(options, systemRandom)
  await checkSubject(options, metadata, config)
  await withDirectory(io, config, async (directory) => {
    try {
      await directory.addClient(metadata)
    } catch (error) {
      if (error instanceof DuepassiError && error.code === 'client_exists') {
        throw new Refusal(
          `There is a client "${options.id}" already. Choose another --id, or remove it first.`,
        )
      }
      throw error
    }
    await createTrail({ directory, clock: systemClock, random: systemRandom })('client.added', {
      clientId: options.id,
    })
  })
  print(io, `client_id: ${options.id}`)
  const { client_secret: secret } = metadata
  if (typeof secret === 'string') {
    print(io, `client_secret: ${secret}`)
    io.stderr.write('The secret is shown this once; keep it with the relying party.\n')
  }
}

const removeClient = async (io: Io, id: string, options: CommonOptions): Promise<void> => {
  const removed = await withDirectory(io, configurationOf(io, options), async (directory) => {
    const found = await directory.removeClient(id)
    if (found)
      await createTrail({ directory, clock: systemClock, random: systemRandom })('client.removed', {
        clientId: id,
      })
    return found
  })
  if (!removed) throw new Refusal(`There is no client "${id}".`)
  print(io, `The client ${id} is removed; it gets no more tokens.`)
}

export const addClientCommands = (program: Command, io: Io): void => {
  const group = program.command('client').description('relying parties')
  const add = group
    .command('add')
    .description('register a relying party; prints its secret once')
    .requiredOption('--id <id>', 'client_id')
    .requiredOption('--name <name>', 'name that people see when they sign in')
    .option('--redirect-uri <uri>', 'where answers go; may be given several times', collect, [])
    .option(
      '--post-logout-redirect-uri <uri>',
      'where a sign-out may lead; may be given several times',
      collect,
      [],
    )
    .option(
      '--require-consent',
      'ask each person before this client gets anything: for clients of others',
      false,
    )
    .option('--require-second-factor', 'ask for a second factor whatever the general policy says', false)
    .option(
      '--require-factor <factor>',
      `must be proven here: ${factorNames.join(', ')}; may be given several times`,
      collect,
      [],
    )
    .option('--minimum-acr <acr>', 'the least level that this client takes, such as phr')
    .option('--second-factor-max-age <seconds>', 'ask for a second factor again once it is that old')
    .option('--forbid-factor <factor>', 'counts for nothing here; may be given several times', collect, [])
    .option('--public', 'an app without a secret (browser, phone): PKCE protects it', false)
    .option('--logo-uri <uri>', 'logo that people see when they sign in')
    .option('--client-uri <uri>', 'home page, to which people are led back')
    .option('--policy-uri <uri>', 'its privacy policy, linked on the sign-in page')
    .option('--tos-uri <uri>', 'its terms of service, linked on the sign-in page')
    .option(
      '--grant <type>',
      'authorization_code (default), refresh_token, client_credentials, device_code; may be given several times',
      collect,
      [],
    )
    .option('--ciba <mode>', 'may ask people on their phones by itself, and learns it by: poll, ping (CIBA)')
    .option('--notification-endpoint <uri>', 'where --ciba ping tells it that somebody has decided')
    .option(
      '--id-token-alg <alg>',
      'ES256 (default), EdDSA, PS256 or RS256; needs such a key: `keys.algorithms` or `keys.signing`',
    )
    .action(async (_, command: Command) =>
      addClient(io, command.optsWithGlobals<ClientOptions & CommonOptions>()),
    )
  addProtocolOptions(add)
  addLogoutOptions(add)
  addSubjectOptions(add)
  group
    .command('invite')
    .description('print a token with which a relying party may be registered by whoever has it (RFC 7591)')
    .option('--days <number>', 'how long it is good for', '7')
    .option('--uses <number>', 'for how many registrations', '1')
    .option('--revoke <token>', 'make none: end this one instead')
    .action(async (_, command: Command) =>
      inviteClient(io, command.optsWithGlobals<InviteOptions & CommonOptions>()),
    )
  group
    .command('remove')
    .description('remove a relying party')
    .argument('<id>', 'client_id')
    .action(async (id: string, _, command: Command) =>
      removeClient(io, id, command.optsWithGlobals<CommonOptions>()),
    )
}
