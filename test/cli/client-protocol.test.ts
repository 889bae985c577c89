import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issueCertificate } from '../support/certificates.ts'
import { openTerminal, type Terminal } from './terminal.ts'

describe('duepassi client add, for what relying parties speak', () => {
  let terminal: Terminal
  let folder: string
  const file = (name: string) => join(folder, name)
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'duepassi-keys-'))
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
    const write = (name: string, value: unknown) => writeFileSync(file(name), JSON.stringify(value))
    write('public.json', { keys: [publicKey.export({ format: 'jwk' })] })
    write('single.json', publicKey.export({ format: 'jwk' }))
    write('private.json', { keys: [privateKey.export({ format: 'jwk' })] })
    write('secret.json', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })
    write('weak.json', weak.export({ format: 'jwk' }))
    write('empty.json', { keys: [] })
    write('other.json', { keys: ['x'] })
    writeFileSync(file('text.json'), 'no key')
    writeFileSync(file('certificate.pem'), issueCertificate({ commonName: 'bank' }).pem)
    writeFileSync(file('broken.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  })
  after(() => rmSync(folder, { recursive: true }))
  beforeEach(() => {
    terminal = openTerminal({
      proxy: true,
      protocol: { mtls: { certificateHeader: 'Client-Cert', verifiedHeader: 'Client-Cert-Verify' } },
    })
  })
  afterEach(() => terminal.close())

  const add = (...more: string[]) =>
    terminal.run([
      ...['client', 'add', '--id', 'bank', '--name', 'The Bank'],
      ...['--redirect-uri', 'https://bank.example.org/cb', ...more],
    ])
  const stored = () => terminal.look((directory) => directory.clientById('bank'))

  type Keys = Array<{ kty?: string; d?: string; x5c?: string[] }>
  const keysIn = (client: Awaited<ReturnType<typeof stored>>): Keys =>
    (client?.['jwks'] as { keys: Keys } | undefined)?.keys ?? []

  const keepers: ReadonlyArray<readonly [argv: () => string[], kept: Record<string, unknown>]> = [
    [() => ['--auth', 'client_secret_post'], { token_endpoint_auth_method: 'client_secret_post' }],
    [
      () => ['--auth', 'private_key_jwt', '--jwks-uri', 'https://bank.example.org/jwks'],
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://bank.example.org/jwks' },
    ],
    [
      () => ['--auth', 'tls_client_auth', '--tls-subject', 'CN=bank,O=The Bank\\, Inc.,C=IT'],
      {
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_subject_dn: 'CN=bank,O=The Bank\\, Inc.,C=IT',
      },
    ],
    ...(
      [
        ['dns', 'bank.example.org'],
        ['uri', 'https://bank.example.org/'],
        ['ip', '2001:db8::1'],
        ['email', 'bank@example.org'],
      ] as const
    ).map(
      ([kind, name]) =>
        [
          () => ['--auth', 'tls_client_auth', '--tls-subject', `${kind}:${name}`],
          { [`tls_client_auth_san_${kind}`]: name },
        ] as const,
    ),
    [() => ['--bound-tokens', 'dpop'], { dpop_bound_access_tokens: true }],
    [() => ['--bound-tokens', 'mtls'], { tls_client_certificate_bound_access_tokens: true }],
    [() => ['--require-par'], { require_pushed_authorization_requests: true }],
    [
      () => ['--require-signed-request', '--jwks', file('single.json')],
      { require_signed_request_object: true },
    ],
    [() => ['--pkce', 'optional'], { require_pkce: false }],
    [() => ['--pkce', 'required'], { require_pkce: true }],
    [() => ['--refresh-rotation', 'always'], { refresh_token_rotation: 'always' }],
    [
      () => ['--userinfo-alg', 'ES256', '--introspection-alg', 'PS256', '--response-alg', 'EdDSA'],
      {
        userinfo_signed_response_alg: 'ES256',
        introspection_signed_response_alg: 'PS256',
        authorization_signed_response_alg: 'EdDSA',
      },
    ],
    [
      () => ['--jwks', file('public.json'), '--encrypt', 'id-token', '--encrypt', 'response'],
      {
        id_token_encrypted_response_alg: 'ECDH-ES',
        id_token_encrypted_response_enc: 'A256GCM',
        authorization_encrypted_response_alg: 'ECDH-ES',
        authorization_encrypted_response_enc: 'A256GCM',
        userinfo_encrypted_response_alg: undefined,
      },
    ],
    [
      () => [
        ...['--jwks', file('public.json'), '--encrypt', 'userinfo', '--userinfo-alg', 'ES256'],
        ...['--encryption-alg', 'RSA-OAEP-256'],
      ],
      { userinfo_encrypted_response_alg: 'RSA-OAEP-256', userinfo_encrypted_response_enc: 'A256GCM' },
    ],
    [
      () => [
        ...['--profile', 'fapi2', '--auth', 'private_key_jwt', '--jwks', file('public.json')],
        ...['--bound-tokens', 'dpop'],
      ],
      {
        profile: 'fapi2',
        require_pushed_authorization_requests: true,
        dpop_bound_access_tokens: true,
        client_secret: undefined,
      },
    ],
  ]
  for (const [argv, kept] of keepers)
    it(`keeps ${Object.entries(kept)[0]?.join(' ')}`, async () => {
      const { status, stderr } = await add(...argv())
      assert.equal(status, 0, stderr)
      const client = (await stored()) as Record<string, unknown>
      for (const [name, value] of Object.entries(kept)) assert.deepEqual(client[name], value, name)
    })

  it('makes a secret for those alone that use one', async () => {
    const { stdout } = await add('--auth', 'private_key_jwt', '--jwks', file('public.json'))
    assert.equal(stdout, 'client_id: bank\n')
    const client = await stored()
    assert.equal(client?.client_secret, undefined)
    assert.equal(keysIn(client).length, 1)
  })

  it('takes a certificate for a key', async () => {
    const { status, stderr } = await add(
      ...['--auth', 'self_signed_tls_client_auth', '--jwks', file('certificate.pem')],
    )
    assert.equal(status, 0, stderr)
    const [key] = keysIn(await stored())
    assert.equal(key?.kty, 'EC')
    assert.equal(key?.x5c?.length, 1)
    assert.equal(key?.d, undefined)
  })

  const refusals: ReadonlyArray<readonly [what: string, argv: () => string[], message: RegExp]> = [
    [
      'a method that nobody speaks',
      () => ['--auth', 'client_secret_jwt'],
      /no --auth client_secret_jwt; there are/,
    ],
    ['a method of an app', () => ['--public', '--auth', 'client_secret_post'], /leave out --auth/],
    ['an assertion without keys', () => ['--auth', 'private_key_jwt'], /needs --jwks or --jwks-uri/],
    [
      'a certificate without one',
      () => ['--auth', 'self_signed_tls_client_auth', '--jwks', file('public.json')],
      /needs a certificate/,
    ],
    ['a subject that is missing', () => ['--auth', 'tls_client_auth'], /needs a --tls-subject/],
    ['a subject that nobody asks for', () => ['--tls-subject', 'CN=x'], /needs --auth tls_client_auth/],
    [
      'a subject that is none',
      () => ['--auth', 'tls_client_auth', '--tls-subject', 'bank'],
      /neither a distinguished name/,
    ],
    [
      'a subject with an attribute that nobody knows',
      () => ['--auth', 'tls_client_auth', '--tls-subject', 'CN=bank,nickname=x'],
      /nickname=x has an attribute whose name is not known/,
    ],
    [
      'an address that is none',
      () => ['--auth', 'tls_client_auth', '--tls-subject', 'ip:bank'],
      /neither a distinguished name/,
    ],
    [
      'keys given twice',
      () => ['--jwks', file('public.json'), '--jwks-uri', 'https://x.example/'],
      /given twice/,
    ],
    ['keys over http', () => ['--jwks-uri', 'http://bank.example.org/jwks'], /--jwks-uri must be https/],
    ['a private key', () => ['--jwks', file('private.json')], /holds a private key/],
    ['a secret as key', () => ['--jwks', file('secret.json')], /holds a private key/],
    ['a weak key', () => ['--jwks', file('weak.json')], /less than 2048 bits/],
    ['no key', () => ['--jwks', file('empty.json')], /holds no key/],
    ['what is no key', () => ['--jwks', file('other.json')], /is no JWK Set/],
    ['what is no JSON', () => ['--jwks', file('text.json')], /neither JSON nor a certificate/],
    ['a broken certificate', () => ['--jwks', file('broken.pem')], /no usable certificate/],
    ['a file that is not there', () => ['--jwks', file('absent.json')], /cannot be read/],
    ['an unknown binding', () => ['--bound-tokens', 'tls'], /there are dpop, mtls/],
    ['an unknown rotation', () => ['--refresh-rotation', 'never'], /no --refresh-rotation never/],
    ['an unknown rule for PKCE', () => ['--pkce', 'off'], /there are required, optional/],
    ['an app without PKCE', () => ['--public', '--pkce', 'optional'], /PKCE is all that protects them/],
    ['signed requests without keys', () => ['--require-signed-request'], /needs --jwks or --jwks-uri/],
    ['encryption to nobody', () => ['--encrypt', 'id-token'], /--encrypt needs --jwks/],
    [
      'encryption of something else',
      () => ['--encrypt', 'code', '--jwks', file('public.json')],
      /no --encrypt code/,
    ],
    [
      'a broken algorithm',
      () => ['--encrypt', 'id-token', '--jwks', file('public.json'), '--encryption-alg', 'RSA1_5'],
      /no --encryption-alg RSA1_5/,
    ],
    ['an algorithm for nothing', () => ['--encryption-alg', 'ECDH-ES'], /needs --encrypt/],
    [
      'userinfo that is encrypted and unsigned',
      () => ['--encrypt', 'userinfo', '--jwks', file('public.json')],
      /needs --userinfo-alg/,
    ],
    ['signatures by the secret', () => ['--userinfo-alg', 'HS256'], /no --userinfo-alg HS256/],
    ['an unknown profile', () => ['--profile', 'fapi1'], /no --profile fapi1/],
    [
      'FAPI 2.0 with a secret',
      () => ['--profile', 'fapi2', '--bound-tokens', 'dpop'],
      /needs --auth private_key_jwt or/,
    ],
    [
      'FAPI 2.0 with bearer tokens',
      () => ['--profile', 'fapi2', '--auth', 'private_key_jwt', '--jwks', file('public.json')],
      /needs --bound-tokens/,
    ],
    [
      'FAPI 2.0 with RS256',
      () => [
        '--profile',
        'fapi2',
        '--auth',
        'private_key_jwt',
        '--jwks',
        file('public.json'),
        '--bound-tokens',
        'dpop',
        '--id-token-alg',
        'RS256',
      ],
      /signatures by ES256/,
    ],
    [
      'FAPI 2.0 without PKCE',
      () => [
        '--profile',
        'fapi2',
        '--auth',
        'private_key_jwt',
        '--jwks',
        file('public.json'),
        '--bound-tokens',
        'dpop',
        '--pkce',
        'optional',
      ],
      /needs PKCE/,
    ],
  ]
  for (const [what, argv, message] of refusals)
    it(`refuses ${what}`, async () => {
      const { status, stderr } = await add(...argv())
      assert.equal(status, 1)
      assert.match(stderr, message)
      assert.equal(await stored(), undefined)
    })

  it('refuses certificates where the configuration knows none', async () => {
    terminal.close()
    terminal = openTerminal()
    for (const argv of [
      ['--auth', 'self_signed_tls_client_auth', '--jwks', file('certificate.pem')],
      ['--auth', 'tls_client_auth', '--tls-subject', 'CN=x'],
      ['--bound-tokens', 'mtls'],
    ]) {
      const { status, stderr } = await add(...argv)
      assert.equal(status, 1)
      assert.match(stderr, /needs protocol\.mtls/)
    }
  })
})
