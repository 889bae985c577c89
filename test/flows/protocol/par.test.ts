import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { Browser } from '../../support/browser.ts'
import { type Enrolled, mfa, sfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { codeOf, errorOf } from '../../support/relying-party.ts'
import { ask, basic, joinParty, type Party, passBoth } from './parties.ts'

describe('pushed authorization requests (RFC 9126)', () => {
  let op: TestProvider
  let maria: Enrolled
  let shop: Party
  let other: Party
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
    shop = await joinParty(op, { client_id: 'shop', require_pushed_authorization_requests: true })
    other = await joinParty(op, { client_id: 'other' })
  })
  after(() => op.close())

  const pushed = async (over: Record<string, string> = {}) => {
    const request = await shop.prepare(over)
    return { ...request, url: await oidc.buildAuthorizationUrlWithPAR(shop.config, request.parameters) }
  }

  it('lead through both factors to tokens', async () => {
    const { url, redeem } = await pushed()
    assert.deepEqual([...url.searchParams.keys()].toSorted(), ['client_id', 'request_uri'])
    const tokens = await redeem((await passBoth(op, maria.secret, url)).url)
    assert.equal(tokens.claims()?.['acr'], mfa)
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'otp', 'mfa'])
  })

  it('are the only ones where the client demands them', async () => {
    const { parameters } = await shop.prepare()
    const answer = await maria.browser.get(oidc.buildAuthorizationUrl(shop.config, parameters))
    assert.equal(errorOf(answer), 'invalid_request')
    assert.equal(codeOf(answer), null)
  })

  it('are good for one sign-in', async () => {
    const { url, redeem } = await pushed()
    const [browser, late] = [new Browser(), new Browser()]
    // The same address in two browsers, before either is done.
    const waiting = await late.get(url)
    const { url: callback } = await passBoth(op, maria.secret, url, browser)
    assert.ok(await redeem(callback))
    const again = await browser.get(url)
    assert.equal(again.status, 400)
    assert.equal(codeOf(again), null)
    const code = op.nextCode(maria.secret)
    const second = await late.post(waiting.url, {
      intent: 'sign-in',
      username: 'maria',
      password: 'due passi avanti',
    })
    const end = await late.post(second.url, { intent: 'answer', code })
    assert.equal(codeOf(end), null)
    assert.equal(errorOf(end), 'invalid_request_uri')
  })

  it('are good for one sign-in, though their minute is over when it ends', async () => {
    const { url, redeem } = await pushed()
    const browsers = [new Browser(), new Browser()] as const
    const pages = await Promise.all(browsers.map((browser) => browser.get(url)))
    op.clock.advance(120)
    const ends = []
    for (const [at, browser] of browsers.entries()) {
      const code = op.nextCode(maria.secret)
      const page = await browser.post(pages[at]?.url as URL, {
        intent: 'sign-in',
        username: 'maria',
        password: 'due passi avanti',
      })
      ends.push(await browser.post(page.url, { intent: 'answer', code }))
    }
    assert.ok(await redeem(ends[0]?.url as URL))
    assert.equal(codeOf(ends[1] as (typeof ends)[0]), null)
  })

  it('end after a minute', async () => {
    const { url } = await pushed()
    op.clock.advance(61)
    const answer = await new Browser().get(url)
    assert.equal(answer.status, 400)
    assert.equal(codeOf(answer), null)
  })

  it('are for the client that pushed them', async () => {
    const { url } = await pushed()
    url.searchParams.set('client_id', other.id)
    const stolen = await maria.browser.get(url)
    assert.equal(stolen.status, 400)
    assert.equal(codeOf(stolen), null)
  })

  it('are taken from clients that prove who they are, with all that belongs to a request', async () => {
    const endpoint = shop.config.serverMetadata().pushed_authorization_request_endpoint as string
    const { parameters } = await shop.prepare()
    const request: Record<string, string> = { ...parameters, response_type: 'code', client_id: 'shop' }
    const refused = async (fields: Record<string, string>, headers = basic('shop')) => {
      const { status, body } = await ask(endpoint, fields, headers)
      assert.equal(body['request_uri'], undefined)
      return [status, body['error']]
    }
    assert.deepEqual(await refused(request, basic('shop', 'guessed')), [401, 'invalid_client'])
    assert.deepEqual(await refused({ ...request, client_id: 'other' }), [400, 'invalid_request'])
    assert.deepEqual(await refused({ ...request, redirect_uri: 'https://evil.example/' }), [
      400,
      'invalid_request',
    ])
    assert.equal((await ask(endpoint, request, basic('shop'))).status, 201)
    const { code_challenge: _, code_challenge_method: _m, ...without } = request
    assert.deepEqual(await refused(without), [400, 'invalid_request'])
    assert.deepEqual(await refused({ ...request, code_challenge_method: 'plain' }), [400, 'invalid_request'])
    assert.deepEqual(await refused({ ...request, request_uri: 'urn:x' }), [400, 'request_uri_not_supported'])
    const { redirect_uri: _u, ...nowhere } = request
    assert.deepEqual(await refused(nowhere), [400, 'invalid_request'])
  })

  it('cannot ask for less than the client demands', async () => {
    const strict = await joinParty(op, { client_id: 'strict', require_second_factor: true, minimum_acr: mfa })
    const request = await strict.prepare({ acr_values: sfa, claims: '{"id_token":{"acr":{"values":["1"]}}}' })
    const url = await oidc.buildAuthorizationUrlWithPAR(strict.config, request.parameters)
    const tokens = await request.redeem((await passBoth(op, maria.secret, url)).url)
    assert.equal(tokens.claims()?.['acr'], mfa)
  })

  it('are asked again for prompt=login and max_age', async () => {
    const browser = new Browser()
    const first = await pushed()
    const { url: callback } = await passBoth(op, maria.secret, first.url, browser)
    const before = (await first.redeem(callback)).claims()?.auth_time as number
    const silent = await pushed({ prompt: 'none' })
    assert.equal(
      (await silent.redeem((await browser.get(silent.url)).url)).claims()?.auth_time,
      before,
      'the session serves',
    )
    for (const demand of [{ prompt: 'login' }, { max_age: '1' }]) {
      op.clock.advance(40)
      const again = await pushed(demand as unknown as Record<string, string>)
      const tokens = await again.redeem((await passBoth(op, maria.secret, again.url, browser)).url)
      assert.ok((tokens.claims()?.auth_time as number) > before + 30, JSON.stringify(demand))
    }
    const none = await pushed({ prompt: 'none', max_age: '1' })
    op.clock.advance(5)
    assert.equal(errorOf(await browser.get(none.url)), 'login_required')
  })
})
