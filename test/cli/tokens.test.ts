import assert from 'node:assert/strict'
import { hexKey, openTokens, type TokenTerminal } from './tokens-on-file.ts'

describe('duepassi tokens', () => {
  let terminal: TokenTerminal
  beforeEach(async () => {
    terminal = await openTokens()
    await terminal.stock(
      `1001,${hexKey(1)},hotp,`,
      `1002,${hexKey(2)},totp,anna`,
      `1003,${hexKey(3)},totp,bruno`,
      `Ab4,${hexKey(4)},totp,`,
    )
  })
  afterEach(() => terminal.close())

  const ownerOf = (serial: string) =>
    terminal.within(async (directory) => (await directory.tokenBySerial(serial))?.accountId)

  describe('list', () => {
    it('shows each token, whom it is assigned to and whether it is active, and no seed', async () => {
      await terminal.activate('anna-1', '1002')
      await terminal.activate('anna-1', 'Ab4')
      const run = await terminal.tokens('list')
      assert.equal(
        run.stdout,
        [
          '1001  HOTP, unknown model, assigned to nobody, not active',
          '1002  TOTP, unknown model, assigned to anna, active',
          '1003  TOTP, unknown model, assigned to bruno, not active',
          'Ab4  TOTP, unknown model, assigned to nobody, active for anna',
          '',
        ].join('\n'),
      )
      const json = await terminal.tokens('list', '--json')
      const [, second] = JSON.parse(json.stdout)
      assert.ok(Math.abs(Date.parse(second.importedAt) - Date.now()) < 60_000)
      assert.deepEqual(
        { ...second, importedAt: '' },
        {
          serial: '1002',
          kind: 'totp',
          manufacturer: null,
          model: null,
          account: 'anna',
          activeFor: 'anna',
          counter: null,
          importedAt: '',
        },
      )
      terminal.assertSecret([run, json], ...[1, 2, 3, 4].map((byte) => Buffer.alloc(20, byte)))
    })

    it('shows those of an account, or those that nobody has', async () => {
      const serials = async (...argv: string[]) =>
        JSON.parse((await terminal.tokens('list', '--json', ...argv)).stdout).map(
          ({ serial }: { serial: string }) => serial,
        )
      assert.deepEqual(await serials('--account', 'ANNA'), ['1002'])
      assert.deepEqual(await serials('--unassigned'), ['1001', 'Ab4'])
      assert.match((await terminal.tokens('list', '--account', 'nobody')).stderr, /no account "nobody"/)
      assert.equal((await terminal.tokens('list', '--account', 'anna', '--unassigned')).status, 1)
      await terminal.tokens('remove', '1002')
      assert.equal((await terminal.tokens('list', '--account', 'anna')).stdout, 'There are no such tokens.\n')
    })

    it('lets nothing in a model steer the terminal', async () => {
      const rows = ['serial,key,type,model', `Z1,${hexKey(8)},totp,One\u202eTwo`, '']
      const file = terminal.write('model.csv', rows.join('\n'))
      assert.equal((await terminal.tokens('import', file)).status, 0)
      assert.match((await terminal.tokens('list')).stdout, /^Z1 {2}TOTP, One�Two, /m)
    })
  })

  describe('assign', () => {
    it('gives a token to an account, moves it, and takes it back', async () => {
      const first = await terminal.tokens('assign', '1001', 'anna')
      assert.match(first.stdout, /^The token 1001 is assigned to anna; it is active once /)
      assert.equal(await ownerOf('1001'), 'anna-1')
      assert.match((await terminal.tokens('assign', '1001', 'anna')).stdout, /assigned to anna already/)
      assert.match((await terminal.tokens('assign', '1001', 'bruno@example.org')).stdout, /no longer to anna/)
      assert.equal(await ownerOf('1001'), 'bruno-1')
      assert.match((await terminal.tokens('assign', '1001', '--none')).stdout, /nobody, no longer to bruno/)
      assert.equal(await ownerOf('1001'), null)
      const [given, taken] = ['token.assigned hardware-token', 'token.unassigned hardware-token']
      assert.deepEqual(await terminal.audit('anna-1'), [`${given} import`, given, taken])
      assert.deepEqual(await terminal.audit('bruno-1'), [`${given} import`, given, taken])
    })

    it('finds a token whatever the case of its serial number', async () => {
      assert.equal((await terminal.tokens('assign', 'aB4', 'anna')).status, 0)
      assert.equal(await ownerOf('Ab4'), 'anna-1')
    })

    it('refuses a token that is active for somebody else, and takes none away that is active', async () => {
      await terminal.activate('anna-1', '1002')
      for (const to of ['bruno', '--none']) {
        const { status, stderr } = await terminal.tokens('assign', '1002', to)
        assert.equal(status, 1)
        assert.match(stderr, /^The token 1002 is active for anna.*Remove it there first/)
      }
      assert.equal(await ownerOf('1002'), 'anna-1')
      await terminal.within((directory) => directory.assignToken('1002', 'anna-1', null))
      assert.equal((await terminal.tokens('assign', '1002', 'anna')).status, 0)
    })

    it('gives a token to one of two that get it at once', async () => {
      const runs = await Promise.all(['anna', 'bruno'].map((name) => terminal.tokens('assign', '1001', name)))
      const owner = await ownerOf('1001')
      assert.ok(owner === 'anna-1' || owner === 'bruno-1')
      // One after the other is allowed as well; then the second one knows.
      for (const { status, stdout, stderr } of runs)
        assert.match(status === 0 ? stdout : stderr, /is assigned to|changed by somebody else meanwhile/)
    })

    it('wants an account or --none, and a token and an account that are there', async () => {
      assert.match((await terminal.tokens('assign', '1001')).stderr, /Give an account, or --none/)
      assert.match((await terminal.tokens('assign', '1001', 'anna', '--none')).stderr, /Give an account/)
      assert.match((await terminal.tokens('assign', '9', 'anna')).stderr, /no token "9"/)
      assert.match((await terminal.tokens('assign', '1001', 'nobody')).stderr, /no account "nobody"/)
    })
  })

  describe('remove', () => {
    it('takes tokens out of the inventory, and audits each', async () => {
      const { status, stdout, stderr } = await terminal.tokens('remove', '1001', 'ab4', '1002', '1002')
      assert.equal(status, 0, stderr)
      assert.equal(stdout, '3 tokens removed.\n')
      assert.deepEqual(await terminal.serials(), ['1003'])
      assert.deepEqual((await terminal.audit('anna-1')).slice(1), ['token.removed hardware-token'])
    })

    it('removes none where one is active, or not there', async () => {
      await terminal.activate('bruno-1', '1003')
      const active = await terminal.tokens('remove', '1001', '1003')
      assert.equal(active.status, 1)
      assert.match(active.stderr, /^The token 1003 is active for bruno\.\n.*No token was removed/)
      assert.match((await terminal.tokens('remove', '1001', '9')).stderr, /no token "9"/)
      assert.equal((await terminal.serials()).length, 4)
    })
  })
})
