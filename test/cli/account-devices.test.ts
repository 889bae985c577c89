import assert from 'node:assert/strict'
import { day, openWithAnna } from './account-on-file.ts'

const policy = { trustedDevices: { kind: 'cookie' } }
const browsers = [
  { trusted: true, secondsAgo: 60 },
  { seen: { browser: null, system: null, city: null, country: null, address: '203.0.113.4' } },
  { seen: { city: 'Ro\u001b[2Jma' }, secondsAgo: 200 * day },
]

describe('duepassi account devices', () => {
  let terminal: Awaited<ReturnType<typeof openWithAnna>>
  afterEach(() => terminal.close())
  const run = (...argv: string[]) => terminal.run(['account', ...argv])
  const left = () =>
    terminal.within(async (directory) => (await directory.devices('anna-1')).map(({ id }) => id))
  const audit = () =>
    terminal.within(async (directory) =>
      (await directory.audit('anna-1', 20)).map(({ type, reason }) => `${type} ${reason}`),
    )

  it('lists the browsers that are remembered, latest use first, and no secret', async () => {
    terminal = await openWithAnna({ policy }, { factors: ['totp'], browsers })
    const { status, stdout, stderr } = await run('devices', 'anna')
    assert.equal(status, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines.length, 2, 'one was not used for half a year')
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`
    assert.match(
      lines[0] ?? '',
      new RegExp(
        `^device-0  Firefox on Windows, 192\\.0\\.2\\.7, Rome, IT, last used ${time}, trusted until ${time}$`,
      ),
    )
    assert.match(
      lines[1] ?? '',
      /^device-1 {2}unknown browser, 203\.0\.113\.4, last used .* UTC, not trusted$/,
    )
    assert.match((await run('show', 'anna')).stdout, /^browsers +2 known$/m)
  })

  it('lists them as JSON', async () => {
    terminal = await openWithAnna({ policy }, { factors: ['totp'], browsers })
    const [first, second] = JSON.parse((await run('devices', 'anna', '--json')).stdout)
    const { createdAt, lastUsedAt, trustedUntil, ...seen } = first
    assert.deepEqual(seen, {
      id: 'device-0',
      browser: 'Firefox',
      system: 'Windows',
      address: '192.0.2.7',
      city: 'Rome',
      country: 'IT',
    })
    assert.ok(Date.parse(createdAt) < Date.parse(lastUsedAt) && Date.parse(lastUsedAt) < Date.now())
    assert.ok(Date.parse(trustedUntil) > Date.now())
    assert.equal(second.trustedUntil, null)
  })

  it('shows no trust that does not hold: with other factors than then, or where nobody is trusted', async () => {
    terminal = await openWithAnna({ policy }, { factors: ['totp'], browsers })
    await terminal.within((directory) => directory.removeCredentials('anna-1'))
    assert.doesNotMatch((await run('devices', 'anna')).stdout, /trusted until/)
    terminal.close()
    terminal = await openWithAnna({}, { factors: ['totp'], browsers })
    assert.doesNotMatch((await run('devices', 'anna')).stdout, /trusted until/)
  })

  it('shows no trust that was given for longer than the policy lets it hold today', async () => {
    const trustedFor = async (days: number) => {
      const trustedDevices = { kind: 'cookie', days }
      const old = [{ trusted: true, secondsAgo: 10 * day }]
      terminal = await openWithAnna({ policy: { trustedDevices } }, { factors: ['totp'], browsers: old })
      return (await run('devices', 'anna')).stdout
    }
    assert.match(await trustedFor(11), /trusted until/)
    terminal.close()
    assert.doesNotMatch(await trustedFor(9), /trusted until/)
  })

  it('says when there are none', async () => {
    terminal = await openWithAnna()
    assert.match((await run('devices', 'anna')).stdout, /no browser that is remembered/)
    assert.deepEqual(JSON.parse((await run('devices', 'anna', '--json')).stdout), [])
    assert.match((await run('forget-devices', 'anna')).stdout, /^No browsers of anna forgotten/)
    assert.deepEqual(await audit(), [])
    assert.match((await run('show', 'anna')).stdout, /^browsers +none known$/m)
  })

  it('forgets one, and audits it', async () => {
    terminal = await openWithAnna({ policy }, { factors: ['totp'], browsers })
    const { status, stdout } = await run('forget-devices', 'anna', '--device', 'device-0')
    assert.equal(status, 0)
    assert.match(stdout, /^One browser of anna forgotten/)
    assert.deepEqual(await left(), ['device-1', 'device-2'])
    assert.deepEqual(await audit(), ['device.removed by-administrator'])
  })

  it('forgets all of them', async () => {
    terminal = await openWithAnna({ policy }, { factors: ['totp'], browsers })
    assert.match((await run('forget-devices', 'anna')).stdout, /^3 browsers of anna forgotten/)
    assert.deepEqual(await left(), [])
    assert.deepEqual(await audit(), ['device.removed by-administrator'])
  })

  it('refuses a browser that is not hers, and an account that is not there', async () => {
    terminal = await openWithAnna({ policy }, { factors: ['totp'], browsers })
    const unknown = await run('forget-devices', 'anna', '--device', 'device-9')
    assert.equal(unknown.status, 1)
    assert.match(unknown.stderr, /^anna has no browser "device-9"[^\n]+\n$/)
    assert.equal((await left()).length, 3)
    for (const command of ['devices', 'forget-devices']) {
      const { status, stderr } = await run(command, 'nobody')
      assert.equal(status, 1)
      assert.match(stderr, /no account "nobody"/)
    }
  })

  for (const command of ['disable', 'reset-factors'])
    it(`trusts none any more after \`account ${command}\`, and still knows them`, async () => {
      terminal = await openWithAnna({ policy }, { factors: ['totp'], browsers })
      assert.equal((await run(command, 'anna')).status, 0)
      const devices = await terminal.within((directory) => directory.devices('anna-1'))
      assert.deepEqual(
        devices.map(({ trust }) => trust),
        [null, null, null],
      )
    })
})
