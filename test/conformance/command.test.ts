import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { Agent, fetch } from 'undici'
import { freePort } from '../support/machine.ts'

describe('the process of npm run conformance', function () {
  this.timeout(60_000)

  it('says where everything is, serves it on TLS, and leaves nothing behind', async () => {
    const port = await freePort()
    const child = spawn(
      process.execPath,
      ['tools/conformance/main.ts', '--host', 'id.example.test', '--port', String(port), '--alias', 'ours'],
      { cwd: new URL('../..', import.meta.url), stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += String(chunk)
    })
    try {
      while (!said.includes('Ctrl-C')) {
        assert.equal(child.exitCode, null)
        await once(child.stdout, 'data')
      }
      assert.match(said, new RegExp(`Issuer +https://id\\.example\\.test:${port}\n`))
      for (const id of ['conformance-basic', 'conformance-basic-2', 'conformance-post'])
        assert.match(said, new RegExp(`${id}  [\\w-]{43}  `))
      assert.match(said, /maria \/ due passi avanti/)
      const [, plan = '', folder = ''] = /Plan for the suite +((\S+)\/plan\.json)/.exec(said) ?? []
      const written = JSON.parse(readFileSync(plan, 'utf8')) as Record<string, unknown>
      assert.equal(written['alias'], 'ours')
      const dispatcher = new Agent({
        connect: {
          ca: readFileSync(`${folder}/ca.pem`, 'utf8'),
          lookup: (_name, { all }, done) =>
            all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
        },
      })
      const { discoveryUrl } = written['server'] as { discoveryUrl: string }
      assert.equal((await fetch(discoveryUrl, { dispatcher })).status, 200)
      await dispatcher.close()
      child.kill('SIGTERM')
      await once(child, 'exit')
      assert.equal(child.exitCode, 0)
      assert.equal(existsSync(folder), false)
    } finally {
      child.kill('SIGKILL')
    }
  })
})
