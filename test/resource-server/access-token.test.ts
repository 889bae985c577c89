import assert from 'node:assert/strict'
import { base64url, type CryptoKey, exportSPKI, importJWK } from 'jose'
import { requireAuthentication } from '../../src/index.ts'
import { audience, createIssuer, issuer, newKey, type TestIssuer } from './issuer.ts'
import { bearer, type Served, serveGuarded } from './served.ts'

describe('an access token at a resource server', () => {
  let op: TestIssuer
  let served: Served
  before(async () => {
    op = await createIssuer()
    served = await serveGuarded(requireAuthentication({ issuer, audience, clock: op.clock, fetch: op.fetch }))
  })
  after(() => served.close())

  const passes = async (token: string) => {
    const { status, body } = await served.ask(bearer(token))
    assert.equal(status, 200, body)
    assert.equal(body, 'passed: maria')
  }
  const isRefused = async (token: string) => {
    const { status, challenge, headers, body } = await served.ask(bearer(token))
    assert.equal(status, 401, body)
    assert.match(challenge ?? '', /^Bearer error="invalid_token", error_description="[\w ,.]+"$/)
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(JSON.parse(body).error, 'invalid_token')
    // Nothing of the token, nor of what is wrong with it.
    assert.doesNotMatch(challenge ?? '', /maria|exp"|signature/)
  }

  it('passes when it is one, and keeps to the keys it has', async () => {
    await passes(await op.token())
    await passes(await op.token({ aud: ['https://other.example', audience] }))
    await passes(await op.token({}, { typ: 'application/at+jwt' }))
    assert.deepEqual(op.asked, [`${issuer}/.well-known/openid-configuration`, `${issuer}/jwks`])
  })

  const now = () => op.seconds()
  const wrong: Record<string, () => Promise<string>> = {
    'of another issuer': () => op.token({ iss: 'https://evil.example' }),
    'of an issuer with a slash more': () => op.token({ iss: `${issuer}/` }),
    'for another audience': () => op.token({ aud: 'https://api.example.org' }),
    'for others only': () => op.token({ aud: ['https://other.example', `${audience}/`] }),
    'without an audience': () => op.token({ aud: undefined }),
    'of type JWT, as ID tokens are': () => op.token({}, { typ: 'JWT' }),
    'without a type': () => op.token({}, { typ: undefined }),
    'that is a logout token': () => op.token({}, { typ: 'logout+jwt' }),
    'that expires this second': () => op.token({ exp: now() }),
    'that expired': () => op.token({ exp: now() - 1 }),
    'that never expires': () => op.token({ exp: undefined }),
    'whose expiry is a text': () => op.token({ exp: '9999999999' }),
    'that is not good yet': () => op.token({ nbf: now() + 5 }),
    'without a subject': () => op.token({ sub: undefined }),
    'whose subject is a number': () => op.token({ sub: 7 }),
    'of no client': () => op.token({ client_id: undefined }),
    'without an identifier': () => op.token({ jti: undefined }),
    'without its time': () => op.token({ iat: undefined }),
    'that is bound to a key nobody asks for': () => op.token({ cnf: { jkt: 'thumbprint' } }),
    'with a header that must be understood': () => op.token({}, { crit: ['bound'], bound: true }),
    'by another key under the same name': async () => op.token({}, {}, await newKey('first')),
    'by an unknown key': async () => op.token({}, {}, await newKey('unknown')),
    'with a key of its own in its header': async () => {
      const own = await newKey('own')
      return op.token({}, { jwk: own.publicJwk, kid: undefined }, own)
    },
    'that leads to its keys itself': async () =>
      op.token({}, { jku: 'https://evil.example/jwks' }, await newKey('evil')),
    'whose claims were changed': async () => {
      const [header, , signature] = (await op.token()).split('.')
      const [, claims] = (await op.token({ acr: 'phrh' })).split('.')
      return `${header}.${claims}.${signature}`
    },
    'without a signature': async () => {
      const [header, claims] = (await op.token()).split('.')
      return `${header}.${claims}.`
    },
    'of alg none': async () => {
      const [, claims] = (await op.token()).split('.')
      return `${base64url.encode(JSON.stringify({ typ: 'at+jwt', alg: 'none' }))}.${claims}.`
    },
    'of alg nOnE, signed all the same': async () => {
      const [, claims, signature] = (await op.token()).split('.')
      return `${base64url.encode(JSON.stringify({ typ: 'at+jwt', alg: 'nOnE', kid: 'first' }))}.${claims}.${signature}`
    },
    'that is encrypted, or looks so': async () => `${await op.token()}.AAAA.BBBB`,
    'that is no JWT': async () => 'an.opaque.token',
    'that is opaque': async () => 'wW3PYSjRpbUT0hrqTkL2vtWDjVfk4qCUTJ4mH0LhHTk',
  }
  for (const [name, token] of Object.entries(wrong))
    it(`${name} is refused`, async () => {
      await isRefused(await token())
      await passes(await op.token())
    })

  it('signed by HMAC with the public key as its secret is refused', async () => {
    const publicKey = (await importJWK({ ...op.key.publicJwk }, 'ES256', { extractable: true })) as CryptoKey
    const secrets = [await exportSPKI(publicKey), JSON.stringify(op.key.publicJwk), op.key.publicJwk.x ?? '']
    for (const secret of secrets)
      for (const alg of ['HS256', 'HS512'])
        await isRefused(
          await op.token({}, {}, { kid: 'first', alg, privateKey: Buffer.from(secret.padEnd(64, '=')) }),
        )
  })
  it('of a symmetric key that the provider publishes is refused', async () => {
    const secret = Buffer.alloc(64, 7)
    const published = { publicJwk: { kty: 'oct', k: secret.toString('base64url'), kid: 'oct', alg: 'HS256' } }
    op.publish(op.key, published)
    op.clock.advance(700)
    await passes(await op.token())
    await isRefused(await op.token({}, {}, { kid: 'oct', alg: 'HS256', privateKey: secret }))
  })
  it('may be signed by any of the usual keys', async () => {
    const keys = await Promise.all(
      ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'].map((alg) => newKey(`key-${alg}`, alg)),
    )
    op.publish(...keys)
    op.clock.advance(700)
    for (const key of keys) await passes(await op.token({}, {}, key))
  })
})
