import assert from 'node:assert/strict'
import { openTerminal, type Terminal } from './terminal.ts'

describe('duepassi client add, for relying parties that are told of sign-outs', () => {
  let terminal: Terminal
  beforeEach(() => {
    terminal = openTerminal()
  })
  afterEach(() => terminal.close())

  const add = (...more: string[]) =>
    terminal.run([
      ...['client', 'add', '--id', 'shop', '--name', 'The Shop'],
      ...['--redirect-uri', 'https://shop.example.org/cb', ...more],
    ])
  const stored = () => terminal.look((directory) => directory.clientById('shop'))
  const [back, front] = ['https://shop.example.org/backchannel', 'https://shop.example.org/out?own=1']

  it('says nothing of it where nothing is given', async () => {
    assert.equal((await add()).status, 0)
    assert.deepEqual(
      Object.keys((await stored()) ?? {}).filter((key) => key.includes('channel')),
      [],
    )
  })

  it('keeps both addresses, and whether the session is to be named', async () => {
    const { status, stderr } = await add(
      ...['--backchannel-logout-uri', back, '--backchannel-logout-session-required'],
      ...['--frontchannel-logout-uri', front, '--frontchannel-logout-session-required'],
    )
    assert.equal(status, 0, stderr)
    const client = await stored()
    assert.equal(client?.['backchannel_logout_uri'], back)
    assert.equal(client?.['backchannel_logout_session_required'], true)
    assert.equal(client?.['frontchannel_logout_uri'], front)
    assert.equal(client?.['frontchannel_logout_session_required'], true)
  })

  it('keeps the addresses alone', async () => {
    assert.equal((await add('--backchannel-logout-uri', back, '--frontchannel-logout-uri', front)).status, 0)
    const client = (await stored()) ?? {}
    for (const key of ['backchannel_logout_session_required', 'frontchannel_logout_session_required'])
      assert.equal(Object.hasOwn(client, key), false)
  })

  for (const [what, argv, message] of [
    ['the session without an address', ['--backchannel-logout-session-required'], /needs --backchannel/],
    ['the session without a frame', ['--frontchannel-logout-session-required'], /needs --frontchannel/],
    ...['http://shop.example.org/', 'https://a:b@shop.example.org/', 'https://shop.example.org/#x', 'x'].map(
      (uri) =>
        [
          `to be told at ${uri}`,
          ['--backchannel-logout-uri', uri],
          /must be https, without credentials and fragment/,
        ] as const,
    ),
    [
      'a port that is never asked',
      ['--backchannel-logout-uri', 'https://shop.example.org:8443/'],
      /must be on port 443/,
    ],
    ['a script', ['--frontchannel-logout-uri', 'javascript:alert(1)'], /must be https/],
    ['a fragment', ['--frontchannel-logout-uri', `${front}#x`], /must have no fragment/],
    [
      'the host of somebody else',
      ['--frontchannel-logout-uri', 'https://evil.example/out'],
      /of a redirect URI/,
    ],
  ] as const)
    it(`refuses ${what}`, async () => {
      const { status, stderr } = await add(...argv)
      assert.equal(status, 1)
      assert.match(stderr, message)
      assert.equal(await stored(), undefined)
    })

  describe('where there are networks of the administrator’s own', () => {
    beforeEach(() => {
      terminal.close()
      terminal = openTerminal({ outbound: { networks: ['10.0.0.0/8'] } })
    })
    for (const uri of ['https://shop.intranet:8443/out', 'http://shop.intranet:8080/out'])
      it(`keeps ${uri}`, async () => {
        const { status, stderr } = await add('--backchannel-logout-uri', uri)
        assert.equal(status, 0, stderr)
        assert.equal((await stored())?.['backchannel_logout_uri'], uri)
      })
    for (const [what, argv] of [
      ['an app to be told over http', ['--public', '--backchannel-logout-uri', 'http://shop.intranet/out']],
      ['credentials', ['--backchannel-logout-uri', 'https://a:b@shop.intranet/out']],
      ['another scheme', ['--backchannel-logout-uri', 'ftp://shop.intranet/out']],
    ] as const)
      it(`refuses ${what}`, async () => {
        const { status, stderr } = await add(...argv)
        assert.equal(status, 1)
        assert.match(stderr, /must be https, without credentials and fragment/)
        assert.equal(await stored(), undefined)
      })
  })
})
