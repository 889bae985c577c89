import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { soundTree } from '../config/sample.ts'
import { killStarted, startProcess } from './process.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

describe('the process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-process-'))
  after(() => {
    killStarted()
    rmSync(folder, { recursive: true })
  })
  const env = (name: string) => {
    mkdirSync(join(folder, `${name}-data`), { recursive: true })
    const file = join(folder, `${name}.yaml`)
    writeFileSync(
      file,
      stringify({
        ...soundTree(),
        listen: { port: 0 },
        database: { url: `sqlite:${join(folder, `${name}-data/d.db`)}` },
        store: { file: join(folder, `${name}-data/s.db`) },
      }),
    )
    return { DUEPASSI_CONFIG: file }
  }
  const proxied = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'id.example.org' }

  const serves = async (address: string) => {
    assert.equal((await fetch(`${address}/health/live`)).status, 200)
    assert.deepEqual(await (await fetch(`${address}/health/ready`)).json(), {
      status: 'ok',
      store: 'ok',
      directory: 'ok',
    })
    const discovery = (await (
      await fetch(`${address}/.well-known/openid-configuration`, { headers: proxied })
    ).json()) as Record<string, string>
    assert.equal(discovery.issuer, 'https://id.example.org')
    assert.match(discovery.token_endpoint ?? '', /^https:\/\/id\.example\.org\//)
  }

  it('runs from the checkout, takes administration meanwhile, and ends on SIGTERM', async function () {
    this.timeout(120_000)
    const settings = env('checkout')
    const started = await startProcess(join(checkout, 'src/main.ts'), { cwd: folder, env: settings })
    await serves(started.address)
    const cli = (argv: string[], input = '') =>
      spawnSync(process.execPath, [join(checkout, 'src/cli/main.ts'), ...argv], {
        cwd: folder,
        env: { PATH: process.env.PATH, ...settings },
        input,
        encoding: 'utf8',
      })
    const created = cli(['account', 'create', 'anna', '--password-stdin'], 'correct horse')
    assert.equal(created.status, 0, created.stderr)
    for (const action of ['show', 'unlock', 'disable', 'enable', 'reset-factors']) {
      const { status, stderr } = cli(['account', action, 'anna'])
      assert.equal(status, 0, `${action}: ${stderr}`)
    }
    assert.equal((await fetch(`${started.address}/health/ready`)).status, 200)
    const { status, lines } = await started.end()
    assert.equal(status, 0)
    assert.deepEqual(
      lines.slice(-2).map(({ msg }) => msg),
      ['draining', 'ended'],
    )
  })

  it('does not start with faults', async () => {
    await assert.rejects(
      startProcess(join(checkout, 'src/main.ts'), {
        cwd: folder,
        env: { DUEPASSI_ISSUER: 'http://x.example' },
      }),
      /ended with 1: The configuration has 3 faults/,
    )
  })

  it('runs from the folder that tools/assemble.sh makes for the image', async function () {
    this.timeout(180_000)
    const app = join(folder, 'app')
    const made = spawnSync(join(checkout, 'tools/assemble.sh'), [app], { encoding: 'utf8' })
    assert.equal(made.status, 0, made.stderr)
    assert.deepEqual(readdirSync(app).sort(), ['dist', 'node_modules', 'package.json', 'views'])
    for (const absent of ['typescript', 'mocha', '@biomejs', 'duepassi-runtime', 'playwright-core']) {
      assert.equal(existsSync(join(app, 'node_modules', absent)), false, absent)
    }
    const started = await startProcess(join(app, 'dist/main.js'), { cwd: folder, env: env('assembled') })
    await serves(started.address)
    assert.equal((await started.end('SIGINT')).status, 0)
    const check = spawnSync(process.execPath, [join(app, 'dist/cli/main.js'), 'config', 'check'], {
      env: { PATH: process.env.PATH, ...env('assembled') },
      encoding: 'utf8',
    })
    assert.equal(check.status, 0, check.stderr)
    const again = spawnSync(join(checkout, 'tools/assemble.sh'), [app], { encoding: 'utf8' })
    assert.equal(again.status, 1)
    assert.match(again.stderr, /not empty/)
  })
})
