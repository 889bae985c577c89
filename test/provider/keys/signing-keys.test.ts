import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { Provider } from 'oidc-provider'
import { signingKeys } from '../../../src/provider/keys/signing-keys.ts'

const keys = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
type Algorithm = keyof typeof keys

const jwkOf = (alg: Algorithm, more: object = {}) => ({
  kty: '',
  ...(keys[alg].privateKey.export({ format: 'jwk' }) as JsonWebKey),
  use: 'sig',
  ...more,
})

const providerWith = (jwk: Parameters<typeof signingKeys>[0][number], alg: Algorithm) =>
  new Provider('http://127.0.0.1:9', {
    jwks: { keys: signingKeys([jwk]) },
    features: { externalSigningSupport: { enabled: true, ack: 'experimental-01' } },
    clients: [
      {
        client_id: 'rp',
        client_secret: 'secret',
        redirect_uris: ['http://127.0.0.1:9/callback'],
        id_token_signed_response_alg: alg,
      },
    ],
  })

const publishedBy = async (provider: Provider): Promise<JSONWebKeySet> => {
  const server = provider.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const answer = await fetch(`http://127.0.0.1:${port}/jwks`)
  const published = (await answer.json()) as JSONWebKeySet
  await new Promise((resolve) => server.close(resolve))
  return published
}

describe('signing keys', () => {
  for (const alg of ['ES256', 'EdDSA', 'RS256'] as const) {
    for (const named of [true, false]) {
      it(`sign ${alg} ${named ? 'with' : 'without'} alg and kid in the configuration`, async () => {
        const provider = providerWith(jwkOf(alg, named ? { alg, kid: 'mine' } : {}), alg)
        const published = await publishedBy(provider)
        const [key] = published.keys
        assert.deepEqual(
          Object.keys(key ?? {}).filter((name) => ['d', 'p', 'q', 'dp', 'dq', 'qi'].includes(name)),
          [],
          'nothing private is published',
        )
        if (named) assert.equal(key?.kid, 'mine')
        const client = await provider.Client.find('rp')
        assert.ok(client)
        const token = new (provider as unknown as { IdToken: IdTokenClass }).IdToken(
          { sub: 'me' },
          { client },
        )
        token.scope = 'openid'
        const { protectedHeader, payload } = await jwtVerify(
          await token.issue({ use: 'idtoken' }),
          createLocalJWKSet(published),
        )
        assert.equal(protectedHeader.alg, alg)
        assert.equal(protectedHeader.kid, key?.kid)
        assert.equal(payload.sub, 'me')
      })
    }
  }

  it('get the key id of RFC 7638 where none is configured, as JWKs do', async () => {
    const { x, y } = jwkOf('ES256')
    const thumbprint = createHash('sha256')
      .update(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }))
      .digest('base64url')
    const published = await publishedBy(providerWith(jwkOf('ES256'), 'ES256'))
    assert.equal(published.keys[0]?.kid, thumbprint)
  })

  it('are left to oidc-provider where it has more to publish than a key can say', () => {
    const jwk = jwkOf('ES256', { x5c: ['MIIB'] })
    assert.equal(signingKeys([jwk])[0], jwk)
  })
})

type IdTokenClass = new (
  claims: object,
  options: { client: object },
) => { scope: string; issue(options: { use: string }): Promise<string> }
