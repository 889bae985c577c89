import assert from 'node:assert/strict'
import { openTerminal, type Terminal } from './terminal.ts'

describe('duepassi client', () => {
  let terminal: Terminal
  beforeEach(() => {
    terminal = openTerminal()
  })
  afterEach(() => terminal.close())

  const add = (...more: string[]) =>
    terminal.run(['client', 'add', '--id', 'shop', '--name', 'The Shop', ...more])
  const stored = () => terminal.look((directory) => directory.clientById('shop'))

  it('adds a confidential client and prints its secret once', async () => {
    const { status, stdout, stderr } = await add(
      '--redirect-uri',
      'https://shop.example.org/cb',
      '--redirect-uri',
      'http://localhost:3001/cb',
      '--grant',
      'authorization_code',
      '--grant',
      'refresh_token',
      '--post-logout-redirect-uri',
      'https://shop.example.org/',
      '--logo-uri',
      'https://shop.example.org/logo.png',
      '--client-uri',
      'https://shop.example.org/',
      '--policy-uri',
      'https://shop.example.org/policy',
      '--tos-uri',
      'https://shop.example.org/terms',
      '--id-token-alg',
      'PS256',
    )
    assert.equal(status, 0, stderr)
    const secret = /^client_secret: ([\w-]{43})$/m.exec(stdout)?.[1]
    assert.match(stdout, /^client_id: shop$/m)
    assert.deepEqual(await stored(), {
      client_id: 'shop',
      client_name: 'The Shop',
      client_secret: secret,
      redirect_uris: ['https://shop.example.org/cb', 'http://localhost:3001/cb'],
      post_logout_redirect_uris: ['https://shop.example.org/'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      logo_uri: 'https://shop.example.org/logo.png',
      client_uri: 'https://shop.example.org/',
      policy_uri: 'https://shop.example.org/policy',
      tos_uri: 'https://shop.example.org/terms',
      id_token_signed_response_alg: 'PS256',
    })
  })

  it('adds a public client without a secret', async () => {
    const { status, stdout } = await add('--public', '--redirect-uri', 'org.example.shop:/cb')
    assert.equal(status, 0)
    assert.equal(stdout, 'client_id: shop\n')
    const client = await stored()
    assert.equal(client?.token_endpoint_auth_method, 'none')
    assert.equal(client?.application_type, 'native')
    assert.equal(client?.client_secret, undefined)
    assert.deepEqual(client?.grant_types, ['authorization_code'])
  })

  it('adds a client for machines', async () => {
    assert.equal((await add('--grant', 'client_credentials')).status, 0)
    const client = await stored()
    assert.deepEqual([client?.response_types, client?.redirect_uris], [[], []])
  })

  it('adds a client with rules for factors of its own', async () => {
    const { status, stderr } = await add(
      '--redirect-uri',
      'https://shop.example.org/cb',
      '--require-factor',
      'webauthn',
      '--require-factor',
      'totp',
      '--forbid-factor',
      'recovery-code',
    )
    assert.equal(status, 0, stderr)
    assert.deepEqual((await stored())?.['second_factors'], {
      webauthn: 'require',
      totp: 'require',
      'recovery-code': 'forbid',
    })
  })

  it('adds no rules where none are given', async () => {
    assert.equal((await add('--redirect-uri', 'https://shop.example.org/cb')).status, 0)
    for (const property of ['second_factors', 'minimum_acr'])
      assert.equal(Object.hasOwn((await stored()) ?? {}, property), false, property)
  })

  it('adds a client with a minimum of its own; which values there are, the provider knows', async () => {
    for (const acr of ['phr', 'https://www.spid.gov.it/SpidL3', 'urn:any']) {
      const { status, stderr } = await add(
        '--redirect-uri',
        'https://shop.example.org/cb',
        '--minimum-acr',
        acr,
      )
      assert.equal(status, 0, stderr)
      assert.equal((await stored())?.['minimum_acr'], acr)
      assert.equal((await terminal.run(['client', 'remove', 'shop'])).status, 0)
    }
  })

  for (const [what, argv, message] of [
    ['no redirect uri', [], /--redirect-uri is needed/],
    ['a plain http one', ['--redirect-uri', 'http://shop.example.org/cb'], /must be https/],
    ['one with a fragment', ['--redirect-uri', 'https://shop.example.org/cb#x'], /without fragment/],
    ['a relative one', ['--redirect-uri', '/cb'], /absolute/],
    ['javascript', ['--redirect-uri', 'javascript:alert(1)'], /must be https/],
    ['a private scheme with a secret', ['--redirect-uri', 'org.example.shop:/cb'], /--public/],
    [
      'an unknown grant',
      ['--redirect-uri', 'https://x.example/cb', '--grant', 'password'],
      /no --grant password/,
    ],
    ['refresh without code', ['--grant', 'refresh_token'], /needs --grant authorization_code/],
    ['client credentials without a secret', ['--public', '--grant', 'client_credentials'], /needs a secret/],
    [
      'an unknown algorithm',
      ['--redirect-uri', 'https://x.example/cb', '--id-token-alg', 'none'],
      /no --id-token-alg none/,
    ],
    [
      'an http logo',
      ['--redirect-uri', 'https://x.example/cb', '--logo-uri', 'http://x.example/l.png'],
      /must be https/,
    ],
    [
      'a minimum of several values',
      ['--redirect-uri', 'https://x.example/cb', '--minimum-acr', 'phr phrh'],
      /--minimum-acr is one value without spaces/,
    ],
    [
      'an empty minimum',
      ['--redirect-uri', 'https://x.example/cb', '--minimum-acr', ''],
      /--minimum-acr is one value/,
    ],
    [
      'an unknown factor that is required',
      ['--redirect-uri', 'https://x.example/cb', '--require-factor', 'pigeon'],
      /no factor pigeon; there are webauthn, push, totp, hardware-token, sms, email, recovery-code/,
    ],
    [
      'an unknown factor that is forbidden',
      ['--redirect-uri', 'https://x.example/cb', '--forbid-factor', 'TOTP'],
      /no factor TOTP/,
    ],
    [
      'a factor that is required and forbidden',
      ['--redirect-uri', 'https://x.example/cb', '--require-factor', 'totp', '--forbid-factor', 'totp'],
      /totp is required and forbidden/,
    ],
    [
      'recovery codes that are required',
      [
        '--redirect-uri',
        'https://x.example/cb',
        '--require-factor',
        'totp',
        '--require-factor',
        'recovery-code',
      ],
      /nobody can set them up/,
    ],
    [
      'every factor that people set up forbidden',
      ['--redirect-uri', 'https://x.example/cb', '--forbid-factor', 'webauthn', '--forbid-factor', 'totp'],
      /leaves nothing that people could set up/,
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { status, stderr } = await add(...argv)
      assert.equal(status, 1)
      assert.match(stderr, message)
      assert.equal(await stored(), undefined)
    })
  }

  it('refuses an id that is taken', async () => {
    await add('--redirect-uri', 'https://x.example/cb')
    const { status, stderr, stdout } = await add('--redirect-uri', 'https://y.example/cb')
    assert.equal(status, 1)
    assert.match(stderr, /already/)
    assert.doesNotMatch(stdout, /secret/)
    assert.deepEqual((await stored())?.redirect_uris, ['https://x.example/cb'])
  })

  it('removes', async () => {
    await add('--redirect-uri', 'https://x.example/cb')
    assert.equal((await terminal.run(['client', 'remove', 'shop'])).status, 0)
    assert.equal(await stored(), undefined)
    const again = await terminal.run(['client', 'remove', 'shop'])
    assert.equal(again.status, 1)
    assert.match(again.stderr, /no client "shop"/)
  })
})
