import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { verifyTokens } from '../../src/factors/hardware-token/verify.ts'
import { program } from '../support/machine.ts'
import { hexKey, openTokens, type TokenTerminal } from './tokens-on-file.ts'

const run = promisify(execFile)
const hotpKey = hexKey(1)
const totpKey = hexKey(2)

describe('duepassi tokens resync', function () {
  this.timeout(240_000)
  let oathtool: string
  let terminal: TokenTerminal
  before(async () => {
    oathtool = await program('oathtool')
  })
  beforeEach(async () => {
    terminal = await openTokens()
    await terminal.stock(`H1,${hotpKey},hotp,anna`, `T1,${totpKey},totp,bruno`)
    await terminal.activate('anna-1', 'H1')
    await terminal.activate('bruno-1', 'T1')
  })
  afterEach(() => terminal.close())

  const codesOf = async (...argv: string[]): Promise<string[]> =>
    (await run(oathtool, argv)).stdout.trim().split('\n')
  const pressed = async (times: number): Promise<string> =>
    (await codesOf('--hotp', '-c', String(times), hotpKey))[0] ?? ''
  /** Codes of a clock that is ahead by so many time steps. */
  const shown = (steps: number): Promise<string[]> =>
    codesOf('--totp', '-N', `@${Math.floor(Date.now() / 1000) + steps * 30}`, '-w', '2', totpKey)
  const credentialOf = async (serial: string) =>
    (await terminal.within((directory) => directory.credentialByHandle('hardware-token', serial))) ??
    assert.fail(serial)
  const resync = (...argv: string[]) => terminal.tokens('resync', ...argv)
  const assertRefused = async (serial: string, codes: readonly string[], said: RegExp) => {
    const before = await terminal.within((directory) =>
      directory.credentialByHandle('hardware-token', serial),
    )
    const { status, stdout, stderr } = await resync(serial, ...codes)
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, said)
    for (const code of codes) assert.ok(!stderr.includes(code))
    const after = await terminal.within((directory) => directory.credentialByHandle('hardware-token', serial))
    assert.deepEqual(after, before)
  }

  it('finds a HOTP token again that was pressed in vain, by two codes in a row', async () => {
    const codes = [await pressed(60), await pressed(61)]
    assert.equal(verifyTokens(await pressed(60), [await credentialOf('H1')], Date.now()).verified, false)
    const done = await resync('h1', ...codes)
    assert.equal(done.status, 0, done.stderr)
    assert.equal(done.stdout, 'The token H1 of anna is in step again.\n')
    const credential = await credentialOf('H1')
    assert.deepEqual([credential.counter, credential.lastUsedAt === null], [62, false])
    assert.equal(verifyTokens(await pressed(61), [credential], Date.now()).verified, false)
    assert.equal(verifyTokens(await pressed(62), [credential], Date.now()).verified, true)
    assert.deepEqual((await terminal.audit('anna-1')).slice(1), ['token.resynchronised hardware-token'])
    terminal.assertSecret([done], Buffer.alloc(20, 1), ...codes.map((code) => Buffer.from(`"${code}"`)))
  })

  it('follows the clock of a TOTP token, by two codes in a row', async () => {
    const credentialBefore = await credentialOf('T1')
    const [one = '', other = ''] = await shown(-12)
    assert.equal(verifyTokens(one, [credentialBefore], Date.now()).verified, false)
    const done = await resync('T1', one, other)
    assert.equal(done.status, 0, done.stderr)
    const credential = await credentialOf('T1')
    assert.notEqual(credential.secret, credentialBefore.secret)
    const [, , next = ''] = await shown(-12)
    assert.equal(verifyTokens(next, [credential], Date.now()).verified, true)
    await assertRefused('T1', [one, other], /^These codes were used already\. Take two new ones\.\n$/)
  })

  it('says why not, and changes nothing', async () => {
    await assertRefused('H1', [await pressed(60), await pressed(62)], /no two codes in a row/)
    await assertRefused('H1', [await pressed(61), await pressed(60)], /no two codes in a row/)
    await assertRefused('H1', [await pressed(100), await pressed(101)], /no two codes in a row/)
    await assertRefused('H1', ['12345', 'x'], /^Two codes of 6 or 8 digits are needed/)
    await assertRefused('T1', (await shown(25)).slice(0, 2), /no two codes in a row/)
    await assertRefused('9', ['123456', '123457'], /no token "9"/)
    assert.deepEqual(await terminal.audit('anna-1'), ['token.assigned hardware-token import'])
  })

  it('refuses a token that is active for nobody, and a Yubico OTP', async () => {
    await terminal.within((directory) => directory.removeCredentials('anna-1'))
    await assertRefused('H1', [await pressed(1), await pressed(2)], /active for nobody/)
    const yubico = terminal.write('yubico.csv', `7001,cccccccccccb,010203040506,${'0a'.repeat(16)},,,\n`)
    const imported = await terminal.tokens('import', yubico)
    assert.equal(imported.status, 0, imported.stderr)
    await assertRefused('7001', ['123456', '123457'], /never out of step/)
  })

  it('does not unlock, and does not say that the person used it', async () => {
    await terminal.within(async (directory) => {
      await directory.spend('c-H1', 0, 1, 4_000)
      await directory.changeAttempts('anna-1', 'hardware-token', () => ({
        failures: 11,
        waitUntil: 0,
        lockedAt: 5,
      }))
    })
    const { stdout } = await resync('H1', await pressed(30), await pressed(31))
    assert.match(
      stdout,
      /in step again\. The second factor of anna is still locked: `duepassi account unlock`/,
    )
    assert.equal((await terminal.within((directory) => directory.standing('anna-1'))).lockedAt, 5)
    const { counter, lastUsedAt } = await credentialOf('H1')
    assert.deepEqual([counter, lastUsedAt], [32, 4_000])
  })

  it('takes two codes once, however often they come at once', async () => {
    const codes = [await pressed(40), await pressed(41)]
    const runs = await Promise.all([1, 2, 3].map(() => resync('H1', ...codes)))
    assert.deepEqual(runs.map(({ status }) => status).sort(), [0, 1, 1])
    for (const { status, stderr } of runs) if (status === 1) assert.match(stderr, /used (already|meanwhile)/)
    assert.equal((await credentialOf('H1')).counter, 42)
  })
})
