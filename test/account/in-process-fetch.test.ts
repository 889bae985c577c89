import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import Koa from 'koa'
import { createInProcessFetch } from '../../src/account/in-process-fetch.ts'

const echo = (req: IncomingMessage, res: ServerResponse): void => {
  const { method, url, headers } = req
  const answer = (body: string) => {
    res.writeHead(200, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] })
    res.end(JSON.stringify({ method, url, headers, body }))
  }
  text(req).then(answer, (error) => res.destroy(error))
}

interface Echoed {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}

describe('a request within the process', () => {
  it('reaches the handler as from a TLS proxy, with method, headers and body', async () => {
    const ask = createInProcessFetch(echo, 'https://id.example:8443')
    const response = await ask('https://id.example:8443/op/token?x=1', {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ code: 'a b' }),
    })
    assert.equal(response.status, 200)
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
    const { headers, ...request } = (await response.json()) as Echoed
    assert.deepEqual(request, { method: 'POST', url: '/op/token?x=1', body: 'code=a+b' })
    assert.equal(headers['host'], 'id.example:8443')
    assert.equal(headers['x-forwarded-proto'], 'https')
    assert.equal(headers['x-forwarded-host'], 'id.example:8443')
    assert.equal(headers['accept'], 'application/json')
  })

  for (const proxy of [true, false])
    it(`looks like one over TLS to Koa, proxy: ${proxy}`, async () => {
      const app = new Koa({ proxy })
      app.use((ctx) => {
        ctx.body = `${ctx.secure} ${ctx.href}`
      })
      const ask = createInProcessFetch(app.callback(), 'https://id.example')
      const response = await ask('https://id.example/jwks', { method: 'GET', headers: {} })
      assert.equal(await response.text(), 'true https://id.example/jwks')
    })

  it('goes to no other origin', async () => {
    let asked = 0
    const ask = createInProcessFetch(() => void asked++, 'https://id.example')
    for (const url of [
      'https://evil.example/',
      'http://id.example/',
      'https://id.example:444/',
      'https://id.example.evil.example/',
      'https://id.example@evil.example/',
    ])
      await assert.rejects(ask(url, { method: 'GET', headers: {} }), TypeError, url)
    assert.equal(asked, 0)
  })

  it('hands on a redirect and an answer without a body as they are', async () => {
    const ask = createInProcessFetch((req, res) => {
      res.writeHead(req.url === '/empty' ? 204 : 303, { location: 'https://evil.example/' })
      res.end()
    }, 'https://id.example')
    assert.equal((await ask('https://id.example/empty', { method: 'GET', headers: {} })).status, 204)
    const redirected = await ask('https://id.example/x', { method: 'GET', headers: {} })
    assert.equal(redirected.status, 303)
    assert.equal(redirected.headers.get('location'), 'https://evil.example/')
  })

  it('gives up when it is told to', async () => {
    const ask = createInProcessFetch(() => {}, 'https://id.example')
    const patience = AbortSignal.timeout(50)
    await assert.rejects(ask('https://id.example/', { method: 'GET', headers: {}, signal: patience }))
  })

  it('loads neither library before the first of them', async () => {
    const program = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ resolve(name, context, next) { loaded.push(name); return next(name, context) } })
      const { createAccountPages } = await import('./src/account/account-pages.ts')
      createAccountPages({ issuer: 'https://id.example', clock: { now: () => 0 } })
      const { createInProcessFetch } = await import('./src/account/in-process-fetch.ts')
      console.log(loaded.filter((name) => /^(openid-client|light-my-request)/.test(name)).join())
      await createInProcessFetch((req, res) => res.end(), 'https://a.b')('https://a.b/', { method: 'GET', headers: {} })
      console.log(loaded.filter((name) => /^(openid-client|light-my-request)/.test(name)).join())
    `
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--no-warnings', '-e', program],
      { cwd: join(import.meta.dirname, '../..') },
    )
    assert.equal(stdout, '\nlight-my-request\n')
  })
})
