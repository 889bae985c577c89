import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { createSealer, recoveryCodes, type SecondFactor, totp, webauthn } from '../../src/index.ts'
import { Browser } from '../support/browser.ts'
import { type ForeignHost, type Login, startForeignHost } from '../support/foreign-host.ts'
import { assertionFor, badSignature, offers, optionsOn, register, sendPasskey } from '../support/passkeys.ts'
import { codeOf, discoverRelyingParty, type RelyingParty, testClient } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { answerPage, recoveryCodesOn } from '../support/steps.ts'

const escaped = (value: unknown) => JSON.stringify(value).replaceAll('&', '&amp;').replaceAll('"', '&quot;')

interface Host {
  provider: Provider
  mfa: SecondFactor
  login: Login
}

/** What the host's own login page makes of passkeys; whoever may not enter, and what was answered, is up to the test. */
const passkeyHost =
  (state: { mayEnter: boolean; outcomes: unknown[] }) =>
  ({ provider, mfa, login }: Host) => {
    const page = async (req: IncomingMessage, res: ServerResponse, status = 200) => {
      const { uid, params } = await provider.interactionDetails(req, res)
      const client = await provider.Client.find(String(params['client_id']))
      const passkey = await mfa.passkeyQuestion(uid, client)
      res.writeHead(status, { 'content-type': 'text/html' }).end(
        passkey
          ? `<main><form method="post"><input type="hidden" name="question" value="${passkey.question}">
             <div data-webauthn="get" data-options="${escaped(passkey.options)}"></div></form></main>`
          : '<main>no passkeys</main>',
      )
    }
    const byPasskey = async (req: IncomingMessage, res: ServerResponse) => {
      let text = ''
      for await (const chunk of req) text += String(chunk)
      const form = new URLSearchParams(text)
      if (form.get('intent') !== 'passkey') {
        await login(Object.assign(req, { body: Object.fromEntries(form) }), res)
        return
      }
      const outcome = await mfa.signInWithPasskey(req, res, {
        response: form.get('response') ?? '',
        question: form.get('question') ?? '',
        mayEnter: async () => state.mayEnter,
      })
      state.outcomes.push(outcome)
      if (outcome.kind === 'refused') await page(req, res, 401)
    }
    const routes = mfa.routes()
    const answer = async (req: IncomingMessage, res: ServerResponse) => {
      if (/^\/login\/[\w-]+$/.test(req.url ?? ''))
        return req.method === 'POST' ? byPasskey(req, res) : page(req, res)
      await routes(req, res, () => provider.callback()(req, res))
    }
    return (req: IncomingMessage, res: ServerResponse) =>
      void answer(req, res).catch((error: unknown) => res.writeHead(500).end(String(error)))
  }

const origin = 'https://login.host.example'
const key = () => webauthn({ rpId: 'host.example', origins: [origin] })

describe('passkeys on a foreign provider, by its own login page', () => {
  const state = { mayEnter: true, outcomes: [] as unknown[] }
  const authenticator = createSoftAuthenticator()
  const sealer = createSealer([{ id: 'k1', key: randomBytes(32).toString('base64') }])
  const strictClient = { ...testClient, client_id: 'strict', second_factors: { webauthn: 'forbid' } }
  let host: ForeignHost
  let rp: RelyingParty
  before(async () => {
    host = await startForeignHost({
      host: passkeyHost(state),
      options: { factors: [key(), totp(), recoveryCodes()], sealer },
      configuration: { clients: [testClient, strictClient] as never },
    })
    rp = await discoverRelyingParty(host.issuer)
    const at = await begin()
    const password = { username: 'maria', password: 'correct horse' }
    const chosen = await answerPage(at.browser, await at.browser.post(at.page.url, password), {
      intent: 'choose',
      factor: 'webauthn',
    })
    const issuing = await register({ ...at, page: chosen }, authenticator, { origin })
    recoveryCodesOn(issuing.page)
    const last = await answerPage(at.browser, issuing.page, { intent: 'saved' })
    assert.deepEqual((await at.request.finish(last.url)).claims()?.amr, ['pwd', 'pop', 'user', 'mfa'])
  })
  after(() => host.close())
  beforeEach(() => {
    state.mayEnter = true
    state.outcomes = []
  })
  const begin = async (from = rp) => {
    const browser = new Browser()
    const request = await from.begin()
    return { browser, request, page: await browser.get(request.url) }
  }
  const enter = async (at: Awaited<ReturnType<typeof begin>>) =>
    sendPasskey(at, assertionFor(at.page, authenticator, { origin }))

  it('sign in, with what was proven in every token', async () => {
    const at = await enter(await begin())
    const tokens = await at.request.finish(at.page.url)
    assert.equal(tokens.claims()?.sub, 'maria')
    assert.deepEqual(tokens.claims()?.amr, ['pop', 'user', 'mfa'])
    assert.equal(tokens.claims()?.acr, 'phr')
    assert.deepEqual(state.outcomes, [{ kind: 'answered' }])
    assert.equal((await rp.introspect(tokens.access_token)).active, true)
    assert.ok((await rp.refresh(tokens.refresh_token as string)).access_token)
    assert.deepEqual(
      (await host.directory.audit('maria', 3)).map(({ type }) => type),
      ['device.added', 'signin.finished', 'factor.accepted'],
    )
  })
  it('are refused with a reason, on the host’s own page, and may be tried again there', async () => {
    const at = await begin()
    const elsewhere = await begin()
    const refusals: Array<[string, string | undefined, object]> = [
      ['{}', undefined, { reason: 'malformed' }],
      [assertionFor(elsewhere.page, authenticator, { origin }), undefined, { reason: 'wrong' }],
      [assertionFor(at.page, authenticator, { origin: 'https://evil.example' }), 'x', { reason: 'expired' }],
    ]
    let last = at
    for (const [response, question, refusal] of refusals) {
      last = await sendPasskey(last, response, question)
      assert.equal(last.page.status, 401)
      assert.equal(codeOf(last.page), null)
      assert.deepEqual(state.outcomes.pop(), { kind: 'refused', ...refusal })
    }
    const stranger = createSoftAuthenticator()
    const { challenge, rpId } = optionsOn(last.page, 'get')
    const { id } = stranger.create({ challenge, rp: { id: rpId }, user: { id: 'bWU' } }, { origin })
    last = await sendPasskey(last, assertionFor(last.page, stranger, { origin }))
    assert.deepEqual(state.outcomes.pop(), { kind: 'refused', reason: 'unknown', credentialId: id })
    assert.ok(codeOf((await enter(last)).page))
  })
  it('ask the host whether the account may enter, only once they are right', async () => {
    state.mayEnter = false
    const at = await enter(await begin())
    assert.equal(at.page.status, 401)
    assert.equal(codeOf(at.page), null)
    assert.deepEqual(state.outcomes, [{ kind: 'refused', reason: 'unknown' }])
    const later = await at.browser.get(`${at.page.url.href}/second-factor`)
    assert.equal(codeOf(later), null)
    assert.doesNotMatch(later.body, /maria/)
    state.mayEnter = true
    assert.ok(codeOf((await enter(at)).page))
  })
  it('make nobody wait for longer than a quarter of an hour, however often a stranger tries', async () => {
    const wrong = () => ({ ...badSignature, origin })
    const fail = async () => {
      const at = await begin()
      await sendPasskey(at, assertionFor(at.page, authenticator, wrong()))
      return state.outcomes.pop() as { reason: string; waitSeconds?: number }
    }
    let longest = 0
    for (let attempt = 0; attempt < 14; attempt++) {
      const judged = await fail()
      assert.equal(judged.reason, 'wrong', `attempt ${attempt}`)
      if (attempt > 3) {
        const { reason, waitSeconds = 0 } = await fail()
        assert.equal(reason, 'wait')
        longest = Math.max(longest, waitSeconds)
      }
      host.clock.advance(901)
    }
    assert.ok(longest > 890 && longest <= 900, `${longest} s`)
    assert.ok(codeOf((await enter(await begin())).page))
  })
  it('of somebody who must not use them are refused, and lead to no second step', async () => {
    let forbidden = false
    const strict = await startForeignHost({
      host: passkeyHost(state),
      options: {
        factors: [key(), totp(), recoveryCodes()],
        directory: host.directory,
        sealer,
        policy: { groups: { typists: { factors: { webauthn: 'forbid' } } } },
        groups: async () => (forbidden ? ['typists'] : []),
      },
    })
    const from = await discoverRelyingParty(strict.issuer)
    assert.ok(codeOf((await enter(await begin(from))).page))
    forbidden = true
    const refused = await enter(await begin(from))
    assert.deepEqual(state.outcomes.pop(), { kind: 'refused', reason: 'forbidden' })
    assert.equal(codeOf(refused.page), null)
    const later = await refused.browser.get(`${refused.page.url.href}/second-factor`)
    assert.doesNotMatch(later.body, /one-time-code|otpauth:|data-webauthn="create"/)
    await strict.close()
  })
  it('are not offered where the relying party forbids them, nor taken', async () => {
    const at = await begin(await discoverRelyingParty(host.issuer, strictClient))
    assert.equal(offers(at.page, 'get'), false)
    const other = await begin()
    const response = assertionFor(other.page, authenticator, { origin })
    const question = /name="question" value="([^"]*)"/.exec(other.page.body)?.[1]
    const refused = await sendPasskey(at, response, question)
    assert.equal(refused.page.status, 401)
    assert.equal(codeOf(refused.page), null)
    assert.deepEqual(state.outcomes, [{ kind: 'refused', reason: 'expired' }])
  })
  it('of an interaction that is over are answered with the page that says so', async () => {
    const at = await begin()
    const response = assertionFor(at.page, authenticator, { origin })
    const { page } = await sendPasskey({ ...at, browser: new Browser() }, response)
    assert.equal(page.status, 400)
    assert.match(page.headers.get('content-type') ?? '', /html/)
    assert.equal(codeOf(page), null)
  })
  it('are asked of no provider whose factors are none', async () => {
    const without = await startForeignHost()
    const { mfa } = without
    assert.equal(await mfa.passkeyQuestion('uid', undefined), undefined)
    await without.close()
  })
})
