import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { freshKey, freshSigningKey, laidOver, soundTree } from './sample.ts'

const rsa = (bits: number) => ({
  ...generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ format: 'jwk' }),
  kid: 'r1',
})
const { d: _, ...publicOnly } = freshSigningKey('pub')
const swapped = { ...freshSigningKey('a'), d: freshSigningKey('b').d }
const sameKey = freshKey()
const signing = freshSigningKey()
const { d: _hidden, ...signersKey } = freshSigningKey('hsm')
const signer = (over: Record<string, unknown> = {}) => ({
  kind: 'http',
  kid: 'hsm-1',
  alg: 'ES256',
  publicKey: signersKey,
  url: 'https://kms.example.org/sign',
  secret: 'shared with the signer',
  ...over,
})
const module = {
  kind: 'pkcs11',
  kid: 'hsm-2',
  alg: 'RS256',
  module: '/usr/lib/softhsm/libsofthsm2.so',
  token: 't',
  pin: '1234',
  key: 'k',
}
const demo = { mode: 'demo', issuer: 'http://localhost:3000' }

/** What is laid over a sound configuration, and where the one fault must be. */
const cases: [what: string, over: Record<string, unknown>, place: string | null, message?: RegExp][] = [
  ['a sound configuration', {}, null],
  ['an http issuer', { issuer: 'http://id.example.org' }, 'issuer', /https/],
  ['a loopback issuer', { issuer: 'https://localhost' }, 'issuer', /this machine/],
  ['a final slash', { issuer: 'https://id.example.org/' }, 'issuer', /slash/],
  ['a final slash after a path', { issuer: 'https://id.example.org/id/' }, 'issuer', /slash/],
  ['a path', { issuer: 'https://id.example.org/id' }, null],
  ['a query', { issuer: 'https://id.example.org?x' }, 'issuer', /query/],
  ['a fragment', { issuer: 'https://id.example.org#x' }, 'issuer', /fragment/],
  ['credentials in the issuer', { issuer: 'https://u:p@id.example.org' }, 'issuer', /password/],
  ['no proxy', { proxy: false }, 'proxy', /true/],
  ['requests by POST', { protocol: { postAuthorization: true } }, null],
  [
    'requests by POST without https',
    { ...demo, protocol: { postAuthorization: true } },
    'protocol.postAuthorization',
    /https/,
  ],
  ['the demo without a proxy', { ...demo, proxy: false }, null],
  ['the demo on loopback', { ...demo, keys: {} }, null],
  ['the demo on 127.0.0.1', { ...demo, issuer: 'http://127.0.0.1:3000' }, null],
  ['the demo on a public host', { ...demo, issuer: 'https://id.example.org' }, 'issuer', /loopback/],
  [
    'the demo on a host that only begins like one',
    { ...demo, issuer: 'http://127.0.0.1.example.org' },
    'issuer',
    /loopback/,
  ],
  ['no signing key', { keys: { signing: undefined } }, null],
  ['no cookie key', { keys: { cookies: undefined } }, null],
  ['no sealing key', { keys: { sealing: undefined } }, 'keys.sealing', /missing/],
  ['RSA alone', { keys: { signing: [rsa(2048)] } }, 'keys.signing', /ES256/],
  ['RSA alone, and ES256 made here', { keys: { signing: [rsa(2048)], algorithms: ['ES256'] } }, null],
  ['RSA alone, and ES256 elsewhere', { keys: { signing: [rsa(2048)], signers: [signer()] } }, null],
  [
    'RSA alone, and ES256 elsewhere that does not sign',
    { keys: { signing: [rsa(2048)], signers: [signer({ signs: false })] } },
    'keys.signing',
    /ES256/,
  ],
  [
    'algorithms without ES256',
    { keys: { signing: undefined, algorithms: ['RS256'] } },
    'keys.algorithms',
    /ES256/,
  ],
  ['algorithms with ES256', { keys: { signing: undefined, algorithms: ['RS256', 'ES256'] } }, null],
  ['signers without ES256', { keys: { signing: undefined, signers: [module] } }, 'keys.signers', /ES256/],
  ['signers of both kinds', { keys: { signing: undefined, signers: [signer(), module] } }, null],
  ['a signer on this machine', { keys: { signers: [signer({ url: 'http://127.0.0.1:8200/sign' })] } }, null],
  [
    'a signer over http',
    { keys: { signers: [signer({ url: 'http://kms.example.org/sign' })] } },
    'keys.signers[0].url',
    /safe/,
  ],
  [
    'a signer with a password in its address',
    { keys: { signers: [signer({ url: 'https://u:p@kms.example.org/sign' })] } },
    'keys.signers[0].url',
    /safe/,
  ],
  [
    'a signer with a short secret',
    { keys: { signers: [signer({ secret: 'short' })] } },
    'keys.signers[0].secret',
    /16|characters/,
  ],
  [
    'a signer with a key of another algorithm',
    { keys: { signers: [signer({ alg: 'RS256' })] } },
    'keys.signers[0].publicKey',
    /RS256/,
  ],
  [
    'a signer with its private key',
    { keys: { signers: [signer({ publicKey: freshSigningKey('x') })] } },
    'keys.signers[0].publicKey',
    /private/,
  ],
  [
    'a signer with a broken key',
    { keys: { signers: [signer({ publicKey: { ...signersKey, x: 'AA' } })] } },
    'keys.signers[0].publicKey',
    /broken/,
  ],
  [
    'a signer with a short RSA key',
    {
      keys: {
        signers: [signer({ alg: 'PS256', publicKey: { kty: 'RSA', n: rsa(1024).n, e: 'AQAB' } })],
      },
    },
    'keys.signers[0].publicKey',
    /2048/,
  ],
  [
    'a signer with the kid of a key',
    { keys: { signers: [signer({ kid: 'k1' })], signing: [freshSigningKey('k1')] } },
    'keys.signers[0].kid',
    /another/,
  ],
  [
    'two signers of one kid',
    { keys: { signers: [signer(), { ...module, kid: 'hsm-1' }] } },
    'keys.signers[1].kid',
    /another/,
  ],
  [
    'keys that are published for longer than they sign',
    { keys: { rotation: { everyDays: 1, publishHours: 25 } } },
    'keys.rotation.publishHours',
    /longer/,
  ],
  ['keys that change by command only', { keys: { rotation: { everyDays: null, publishHours: 25 } } }, null],
  ['RSA beside ES256', { keys: { signing: [signing, rsa(2048)] } }, null],
  ['a short RSA key', { keys: { signing: [signing, rsa(1024)] } }, 'keys.signing[1]', /2048/],
  ['a public key', { keys: { signing: [signing, publicOnly] } }, 'keys.signing[1]', /public/],
  ['a broken key', { keys: { signing: [signing, swapped] } }, 'keys.signing[1]', /belong together/],
  ['a symmetric key', { keys: { signing: [signing, { kty: 'oct', k: 'AAAA' }] } }, 'keys.signing[1]', /kind/],
  [
    'an encryption key',
    { keys: { signing: [signing, { ...freshSigningKey('e'), use: 'enc' }] } },
    'keys.signing[1]',
    /use/,
  ],
  [
    'a foreign alg',
    { keys: { signing: [signing, { ...freshSigningKey('e'), alg: 'RS256' }] } },
    'keys.signing[1]',
    /alg/,
  ],
  ['a repeated kid', { keys: { signing: [signing, freshSigningKey('k1')] } }, 'keys.signing[1]', /kid/],
  [
    'a repeated signing key',
    { keys: { signing: [signing, { ...signing, kid: 'k2' }] } },
    'keys.signing[1]',
    /same key/,
  ],
  [
    'a cookie key of equal bytes',
    { keys: { cookies: [Buffer.alloc(32, 7).toString('base64')] } },
    'keys.cookies[0]',
    /random/,
  ],
  [
    'a cookie key of a repeated word',
    { keys: { cookies: [Buffer.from('password'.repeat(4)).toString('base64')] } },
    'keys.cookies[0]',
    /random/,
  ],
  ['a repeated cookie key', { keys: { cookies: [sameKey, sameKey] } }, 'keys.cookies[1]', /twice/],
  [
    'one key for cookies and sealing',
    { keys: { cookies: [sameKey], sealing: [{ id: 's', key: sameKey }] } },
    'keys.sealing[0].key',
    /twice/,
  ],
  [
    'a repeated sealing id',
    {
      keys: {
        sealing: [
          { id: 's', key: freshKey() },
          { id: 's', key: freshKey() },
        ],
      },
    },
    'keys.sealing[1].id',
    /another/,
  ],
  ["the demo's signing key", { keys: { signing: [freshSigningKey('demo-1')] } }, 'keys.signing[0]', /demo/],
  [
    "the demo's sealing key",
    { keys: { sealing: [{ id: 'demo-1', key: freshKey() }] } },
    'keys.sealing[0]',
    /demo/,
  ],
  [
    "the demo's keys in the demo",
    { ...demo, keys: { signing: [freshSigningKey('demo-1')], sealing: [{ id: 'demo-1', key: freshKey() }] } },
    null,
  ],
  ['redis by url', { redis: { url: 'redis://r' } }, null],
  ['redis by sentinels', { redis: { sentinels: [{ host: 'a', port: 1 }], master: 'm' } }, null],
  ['redis by nothing', { redis: { prefix: 'x' } }, 'redis', /no server/],
  [
    'redis in two ways',
    { redis: { url: 'redis://r', cluster: [{ host: 'a', port: 1 }] } },
    'redis',
    /2 ways/,
  ],
  [
    'sentinels without a master',
    { redis: { sentinels: [{ host: 'a', port: 1 }] } },
    'redis.master',
    /missing/,
  ],
  ['a master without sentinels', { redis: { master: 'm' } }, 'redis.sentinels', /no sentinel/],
  ['a cluster without nodes', { redis: { cluster: [] } }, 'redis.cluster', /no node/],
  [
    'a password beside the url',
    { redis: { url: 'redis://r', password: 'x' } },
    'redis.password',
    /no effect/,
  ],
  ['mail without a sender', { mail: { url: 'smtp://m' } }, 'mail.from', /missing/],
  ['mail with a sender', { mail: { url: 'smtp://m', from: 'id@example.org' } }, null],
  ['metrics on the public port', { metrics: { port: 3000 } }, 'metrics.port', /listen/],
  ['both ports free ones', { listen: { port: 0 }, metrics: { port: 0 } }, null],
  [
    'an idle time above the session',
    { lifetimes: { sessionIdle: 100_000 } },
    'lifetimes.sessionIdle',
    /above/,
  ],
  [
    'an access token beyond the refresh token',
    { lifetimes: { refreshToken: 60 } },
    'lifetimes.accessToken',
    /above/,
  ],
  ['a first wait beyond the longest', { attempts: { longestWait: 5 } }, 'attempts.firstWait', /above/],
]

describe('rules of the configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-rules-'))
  const file = join(folder, 'duepassi.yaml')
  after(() => rmSync(folder, { recursive: true }))

  for (const [what, over, place, message] of cases) {
    it(`${place ? 'refuses' : 'accepts'} ${what}`, () => {
      writeFileSync(file, stringify(laidOver(soundTree(), over)))
      const loaded = loadConfig({ file, env: {} })
      const faults = 'faults' in loaded ? loaded.faults : []
      assert.deepEqual(
        faults.map((fault) => fault.place),
        place ? [place] : [],
        JSON.stringify(faults),
      )
      if (message) assert.match(faults[0]?.message ?? '', message)
    })
  }
})
