import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { Registry } from 'prom-client'
import { listen } from '../../src/http/server.ts'
import { currentRequestId, silentLog } from '../../src/log.ts'
import { configFor, serveHandler, stopAll } from './served.ts'

const hello = (_: IncomingMessage, response: import('node:http').ServerResponse) => void response.end('hello')
const until = async (met: () => boolean) => {
  while (!met()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('server', () => {
  afterEach(stopAll)

  it('serves the handler, and writes one line per request without query and identifiers', async () => {
    const { listening, lines } = await serveHandler((_, response) => {
      response.statusCode = 418
      response.end()
    })
    await fetch(`${listening.url}/interaction/V1StGXR8_Z5jdHi6B-myT/x?code=hunter2`, {
      headers: { cookie: 'sid=hunter2' },
    })
    await until(() => lines.length > 0)
    const [line, ...more] = lines
    assert.deepEqual(more, [])
    assert.equal(line?.method, 'GET')
    assert.equal(line?.path, '/interaction/:id/x')
    assert.equal(line?.status, 418)
    assert.equal(typeof line?.ms, 'number')
    assert.doesNotMatch(JSON.stringify(lines), /hunter2|V1St/)
  })

  describe('request id', () => {
    const idFor = async (header: string | undefined, config = {}) => {
      const { listening, lines } = await serveHandler(
        (_, response) => void response.end(currentRequestId()),
        { config },
      )
      const answer = await fetch(
        listening.url,
        header === undefined ? {} : { headers: { 'x-request-id': header } },
      )
      const id = await answer.text()
      assert.equal(answer.headers.get('x-request-id'), id)
      await until(() => lines.length > 0)
      assert.equal(lines[0]?.requestId, id)
      return id
    }
    it('is generated, and differs each time', async () => {
      const [one, other] = [await idFor(undefined), await idFor(undefined)]
      assert.match(one, /^[\w-]{22}$/)
      assert.notEqual(one, other)
    })
    it('is believed from a proxy', async () =>
      assert.equal(await idFor('abc-12345678', { proxy: true }), 'abc-12345678'))
    it('is not believed without a proxy', async () =>
      assert.notEqual(await idFor('abc-12345678'), 'abc-12345678'))
    for (const bad of ['short', 'x'.repeat(65), 'has space in it', '"quoted-id"']) {
      it(`is not believed when malformed: ${bad.slice(0, 20)}`, async () => {
        assert.notEqual(await idFor(bad, { proxy: true }), bad)
      })
    }
  })

  it('answers 500 when the handler throws, and says so without details', async () => {
    const { listening, lines } = await serveHandler(() => {
      throw new Error('inner detail')
    })
    const answer = await fetch(listening.url)
    assert.equal(answer.status, 500)
    assert.doesNotMatch(await answer.text(), /inner/)
    assert.ok(
      lines.some(
        ({ level, requestId }) => level === 'error' && requestId === answer.headers.get('x-request-id'),
      ),
    )
  })

  it('marks an answer that the caller did not wait for', async () => {
    const { listening, lines } = await serveHandler(() => {})
    const call = request(listening.url).on('error', () => {})
    call.end()
    setTimeout(() => call.destroy(), 30)
    await until(() => lines.length > 0)
    assert.equal(lines[0]?.aborted, true)
  })

  it('refuses headers beyond the limit', async () => {
    const { listening } = await serveHandler(hello)
    const answer = await fetch(listening.url, { headers: { 'x-large': 'x'.repeat(17_000) } })
    assert.equal(answer.status, 431)
  })

  describe('health', () => {
    it('is live without asking anybody', async () => {
      const { listening } = await serveHandler(hello, { ready: () => Promise.reject(new Error('down')) })
      const answer = await fetch(`${listening.url}/health/live`)
      assert.equal(answer.status, 200)
      assert.deepEqual(await answer.json(), { status: 'ok' })
      assert.equal((await fetch(`${listening.url}/health/live`, { method: 'POST' })).status, 405)
    })
    it('is ready when store and directory are', async () => {
      const { listening } = await serveHandler(hello)
      const answer = await fetch(`${listening.url}/health/ready?x=1`)
      assert.equal(answer.status, 200)
      assert.deepEqual(await answer.json(), { status: 'ok', store: 'ok', directory: 'ok' })
    })
    it('is not ready, and says which is down', async () => {
      const { listening } = await serveHandler(hello, {
        ready: async () => ({ store: 'down', directory: 'ok' }),
      })
      const answer = await fetch(`${listening.url}/health/ready`)
      assert.equal(answer.status, 503)
      assert.deepEqual(await answer.json(), { status: 'down', store: 'down', directory: 'ok' })
    })
    it('is not ready when asking fails or takes too long', async () => {
      for (const ready of [() => Promise.reject(new Error('x')), () => new Promise<never>(() => {})]) {
        const { listening } = await serveHandler(hello, { ready })
        assert.equal((await fetch(`${listening.url}/health/ready`)).status, 503)
      }
    })
  })

  describe('draining', () => {
    it('finishes running requests, refuses connections, then closes the stores', async () => {
      const releases: (() => void)[] = []
      const { listening, closed } = await serveHandler(
        (_, response) => void releases.push(() => response.end('finished')),
      )
      const running = fetch(listening.url)
      await until(() => releases.length === 1)
      const drained = listening.drain()
      assert.equal(listening.drain(), drained)
      await assert.rejects(fetch(listening.url))
      assert.equal(closed(), 0)
      releases[0]?.()
      assert.equal(await (await running).text(), 'finished')
      await drained
      assert.equal(closed(), 1)
    })

    it('answers 503 to readiness', async () => {
      const releases: (() => void)[] = []
      const { listening } = await serveHandler(
        (_, response) => void releases.push(() => response.end('done')),
      )
      const socket = connect(Number(new URL(listening.url).port), '127.0.0.1')
      let received = ''
      socket.on('data', (data) => {
        received += data
      })
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(() => releases.length === 1)
      const drained = listening.drain()
      socket.write('GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n')
      await new Promise((resolve) => setTimeout(resolve, 20))
      releases[0]?.()
      await once(socket, 'close')
      assert.match(received, /done[\s\S]*HTTP\/1\.1 503[\s\S]*connection: close[\s\S]*"status":"draining"/i)
      await drained
    })

    it('cuts off what does not finish in time', async () => {
      const { listening, closed } = await serveHandler(() => {}, { patience: 50 })
      const call = assert.rejects(fetch(listening.url))
      await new Promise((resolve) => setTimeout(resolve, 30))
      await listening.drain()
      await call
      assert.equal(closed(), 1)
    })

    it('does not wait for idle keep-alive connections', async () => {
      const { listening } = await serveHandler(hello)
      const agent = new Agent({ keepAlive: true })
      await new Promise((resolve) =>
        get(listening.url, { agent }, (answer) => answer.resume().on('end', resolve)),
      )
      const before = performance.now()
      await listening.drain()
      assert.ok(performance.now() - before < 1_000)
      agent.destroy()
    })
  })

  describe('ports', () => {
    const served = () => ({
      handler: hello,
      ready: async () => ({}),
      close: async () => {},
      registry: new Registry(),
    })

    it('says in one line which option to change when a port is taken', async () => {
      const { listening } = await serveHandler(hello)
      const port = Number(new URL(listening.url).port)
      await assert.rejects(listen(served(), configFor({ listen: { port } }), silentLog), (error: Error) => {
        assert.match(
          error.message,
          new RegExp(
            `^Port ${port} on 127.0.0.1 is taken: set \`listen.port\` \\(DUEPASSI_LISTEN__PORT\\)[^\\n]*$`,
          ),
        )
        return true
      })
    })

    it('leaves nothing open when the metrics port is taken', async () => {
      const { listening } = await serveHandler(hello)
      const taken = Number(new URL(listening.url).port)
      const first = await serveHandler(hello)
      const free = Number(new URL(first.listening.url).port)
      await first.listening.drain()
      const config = configFor({ listen: { port: free }, metrics: { port: taken } })
      await assert.rejects(listen(served(), config, silentLog), /`metrics\.port`/)
      await assert.rejects(fetch(first.listening.url))
    })
  })

  describe('metrics', () => {
    it('come on a port of their own, by route class, method and status', async () => {
      const { listening } = await serveHandler(hello, { config: { metrics: { port: 0 } } })
      assert.ok(listening.metricsUrl)
      await fetch(`${listening.url}/interaction/V1StGXR8_Z5jdHi6B-myT`)
      await fetch(`${listening.url}/anything`)
      await new Promise((resolve) => setTimeout(resolve, 20))
      const text = await (await fetch(`${listening.metricsUrl}/metrics`)).text()
      assert.match(
        text,
        /http_request_duration_seconds_count\{route="\/interaction",method="GET",status="200"\} 1/,
      )
      assert.match(text, /route="other"/)
      assert.match(text, /process_cpu_seconds_total/)
      assert.equal((await fetch(listening.metricsUrl)).status, 404)
      assert.equal(await (await fetch(`${listening.url}/metrics`)).text(), 'hello')
    })

    it('are off by default', async () => {
      assert.equal((await serveHandler(hello)).listening.metricsUrl, undefined)
    })
  })
})
