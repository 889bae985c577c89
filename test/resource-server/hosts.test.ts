import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener } from 'node:http'
import express from 'express'
import Koa from 'koa'
import { type AccessToken, type RequireAuthentication, requireAuthentication } from '../../src/index.ts'
import { audience, createIssuer, issuer, type TestIssuer } from './issuer.ts'
import { bearer, type Served, serve } from './served.ts'

type WithToken = IncomingMessage & { token?: AccessToken }

/** Each lets whoever passes read their claims, and fails at `/fail`. */
const hosts: Record<string, (guard: RequireAuthentication, reached: () => void) => RequestListener> = {
  'node:http': (guard, reached) => (req: WithToken, res) =>
    void guard(req, res, () => {
      reached()
      if (req.url === '/fail') res.writeHead(500).end()
      else res.end(JSON.stringify(req.token))
    }),
  Express(guard, reached) {
    const app = express()
    app.use(express.urlencoded({ extended: false }))
    app.use(guard)
    app.use((req: WithToken, res) => {
      reached()
      if (req.url === '/fail') throw new Error('of the host')
      res.end(JSON.stringify(req.token))
    })
    app.use((_error: unknown, _req: unknown, res: express.Response, _next: unknown) => {
      res.writeHead(500).end()
    })
    return app
  },
  Koa(guard, reached) {
    const app = new Koa()
    app.silent = true
    // As koa-body does.
    app.use(async (ctx, next) => {
      if (ctx.is('urlencoded')) {
        const chunks: Buffer[] = []
        for await (const chunk of ctx.req) chunks.push(chunk)
        Object.assign(ctx.request, {
          body: Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())),
        })
      }
      await next()
    })
    app.use(guard)
    app.use(async (ctx) => {
      reached()
      if (ctx.path === '/fail') throw new Error('of the host')
      ctx.body = ctx.state['token']
    })
    return app.callback() as RequestListener
  },
}

for (const [name, host] of Object.entries(hosts))
  describe(`requireAuthentication in ${name}`, () => {
    let op: TestIssuer
    let served: Served
    let reached = 0
    before(async () => {
      op = await createIssuer()
      const guard = requireAuthentication({
        issuer,
        audience,
        acr: ['phr'],
        scope: ['vault:open'],
        clock: op.clock,
        fetch: op.fetch,
      })
      served = await serve(host(guard, () => void reached++))
    })
    after(() => served.close())
    beforeEach(() => {
      reached = 0
    })

    it('hands the claims to what follows', async () => {
      const { status, body } = await served.ask(bearer(await op.token({ amr: ['pop', 'user', 'mfa'] })))
      assert.equal(status, 200)
      const claims = JSON.parse(body)
      assert.equal(claims.sub, 'maria')
      assert.equal(claims.acr, 'phr')
      assert.deepEqual(claims.amr, ['pop', 'user', 'mfa'])
      assert.equal(reached, 1)
    })
    it('answers by itself, and nothing follows', async () => {
      for (const [headers, status, challenge] of [
        [{}, 401, /^Bearer realm="/],
        [bearer('x.y.z'), 401, /^Bearer error="invalid_token"/],
        [bearer(await op.token({ scope: 'other' })), 403, /^Bearer error="insufficient_scope"/],
        [bearer(await op.token({ acr: 'sfa' })), 401, /^Bearer error="insufficient_user_authentication"/],
      ] as Array<[Record<string, string>, number, RegExp]>) {
        const answer = await served.ask(headers)
        assert.equal(answer.status, status)
        assert.match(answer.challenge ?? '', challenge)
        assert.equal(answer.headers['cache-control'], 'no-store')
        assert.match(String(answer.headers['content-type']), /^application\/json/)
        assert.doesNotThrow(() => JSON.parse(answer.body))
      }
      assert.equal(reached, 0)
    })
    it('does not let claims pass for an answer, nor an answer for claims', async () => {
      const { status } = await served.ask(
        bearer(await op.token({ acr: 'phr', refusal: {}, status: 200, headers: {}, token: 'x' })),
      )
      assert.equal(status, 200)
    })
    it('refuses a token in a form', async () => {
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const body = `access_token=${await op.token()}`
      for (const headers of [form, { ...form, ...bearer(await op.token()) }]) {
        // node:http reads no body, so there is nothing to see but the header.
        if (name === 'node:http' && 'authorization' in headers) continue
        const { status } = await served.ask(headers, '/', body)
        assert.equal(status, name === 'node:http' ? 401 : 400)
      }
      assert.equal(reached, 0)
    })
    it('leaves to the host what goes wrong behind it', async () => {
      const { status, challenge } = await served.ask(bearer(await op.token()), '/fail')
      assert.equal(status, 500)
      assert.equal(challenge, undefined)
      assert.equal(reached, 1)
    })
    it('answers 503 while the provider is silent', async () => {
      op.down = true
      op.clock.advance(601)
      assert.equal((await served.ask(bearer(await op.token()))).status, 503)
      assert.equal(reached, 0)
    })
  })
