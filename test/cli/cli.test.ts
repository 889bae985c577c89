import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { openTerminal, type Terminal } from './terminal.ts'

describe('duepassi', () => {
  let terminal: Terminal
  afterEach(() => terminal.close())

  it('lists its commands, and refuses unknown ones', async () => {
    terminal = openTerminal()
    const { status, stdout } = await terminal.run(['--help'])
    assert.equal(status, 0)
    for (const name of ['serve', 'config', 'keys', 'migrate', 'account', 'client', 'health'])
      assert.match(stdout, new RegExp(`^  ${name}`, 'm'))
    const unknown = await terminal.run(['acount'])
    assert.notEqual(unknown.status, 0)
    assert.match(unknown.stderr, /unknown command/)
  })

  describe('config check', () => {
    it('says that the configuration is fine, without a secret', async () => {
      terminal = openTerminal({
        database: { url: 'postgres://duepassi:hunter2@db:5432/x?password=hunter2' },
        redis: { url: 'rediss://u:hunter2@r:6379/1' },
        mail: { url: 'smtp://u:hunter2@m', from: 'id@example.org' },
      })
      const { status, stdout, stderr } = await terminal.run(['config', 'check'])
      assert.equal(status, 0, stderr)
      assert.match(stdout, /^The configuration is fine\.$/m)
      for (const part of [
        'https://id.example.org',
        'postgres://db:5432/x',
        'rediss://r:6379/1',
        'ES256 k1',
        's1',
        'required',
      ])
        assert.ok(stdout.includes(part), part)
      const loaded = loadConfig({ file: terminal.file, env: {} })
      assert.ok('config' in loaded)
      const secrets = [
        'hunter2',
        ...(loaded.config.keys.cookies ?? []),
        loaded.config.keys.sealing?.[0]?.key,
        loaded.config.keys.signing?.[0]?.d,
      ]
      for (const secret of secrets) assert.ok(secret && !stdout.includes(String(secret)))
    })

    it('prints every fault with place and fix, and fails', async () => {
      terminal = openTerminal({
        issuer: 'http://id.example.org',
        keys: { cookies: ['c2hvcnQ='] },
        polici: {},
      })
      const { status, stdout, stderr } = await terminal.run(['config', 'check'])
      assert.equal(status, 1)
      assert.equal(stdout, '')
      assert.match(stderr, /has 3 faults/)
      assert.match(stderr, /issuer \(.*duepassi\.yaml:1\) must be https/)
      assert.match(stderr, /keys\.cookies\[0\].*32 random bytes/)
      assert.match(stderr, /polici .*is not a key\.\n {2}Did you mean `policy`\?/)
    })

    it('takes --config before or after the command', async () => {
      terminal = openTerminal()
      const broken = join(terminal.folder, 'broken.yaml')
      writeFileSync(broken, 'a: 1\n')
      assert.equal((await terminal.run(['--config', broken, 'config', 'check'])).status, 1)
      assert.equal((await terminal.run(['config', 'check', '-c', broken])).status, 1)
      assert.match(
        (await terminal.run(['config', 'check', '-c', 'absent.yaml'])).stderr,
        /absent\.yaml.*ENOENT/,
      )
    })
  })

  describe('keys generate', () => {
    it('prints keys that a production configuration accepts, fresh each time', async () => {
      terminal = openTerminal()
      const [one, other] = [
        await terminal.run(['keys', 'generate', '--all']),
        await terminal.run(['keys', 'generate', '--all']),
      ]
      const few = await terminal.run(['keys', 'generate'])
      const keys = (text: string) =>
        parse(text).keys as { signing: JWK[]; cookies: string[]; sealing: { id: string; key: string }[] }
      assert.deepEqual(Object.keys(keys(few.stdout)), ['sealing', 'pairwise', 'push'])
      const file = join(terminal.folder, 'new.yaml')
      for (const { stdout } of [one, few]) {
        writeFileSync(file, `issuer: https://id.example.org\nproxy: true\n${stdout}`)
        assert.ok('config' in loadConfig({ file, env: {} }))
      }
      const [jwk] = keys(one.stdout).signing
      assert.ok(jwk)
      assert.equal(jwk.kid, await calculateJwkThumbprint(jwk))
      const all = [one, other].flatMap(({ stdout }) => [
        keys(stdout).signing[0]?.d,
        keys(stdout).cookies[0],
        keys(stdout).sealing[0]?.key,
      ])
      assert.equal(new Set(all).size, 6)
    })
  })

  describe('migrate', () => {
    it('brings the database up to date, and says when it was', async () => {
      terminal = openTerminal()
      assert.match(
        (await terminal.run(['migrate'])).stdout,
        /ran 0001-tables, .*0005-password-due, 0006-ring-keys, .*\.$/m,
      )
      assert.equal((await terminal.run(['migrate'])).stdout, 'The database is up to date.\n')
    })

    it('says what to do when the database does not answer', async () => {
      terminal = openTerminal({ database: { url: 'postgres://u:hunter2@127.0.0.1:1/x' } })
      const { status, stderr } = await terminal.run(['migrate'])
      assert.equal(status, 1)
      assert.match(stderr, /`database\.url`/)
      assert.doesNotMatch(stderr, /hunter2|\n\s+at /)
    })
  })
})
