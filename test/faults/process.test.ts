import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { createHasher } from '../../src/passwords/hashing.ts'
import { killStarted, startProcess } from '../cli/process.ts'
import { Browser } from '../support/browser.ts'
import { temporaryFolder } from '../support/machine.ts'
import { password, startProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { enrol } from '../support/steps.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

describe('the whole process', function () {
  this.timeout(60_000)
  after(killStarted)

  it('asked to end while a form is on its way answers it, ends, and goes on after a restart where it stood', async () => {
    const hasher = createHasher({ concurrency: 2, queue: 10, random: (size) => Buffer.alloc(size, 7) })
    // Accounts, client, keys and files are made in this process; from then on the other one runs on them.
    await using op = await startProvider({ parts: { hasher } })
    const { rp } = op
    await op.close()
    const folder = await temporaryFolder()
    const file = join(folder, 'duepassi.yaml')
    await writeFile(file, stringify(op.config))
    const settings = { cwd: folder, env: { DUEPASSI_CONFIG: file } }
    const first = await startProcess(main, settings)

    const browser = new Browser()
    const request = await rp.begin()
    const login = await browser.get(request.url)
    const body = new URLSearchParams({ intent: 'sign-in', username: 'maria', password }).toString()
    const cookies = browser.cookies().filter(({ path }) => login.url.pathname.startsWith(path))
    const socket = connect(op.config.listen.port, '127.0.0.1')
    await once(socket, 'connect')
    let reply = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      reply += text
    })
    const head = [
      `POST ${login.url.pathname} HTTP/1.1`,
      `Host: ${login.url.host}`,
      'Sec-Fetch-Site: same-origin',
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
      `Cookie: ${cookies.map(({ name, value }) => `${name}=${value}`).join('; ')}`,
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 20)}`)
    await delay(200)
    const ended = first.end('SIGTERM')
    await delay(300)
    await assert.rejects(fetch(`${op.issuer}/health/live`), 'nothing new is accepted')
    assert.equal(reply, '')
    socket.write(body.slice(20))
    await once(socket, 'close')
    assert.match(reply, /^HTTP\/1\.1 303 /)
    assert.match(reply, /\r\nlocation: \/interaction\/[\w-]+\/second-factor\r\n/i)
    const { status, lines } = await ended
    assert.equal(status, 0)
    assert.deepEqual(
      lines.slice(-1).map(({ msg }) => msg),
      ['ended'],
    )
    assert.ok(lines.some(({ msg, status: answered }) => msg === 'request' && answered === 303))

    const second = await startProcess(main, settings)
    const page = await browser.get(new URL(`${login.url.pathname}/second-factor`, op.issuer))
    const { last } = await enrol(browser, page, op.clock)
    assert.ok(codeOf(last))
    assert.ok((await request.finish(last.url)).access_token)
    assert.equal((await second.end('SIGTERM')).status, 0)
  })
})
