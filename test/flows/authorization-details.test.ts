import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import type { Answer, Browser } from '../support/browser.ts'
import { collectNotices } from '../support/phones.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, testClient } from '../support/relying-party.ts'
import { addApplication } from './ciba-application.ts'
import { addDevice, decide, enterCode } from './devices-without-keyboard.ts'

const bank = 'https://bank.example/api'
const ledger = 'https://ledger.example/api'
const payment = {
  type: 'payment',
  amount: { value: '120.00', currency: 'EUR' },
  creditor_name: 'Bottega <b>Aurora</b>',
  actions: ['initiate', 'status'],
}
const reading = { type: 'reading', actions: ['read'] }

const types = ['payment', 'reading', 'entry']

const config = {
  resources: [
    { id: bank, scopes: ['accounts'], clients: ['rp', 'machine', 'tv', 'careful'], format: 'jwt' as const },
    { id: ledger, scopes: [], clients: ['rp'], format: 'opaque' as const },
  ],
  protocol: {
    device: { interval: 1 },
    authorizationDetails: [
      {
        type: 'payment',
        resource: bank,
        title: { en: 'Pay once', it: 'Paga una volta' },
        fields: ['amount', 'creditor_name'],
        names: { amount: { en: 'amount', it: 'Importo' }, actions: 'actions' },
      },
      { type: 'reading', resource: bank, consent: 'client' as const },
      { type: 'entry', resource: ledger },
    ],
  },
}

const parameters = (details: unknown, more: Record<string, string> = {}) => ({
  authorization_details: typeof details === 'string' ? details : JSON.stringify(details),
  ...more,
})

describe('rich authorization requests', function () {
  this.timeout(60_000)
  let op: TestProvider
  let browser: Browser
  before(async () => {
    op = await startProvider({
      config: { ...config, push: { enabled: true } },
      parts: { push: collectNotices().delivery },
      client: { authorization_details_types: types },
    })
    ;({ browser } = await op.enrol())
  })
  after(() => op.close())

  const ask = (details: unknown, more: Record<string, string> = {}) =>
    op.begin(parameters(details, more), browser)
  const allow = async (at: Awaited<ReturnType<typeof ask>>) => op.submit(at, { intent: 'allow' })
  const grant = async (details: unknown, more: Record<string, string> = {}) =>
    op.redeem(await allow(await ask(details, more)))

  it('a payment is shown, allowed, and given to whom it is for', async () => {
    const at = await ask([payment])
    assert.match(at.page.body, /<h2>Pay once<\/h2>/)
    assert.match(at.page.body, /<dt>value<\/dt><dd>120\.00<\/dd>/)
    assert.match(at.page.body, /<dt>creditor name<\/dt><dd>Bottega &lt;b&gt;Aurora&lt;\/b&gt;<\/dd>/)
    assert.match(at.page.body, /<dt>actions<\/dt><dd>initiate, status<\/dd>/)
    const { tokens } = await op.redeem(await allow(at))
    assert.deepEqual(tokens['authorization_details'], [payment])
    const { aud, authorization_details } = decodeJwt(tokens.access_token)
    assert.deepEqual([aud, authorization_details], [bank, [payment]])
    const renewed = await op.rp.refresh(String(tokens.refresh_token))
    assert.deepEqual(renewed['authorization_details'], [payment])
  })

  it('is shown in the language of the page', async () => {
    const { page } = await ask([payment], { ui_locales: 'it' })
    assert.match(page.body, /<h2>Paga una volta<\/h2>/)
    assert.match(page.body, /<dt>Importo<\/dt>[\s\S]*<dt>value<\/dt><dd>120\.00<\/dd>/)
  })

  it('is told at the introspection of an opaque token', async () => {
    const entry = { type: 'entry', identifier: 'A-1' }
    const { tokens } = await grant([entry])
    const said = await op.rp.introspect(tokens.access_token)
    assert.equal(said.aud, ledger)
    assert.deepEqual(said['authorization_details'], [entry])
  })

  it('each time anew: what was allowed once is asked again, and lasts for no later request', async () => {
    await grant([payment])
    assert.match((await ask([payment])).page.body, /Pay once/)
    const silent = await ask([payment], { prompt: 'none' })
    assert.equal(errorOf(silent.page), 'consent_required')
    const { tokens } = await op.redeem(await op.begin({ resource: bank, scope: 'openid' }, browser))
    assert.equal(tokens['authorization_details'], undefined)
    assert.equal(decodeJwt(tokens.access_token)['authorization_details'], undefined)
  })

  it('a type may leave the question to the client', async () => {
    const { tokens } = await op.redeem(await ask([reading]))
    assert.deepEqual(tokens['authorization_details'], [reading])
    assert.match((await ask([reading, payment])).page.body, /<h2>reading<\/h2>[\s\S]*<h2>Pay once<\/h2>/)
    const foreign = await op.addClient({
      client_id: 'foreign',
      require_consent: true,
      authorization_details_types: types,
    })
    const at = await op.begin(parameters([reading]), browser, foreign)
    assert.equal(errorOf(at.page), 'invalid_target', 'its resource is not for that client')
    const careful = await op.addClient({
      client_id: 'careful',
      require_consent: true,
      authorization_details_types: types,
    })
    const asked = await op.begin(parameters([reading]), browser, careful)
    assert.match(asked.page.body, /<h2>reading<\/h2>/)
    assert.match(asked.page.body, /see your email address/)
    assert.deepEqual((await op.redeem(await allow(asked))).tokens['authorization_details'], [reading])
    const again = await op.begin(parameters([reading]), browser, careful)
    assert.match(again.page.body, /<h2>reading<\/h2>/)
    assert.doesNotMatch(again.page.body, /see your email address/, 'allowed before')
  })

  it('what was allowed in one tab is not allowed in another', async () => {
    const little = { ...payment, amount: { value: '1.00', currency: 'EUR' } }
    const [first, second] = [await ask([little]), await ask([payment])]
    const { tokens } = await op.redeem(await allow(first))
    assert.deepEqual(tokens['authorization_details'], [little])
    const uid = /interaction\/([\w-]{43})/.exec(second.page.url.pathname)?.[1]
    // Without an answer of its own it is where it was.
    const resumed = await browser.get(`${op.issuer}/auth/${uid}`)
    assert.equal(codeOf(resumed), null)
    assert.match(resumed.body, /<dd>120\.00<\/dd>/)
    const over = await op.submit({ ...second, page: resumed }, { intent: 'deny' })
    assert.equal(errorOf(over.page), 'access_denied')
  })

  it('those of a pushed request are what is shown and what is given, whatever the browser adds', async () => {
    const little = { ...payment, amount: { value: '1.00', currency: 'EUR' } }
    const { url, finish } = await op.rp.begin(parameters([payment]))
    const secret = encodeURIComponent(testClient.client_secret).replaceAll('%20', '+')
    const response = await fetch(`${op.issuer}/request`, {
      method: 'POST',
      body: url.searchParams,
      headers: { authorization: `Basic ${Buffer.from(`rp:${secret}`).toString('base64')}` },
    })
    assert.equal(response.status, 201)
    const { request_uri } = (await response.json()) as { request_uri: string }
    const page = await browser.get(
      `${op.issuer}/auth?${new URLSearchParams({ client_id: 'rp', request_uri, ...parameters([little]) })}`,
    )
    assert.match(page.body, /<dd>120\.00<\/dd>/)
    const allowed = await browser.post(page.url, { intent: 'allow', ...parameters([little]) })
    assert.deepEqual((await finish(allowed.url))['authorization_details'], [payment])
  })

  it('a refusal gives nothing', async () => {
    const over = await op.submit(await ask([payment]), { intent: 'deny' })
    assert.equal(errorOf(over.page), 'access_denied')
    assert.equal(codeOf(over.page), null)
  })

  it('a token request may ask for less, and never for more', async () => {
    const both = [payment, { ...payment, amount: { value: '1.00', currency: 'EUR' } }]
    const exchange = async (narrowed: unknown) => {
      const at = await allow(await ask(both))
      const verifier = at.request
      return verifier.finish(at.page.url).then((tokens) =>
        oidc
          .refreshTokenGrant(op.rp.config, String(tokens.refresh_token), parameters(narrowed))
          .then((given) => given['authorization_details'])
          .catch((error: { error?: string }) => error.error),
      )
    }
    assert.deepEqual(await exchange([both[1]]), [both[1]])
    assert.equal(
      await exchange([{ ...payment, amount: { value: '9999.00', currency: 'EUR' } }]),
      'invalid_authorization_details',
    )
    assert.equal(await exchange([reading]), 'invalid_authorization_details')
  })

  it('are for one resource server, named or not', async () => {
    assert.equal(errorOf((await ask([payment], { resource: ledger })).page), 'invalid_target')
    const { tokens } = await grant([payment], { resource: bank })
    assert.equal(decodeJwt(tokens.access_token).aud, bank)
    const mixed = await allow(await ask([payment, { type: 'entry' }]))
    await assert.rejects(mixed.request.finish(mixed.page.url), { error: 'invalid_target' })
  })

  for (const [what, details, error] of [
    ['no JSON', '{', 'invalid_authorization_details'],
    ['no list', { type: 'payment' }, 'invalid_authorization_details'],
    ['no type', [{ amount: 1 }], 'invalid_authorization_details'],
    ['another type', [{ type: 'everything' }], 'invalid_authorization_details'],
    ['a name of every object', [{ type: 'constructor' }], 'invalid_authorization_details'],
    ['an unknown field', [{ ...payment, debtor: 'x' }], 'invalid_authorization_details'],
    ['another location', [{ ...payment, locations: [ledger] }], 'invalid_authorization_details'],
    ['no list of actions', [{ ...payment, actions: 'initiate' }], 'invalid_authorization_details'],
    [
      'what nobody can read',
      [{ ...payment, amount: { a: { b: { c: { d: 1 } } } } }],
      'invalid_authorization_details',
    ],
    [
      'what nobody reads to its end',
      [{ ...payment, creditor_name: `Bottega Aurora${' '.repeat(2_000)}` }],
      'invalid_authorization_details',
    ],
    ['more than anybody reads', Array(11).fill(payment), 'invalid_authorization_details'],
    ['what is nothing', [null], 'invalid_authorization_details'],
  ] as const)
    it(`refuses ${what}`, async () => {
      assert.equal(errorOf((await ask(details)).page), error)
    })

  it('a client may be registered for some types only', async () => {
    const rp = await op.addClient({ client_id: 'tv', authorization_details_types: ['reading'] })
    const at = await op.begin(parameters([payment]), browser, rp)
    assert.equal(errorOf(at.page), 'invalid_authorization_details')
    assert.ok(codeOf((await op.begin(parameters([reading]), browser, rp)).page))
  })

  it('are not renewed for a client that has lost their type', async () => {
    await using own = await startProvider({ config, client: { authorization_details_types: types } })
    const { browser: there } = await own.enrol()
    const at = await own.begin(parameters([payment, reading]), there)
    const { tokens } = await own.redeem(await own.submit(at, { intent: 'allow' }))
    const { directory } = own.duepassi
    const client = await directory.clientById('rp')
    assert.ok(
      client && (await directory.changeClient({ ...client, authorization_details_types: ['reading'] })),
    )
    own.clock.advance(6)
    const renewed = await own.rp.refresh(String(tokens.refresh_token))
    assert.deepEqual(renewed['authorization_details'], [reading])
    assert.deepEqual(decodeJwt(renewed.access_token)['authorization_details'], [reading])
  })

  it('a machine gets those it is registered for by name', async () => {
    const add = (over: object) =>
      op.addClient({
        client_id: 'machine',
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        ...over,
      })
    const machine = await add({ authorization_details_types: ['reading'] })
    const tokens = await oidc.clientCredentialsGrant(machine.config, parameters([reading]))
    assert.deepEqual(tokens['authorization_details'], [reading])
    await assert.rejects(oidc.clientCredentialsGrant(machine.config, parameters([payment])), {
      error: 'invalid_authorization_details',
    })
    await op.duepassi.directory.removeClient('machine')
    op.clock.advance(5)
    const unnamed = await add({})
    await assert.rejects(oidc.clientCredentialsGrant(unnamed.config, parameters([reading])), {
      error: 'invalid_authorization_details',
    })
    await op.duepassi.directory.removeClient('machine')
    op.clock.advance(5)
  })

  it('a machine that registered itself does not grant itself any', async () => {
    const machine = await op.addClient({
      client_id: 'machine',
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      authorization_details_types: ['reading'],
      self_registered: true,
    })
    await assert.rejects(oidc.clientCredentialsGrant(machine.config, parameters([reading])), {
      error: 'invalid_authorization_details',
    })
    assert.ok((await oidc.clientCredentialsGrant(machine.config, { resource: bank })).access_token)
  })

  it('are asked of whoever confirms a device', async () => {
    await op.duepassi.directory.removeClient('tv')
    op.clock.advance(5)
    const device = await addDevice(op, { client_id: 'tv', authorization_details_types: types })
    const begun = await device.begin(parameters([payment]))
    const page: Answer = await decide(op, await enterCode(op, begun.user_code, browser), 'confirm', browser)
    assert.match(page.body, /Pay once/)
    assert.match((await browser.post(page.url, { intent: 'allow' })).body, /is connected/)
    const { body } = await device.ask(begun.device_code)
    assert.deepEqual(body['authorization_details'], [payment])
  })

  it('are refused where only a phone would be asked', async () => {
    const application = await addApplication(op, {
      client_id: 'machine-2',
      authorization_details_types: types,
    })
    const { body } = await application.ask({ login_hint: 'maria', ...parameters([payment]) })
    assert.equal(body['error'], 'invalid_authorization_details')
  })

  it('are announced, and not at all where there are none', async () => {
    const announced = async (issuer: string) =>
      (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>
    assert.deepEqual((await announced(op.issuer))['authorization_details_types_supported'], [
      'payment',
      'reading',
      'entry',
    ])
    await using plain = await startProvider()
    assert.equal((await announced(plain.issuer))['authorization_details_types_supported'], undefined)
  })
})
