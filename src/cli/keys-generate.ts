import type { Command } from 'commander'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { stringify } from 'yaml'
import { systemRandom } from '../crypto/random.ts'
import { type Io, print } from './io.ts'

const freshSecret = (): string => systemRandom(32).toString('base64')

/** A `keys:` section with one fresh key of each purpose; the signing key's `kid` is its RFC 7638 thumbprint. */
const freshKeys = async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  const push = await generateKeyPair('ES256', { extractable: true })
  return {
    keys: {
      signing: [{ kid: await calculateJwkThumbprint(jwk), use: 'sig', alg: 'ES256', ...jwk }],
      cookies: [freshSecret()],
      sealing: [{ id: systemRandom(6).toString('hex'), key: freshSecret() }],
      push: await exportJWK(push.privateKey),
    },
  }
}

export const addKeysCommands = (program: Command, io: Io): void => {
  program
    .command('keys')
    .description('keys for tokens, cookies and secrets at rest')
    .command('generate')
    .description('print a fresh `keys:` section for the configuration file')
    .action(async () => {
      print(
        io,
        '# Secret. Paste into the configuration file, or name a file with it in DUEPASSI_KEYS_FILE.',
        '# Keep every sealing key for ever: what it sealed opens with no other.',
        stringify(await freshKeys(), { lineWidth: 0 }).trimEnd(),
      )
    })
}
