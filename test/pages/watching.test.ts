import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerWatch, type Watched, watchOf } from '../../src/pages/watching.ts'

const at = (url: string, method = 'GET') => ({ url, method }) as IncomingMessage
const untilOver: Watched['next'] = (known, over) =>
  new Promise((resolve) => over.addEventListener('abort', () => resolve(known)))

describe('a request to watch', () => {
  it('says how, and what its page shows', () => {
    deepEqual(watchOf(at('/x?watch=events&state=abc-_9.seen')), { how: 'events', known: 'abc-_9.seen' })
    deepEqual(watchOf(at('/x?a=b&state=abc&watch=poll')), { how: 'poll', known: 'abc' })
    deepEqual(watchOf(at('/x?watch=poll')), { how: 'poll', known: '' })
  })

  it('is no ordinary page, no form and nothing unknown', () => {
    for (const url of ['/x', '/x?watch=', '/x?watch=all', '/watch=poll', '/x?state=abc'])
      equal(watchOf(at(url)), undefined, url)
    for (const method of ['POST', 'HEAD']) equal(watchOf(at('/x?watch=poll&state=abc', method)), undefined)
  })

  it('has a state of ours or none', () => {
    for (const state of ['a%0Adata: x', 'a b', '%3Cb%3E', 'a'.repeat(65), '%C3%A8'])
      equal(watchOf(at(`/x?watch=events&state=${state}`))?.known, '', state)
  })

  it('is read from the whole address where Express has cut it', () => {
    const req = { url: '/', originalUrl: '/op/x?watch=poll&state=abc', method: 'GET' }
    equal(watchOf(req as unknown as IncomingMessage)?.known, 'abc')
  })
})

describe('the answer to a page that watches', () => {
  let server: Server
  let origin: string
  let next: Watched['next']
  let ended: Array<Promise<unknown>>
  const short = { poll: 200, stream: 300, heartbeat: 60 }
  let times: typeof short | undefined

  before(async () => {
    server = createServer((req, res) => {
      const watching = watchOf(req)
      ok(watching)
      const answered = answerWatch(res, watching, { next: (...given) => next(...given) }, times)
      const failed = (error: unknown) => {
        res.writeHead(503).end()
        return error
      }
      ended.push(answered.catch(failed))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  beforeEach(() => {
    ended = []
    times = short
  })

  const open = (how: string, init: RequestInit = {}) => fetch(`${origin}/x?watch=${how}&state=now`, init)

  it('is an event as soon as there is another state, and the end', async () => {
    next = async (known) => {
      equal(known, 'now')
      return 'then.seen'
    }
    const answer = await open('events')
    equal(answer.status, 200)
    equal(answer.headers.get('content-type'), 'text/event-stream')
    equal(answer.headers.get('cache-control'), 'no-store, no-transform')
    equal(answer.headers.get('x-accel-buffering'), 'no')
    equal(await answer.text(), 'retry: 2000\nevent: waiting\ndata: on\n\nevent: moved\ndata: then.seen\n\n')
  })

  it('says at once that the stream gets through, and gives signs of life until it ends without news', async () => {
    next = untilOver
    const answer = await open('events')
    const reader = answer.body?.getReader()
    const first = new TextDecoder().decode((await reader?.read())?.value)
    match(first, /^retry: 2000\nevent: waiting\ndata: on\n\n/)
    let rest = ''
    for (;;) {
      const read = await reader?.read()
      if (!read || read.done) break
      rest += new TextDecoder().decode(read.value)
    }
    match(rest, /^(: waiting\n\n){2,5}$/)
  })

  it('is JSON that a poll waits for', async () => {
    let known = ''
    next = async (given) => {
      known = given
      return 'then'
    }
    const answer = await open('poll')
    equal(answer.headers.get('content-type'), 'application/json')
    equal(answer.headers.get('cache-control'), 'no-store, no-transform')
    deepEqual([await answer.json(), known], [{ state: 'then' }, 'now'])
  })

  it('comes at once where the state is another already, and not before time is up where it is not', async () => {
    times = { ...short, poll: 10_000 }
    next = async () => 'then'
    const begun = performance.now()
    await (await open('poll')).json()
    ok(performance.now() - begun < 2_000)
    times = short
    next = untilOver
    const again = performance.now()
    deepEqual(await (await open('poll')).json(), { state: 'now' })
    ok(performance.now() - again >= 190)
  })

  for (const how of ['events', 'poll']) {
    it(`ends when whoever watches leaves: ${how}`, async () => {
      times = { poll: 60_000, stream: 60_000, heartbeat: 60_000 }
      let watching = () => {}
      const begun = new Promise<void>((resolve) => {
        watching = resolve
      })
      let over: AbortSignal | undefined
      next = (known, signal) => {
        over = signal
        watching()
        return untilOver(known, signal)
      }
      const leaving = new AbortController()
      const answer = open(how, { signal: leaving.signal }).then((opened) => opened.text())
      await begun
      equal(over?.aborted, false)
      leaving.abort()
      await answer.catch(() => undefined)
      await Promise.all(ended)
      equal(over?.aborted, true)
    })
  }

  it('leaves a poll that fails to whoever shows failures, and ends a stream that does', async () => {
    next = async () => {
      throw new Error('no store')
    }
    equal((await open('poll')).status, 503)
    const stream = await open('events')
    equal(stream.status, 200)
    match(await stream.text(), /waiting\ndata: on\n\n$/)
    const [poll, events] = await Promise.all(ended)
    deepEqual([poll instanceof Error, events], [true, undefined])
  })
})
