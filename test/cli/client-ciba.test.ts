import assert from 'node:assert/strict'
import { openTerminal, type Terminal } from './terminal.ts'

const cibaGrant = 'urn:openid:params:grant-type:ciba'

describe('duepassi client add --ciba', () => {
  let terminal: Terminal
  beforeEach(() => {
    terminal = openTerminal({ push: { enabled: true } })
  })
  afterEach(() => terminal.close())

  const add = (...more: string[]) =>
    terminal.run(['client', 'add', '--id', 'bank', '--name', 'The Bank', ...more])
  const stored = () => terminal.look((directory) => directory.clientById('bank'))

  it('adds an application that polls, and signs nobody in by browser', async () => {
    const { status, stderr, stdout } = await add('--ciba', 'poll', '--grant', 'refresh_token')
    assert.equal(status, 0, stderr)
    const client = await stored()
    assert.equal(client?.client_secret, /^client_secret: ([\w-]{43})$/m.exec(stdout)?.[1])
    assert.deepEqual(client?.grant_types, ['refresh_token', cibaGrant])
    assert.deepEqual([client?.redirect_uris, client?.['response_types']], [[], []])
    assert.equal(client?.['backchannel_token_delivery_mode'], 'poll')
    assert.equal(Object.hasOwn(client ?? {}, 'backchannel_client_notification_endpoint'), false)
  })

  it('adds one that is pinged, and does both', async () => {
    const endpoint = 'https://bank.example.org/ciba'
    const { status, stderr } = await add(
      ...['--ciba', 'ping', '--notification-endpoint', endpoint],
      ...['--redirect-uri', 'https://bank.example.org/cb'],
    )
    assert.equal(status, 0, stderr)
    const client = await stored()
    assert.deepEqual(client?.grant_types, ['authorization_code', cibaGrant])
    assert.equal(client?.['backchannel_token_delivery_mode'], 'ping')
    assert.equal(client?.['backchannel_client_notification_endpoint'], endpoint)
  })

  for (const [what, argv, message] of [
    ['another mode', ['--ciba', 'push'], /no --ciba push; there are poll, ping/],
    ['ping without an endpoint', ['--ciba', 'ping'], /needs a --notification-endpoint/],
    [
      'an endpoint that nobody pings',
      ['--ciba', 'poll', '--notification-endpoint', 'https://bank.example.org/'],
      /needs --ciba ping/,
    ],
    [
      'an endpoint without CIBA',
      ['--redirect-uri', 'https://x.example/cb', '--notification-endpoint', 'https://bank.example.org/'],
      /needs --ciba ping/,
    ],
    ['an app without a secret', ['--ciba', 'poll', '--public'], /--ciba needs a secret/],
    [
      'a redirect uri without the code',
      ['--ciba', 'poll', '--grant', 'refresh_token', '--redirect-uri', 'https://x.example/cb'],
      /needs --grant authorization_code/,
    ],
    ...[
      'http://bank.example.org/',
      'https://a:b@bank.example.org/',
      'https://bank.example.org/#x',
      'bank',
    ].map(
      (uri) =>
        [
          `the endpoint ${uri}`,
          ['--ciba', 'ping', '--notification-endpoint', uri],
          /must be https, without credentials and fragment/,
        ] as const,
    ),
  ] as const)
    it(`refuses ${what}`, async () => {
      const { status, stderr } = await add(...argv)
      assert.equal(status, 1)
      assert.match(stderr, message)
      assert.equal(await stored(), undefined)
    })

  it('refuses where there is no app to ask people by', async () => {
    const plain = openTerminal()
    const { status, stderr } = await plain.run([
      'client',
      'add',
      '--id',
      'bank',
      '--name',
      'B',
      '--ciba',
      'poll',
    ])
    assert.equal(status, 1)
    assert.match(stderr, /set push\.enabled/)
    plain.close()
  })
})
