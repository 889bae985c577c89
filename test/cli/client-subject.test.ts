import assert from 'node:assert/strict'
import { checkSector } from '../../src/cli/sector-document.ts'
import { openTerminal, type Terminal } from './terminal.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const pairwise = Buffer.from(Array.from({ length: 32 }, (_, at) => at * 7 + 1)).toString('base64')

describe('duepassi client add', () => {
  let terminal: Terminal
  beforeEach(() => {
    terminal = openTerminal({
      push: { enabled: true },
      keys: { pairwise },
      resources: [{ id: 'https://bank.example/', clients: ['tv'] }],
      protocol: { authorizationDetails: [{ type: 'payment', resource: 'https://bank.example/' }] },
    })
  })
  afterEach(() => terminal.close())

  const add = (...more: string[]) =>
    terminal.run(['client', 'add', '--id', 'tv', '--name', 'The TV', ...more])
  const stored = () => terminal.look((directory) => directory.clientById('tv'))
  const uri = 'https://tv.example.org/cb'

  it('--grant device_code adds an app that needs neither address nor secret', async () => {
    const { status, stderr, stdout } = await add(
      '--grant',
      'device_code',
      '--grant',
      'refresh_token',
      '--public',
    )
    assert.equal(status, 0, stderr)
    assert.doesNotMatch(stdout, /client_secret/)
    const client = await stored()
    assert.deepEqual(client?.['grant_types'], [deviceGrant, 'refresh_token'])
    assert.deepEqual([client?.['redirect_uris'], client?.['response_types']], [[], []])
    assert.equal(client?.['token_endpoint_auth_method'], 'none')
  })

  it('--grant device_code goes along with others', async () => {
    const more = ['--grant', 'authorization_code', '--grant', 'device_code', '--redirect-uri', uri]
    assert.equal((await add(...more)).status, 0)
    assert.deepEqual((await stored())?.['grant_types'], ['authorization_code', deviceGrant])
  })

  it('--pairwise, and types of authorization details', async () => {
    const more = ['--redirect-uri', uri, '--pairwise', '--authorization-details-type', 'payment']
    assert.equal((await add(...more)).status, 0)
    const client = await stored()
    assert.equal(client?.['subject_type'], 'pairwise')
    assert.deepEqual(client?.['authorization_details_types'], ['payment'])
    assert.equal(Object.hasOwn(client ?? {}, 'sector_identifier_uri'), false)
  })

  it('--pairwise with --ciba, by keys of its own', async () => {
    const keys = ['--auth', 'private_key_jwt', '--jwks-uri', 'https://tv.example.org/keys']
    const { status, stderr } = await add('--pairwise', '--ciba', 'poll', ...keys)
    assert.equal(status, 0, stderr)
  })

  for (const [what, argv, message] of [
    [
      'a redirect URI with the device grant alone',
      ['--grant', 'device_code', '--redirect-uri', uri],
      /needs --grant authorization_code/,
    ],
    [
      'a type that nobody knows',
      ['--redirect-uri', uri, '--authorization-details-type', 'x'],
      /no --authorization-details-type x/,
    ],
    [
      'a sector of nobody',
      ['--redirect-uri', uri, '--sector-identifier-uri', 'https://s.example/'],
      /needs --pairwise/,
    ],
    [
      'a sector by http',
      ['--redirect-uri', uri, '--pairwise', '--sector-identifier-uri', 'http://s.example/'],
      /must be https/,
    ],
    [
      'two hosts without a sector',
      ['--redirect-uri', uri, '--redirect-uri', 'https://b.example/cb', '--pairwise'],
      /needs a --sector-identifier-uri/,
    ],
    ['no host at all', ['--pairwise', '--grant', 'client_credentials'], /needs a --redirect-uri/],
    [
      'a device by pairwise names without keys',
      ['--pairwise', '--grant', 'device_code', '--public'],
      /needs --auth private_key_jwt/,
    ],
    [
      'a sector that cannot be asked',
      ['--redirect-uri', uri, '--pairwise', '--sector-identifier-uri', 'https://127.0.0.1/'],
      /cannot be read: the address is not public/,
    ],
  ] as const)
    it(`refuses ${what}`, async () => {
      const { status, stderr } = await add(...argv)
      assert.equal(status, 1)
      assert.match(stderr, message)
      assert.equal(await stored(), undefined)
    })

  it('refuses what the configuration has not switched on', async () => {
    const plain = openTerminal({ protocol: { device: { enabled: false } } })
    const refused = (...more: string[]) =>
      plain.run(['client', 'add', '--id', 'tv', '--name', 'The TV', ...more])
    assert.match((await refused('--redirect-uri', uri, '--pairwise')).stderr, /needs keys\.pairwise/)
    assert.match((await refused('--grant', 'device_code')).stderr, /needs protocol\.device\.enabled/)
    plain.close()
  })
})

describe('the document of a sector', () => {
  const client = {
    client_id: 'a',
    redirect_uris: ['https://a.example/cb'],
    jwks_uri: 'https://a.example/keys',
  }
  const at = 'https://sector.example/list'
  const answering =
    (body: unknown, status = 200) =>
    async () =>
      Response.json(body, { status })

  it('lists all addresses of the relying party, with that of its keys', async () => {
    await checkSector(at, client, answering([...client.redirect_uris, client.jwks_uri, 'https://b.example/']))
  })

  for (const [what, fetch, message] of [
    ['lists some', answering(client.redirect_uris), /does not list https:\/\/a\.example\/keys/],
    ['lists none', answering([]), /does not list/],
    ['is another thing', answering({}), /not a JSON list/],
    ['holds another thing', answering([1]), /not a JSON list/],
    ['is not there', answering([], 404), /it answered 404/],
    ['is no JSON', async () => new Response('<p>'), /cannot be read/],
    ['cannot be asked for', async () => Promise.reject(new Error('no way there')), /no way there/],
  ] as const)
    it(`is refused when it ${what}`, async () => {
      await assert.rejects(checkSector(at, client, fetch), message)
    })
})
