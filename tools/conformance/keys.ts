import { randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'

const signingKey = async (alg: 'ES256' | 'RS256' | 'PS256') => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  return {
    ...(await exportJWK(privateKey)),
    kid: `${alg.toLowerCase()}-${randomBytes(4).toString('hex')}`,
    alg,
    use: 'sig',
  }
}

/** Section `keys` of a configuration: one signing key of each algorithm that the suite's plans know. */
export const makeKeys = async () => ({
  signing: await Promise.all((['ES256', 'RS256', 'PS256'] as const).map(signingKey)),
  cookies: [randomBytes(32).toString('base64')],
  pairwise: randomBytes(32).toString('base64'),
  sealing: [{ id: 'conformance', key: randomBytes(32).toString('base64') }],
})
