import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'
import type { Provider } from 'oidc-provider'
import type { SecondFactor } from '../../src/index.ts'
import { Browser } from '../support/browser.ts'
import { type ForeignHost, type Login, startForeignHost } from '../support/foreign-host.ts'
import { discoverRelyingParty } from '../support/relying-party.ts'
import { answerPage, codeNow, enrol } from '../support/steps.ts'

interface Parts {
  provider: Provider
  mfa: SecondFactor
  login: Login
}

const hosts: Record<string, ((parts: Parts) => RequestListener | Promise<RequestListener>) | undefined> = {
  'node:http': undefined,
  Koa({ provider, mfa, login }) {
    const app = new Koa()
    app.use(async (ctx, next) => {
      if (!ctx.path.startsWith('/login/') || ctx.path.endsWith('/second-factor')) return next()
      ctx.respond = false
      await login(ctx.req, ctx.res)
    })
    app.use(mfa.routes())
    app.use((ctx) => {
      ctx.respond = false
      return provider.callback()(ctx.req, ctx.res)
    })
    return app.callback() as RequestListener
  },
  Express({ provider, mfa, login }) {
    const app = express()
    app.use(express.urlencoded({ extended: false }))
    app.use(mfa.routes())
    app.use((req, res, next) => void login(req, res).then((done) => done || next()))
    app.use(provider.callback())
    return app
  },
  async Fastify({ provider, mfa, login }) {
    const app = Fastify()
    const routes = mfa.routes()
    app.addHook('onRequest', async (request, reply) => {
      reply.hijack()
      if (!(await login(request.raw, reply.raw)))
        await routes(request.raw, reply.raw, () => provider.callback()(request.raw, reply.raw))
    })
    await app.ready()
    return (req, res) => app.routing(req, res)
  },
}

for (const [name, host] of Object.entries(hosts))
  describe(`the plugin on a foreign provider in ${name}`, () => {
    let foreign: ForeignHost
    before(async () => {
      foreign = await startForeignHost(host ? { host } : {})
    })
    after(() => foreign.close())

    it('issues tokens after password and code, with what was proven in them', async () => {
      const { clock, issuer } = foreign
      const rp = await discoverRelyingParty(issuer)
      const browser = new Browser()
      const first = await rp.begin()
      const login = await browser.get(first.url)
      assert.match(login.url.pathname, /^\/login\/[\w-]+$/)
      const page = await browser.post(login.url, { username: 'maria', password: 'correct horse' })
      assert.match(page.url.pathname, /\/second-factor$/)
      const { secret, last } = await enrol(browser, page, clock)
      const tokens = await first.finish(last.url)
      const claims = tokens.claims()
      assert.equal(claims?.acr, 'https://refeds.org/profile/mfa')
      assert.deepEqual(claims?.amr, ['pwd', 'otp', 'mfa'])

      const second = await rp.begin({ prompt: 'login' })
      const again = await browser.get(second.url)
      const asked = await browser.post(again.url, { username: 'maria', password: 'correct horse' })
      clock.advance(30)
      const done = await answerPage(browser, asked, { intent: 'answer', code: codeNow(secret, clock) })
      const fresh = await second.finish(done.url)
      assert.deepEqual(fresh.claims()?.amr, ['pwd', 'otp', 'mfa'])
      const introspected = await rp.introspect(fresh.access_token)
      assert.equal(introspected.acr, 'https://refeds.org/profile/mfa')
      assert.equal(
        (await rp.refresh(fresh.refresh_token as string)).claims()?.acr,
        'https://refeds.org/profile/mfa',
      )
    })
  })
