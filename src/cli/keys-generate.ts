import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { stringify } from 'yaml'
import { systemRandom } from '../crypto/random.ts'

const freshSecret = (): string => systemRandom(32).toString('base64')

/** Keys that Duepassi would otherwise make and renew by itself. */
const ownKeys = async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  return {
    signing: [{ kid: await calculateJwkThumbprint(jwk), use: 'sig', alg: 'ES256', ...jwk }],
    cookies: [freshSecret()],
  }
}

/**
 * A `keys:` section with one fresh key of each purpose for which the configuration has to bring one; with `all` those for
 * tokens and cookies too. The signing key's `kid` is its RFC 7638 thumbprint.
 */
export const generateKeys = async ({ all }: { all: boolean }): Promise<string> => {
  const push = await generateKeyPair('ES256', { extractable: true })
  const section = {
    keys: {
      ...(all && (await ownKeys())),
      sealing: [{ id: systemRandom(6).toString('hex'), key: freshSecret() }],
      pairwise: freshSecret(),
      push: await exportJWK(push.privateKey),
    },
  }
  return [
    '# Secret. Paste into the configuration file, or name a file with it in DUEPASSI_KEYS_FILE.',
    '# Keep every sealing key for ever: what it sealed opens with no other. Never change the pairwise key.',
    ...(all ? [] : ['# Keys for tokens and cookies are made and renewed by Duepassi itself.']),
    stringify(section, { lineWidth: 0 }).trimEnd(),
  ].join('\n')
}
