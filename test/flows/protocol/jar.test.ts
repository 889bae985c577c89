import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import * as oidc from 'openid-client'
import { Browser } from '../../support/browser.ts'
import { type Enrolled, mfa, sfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { codeOf, errorOf } from '../../support/relying-party.ts'
import { ask, basic, joinParty, keySet, makeKey, type Party, type PartyKey, passBoth } from './parties.ts'

describe('signed requests (JAR, RFC 9101)', () => {
  let op: TestProvider
  let maria: Enrolled
  let key: PartyKey
  let shop: Party
  let other: Party
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
    key = await makeKey()
    shop = await joinParty(op, { client_id: 'shop', require_signed_request_object: true, ...keySet(key) })
    other = await joinParty(op, { client_id: 'other', ...keySet(key) })
  })
  after(() => op.close())

  const seconds = () => Math.floor(op.clock.now() / 1000)

  const claimsOf = (parameters: Record<string, string>, over: Record<string, unknown> = {}) => ({
    ...parameters,
    response_type: 'code',
    client_id: 'shop',
    iss: 'shop',
    aud: op.issuer,
    jti: randomUUID(),
    iat: seconds(),
    nbf: seconds(),
    exp: seconds() + 60,
    ...over,
  })

  const urlOf = (request: string, party: Party = shop) => {
    const url = new URL(party.config.serverMetadata().authorization_endpoint as string)
    url.search = new URLSearchParams({ client_id: party.id, request }).toString()
    return url
  }

  const sign = (claims: Record<string, unknown>, header = {}, by = key) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'party', ...header }).sign(by.privateKey)

  it('lead through both factors to tokens', async () => {
    const { parameters, redeem } = await shop.prepare()
    const url = await oidc.buildAuthorizationUrlWithJAR(shop.config, parameters, key.privateKey)
    const tokens = await redeem((await passBoth(op, maria.secret, url)).url)
    assert.equal(tokens.claims()?.['acr'], mfa)
  })

  it('can be pushed', async () => {
    const { parameters, redeem } = await shop.prepare()
    const signed = await oidc.buildAuthorizationUrlWithJAR(shop.config, parameters, key.privateKey)
    const url = await oidc.buildAuthorizationUrlWithPAR(shop.config, signed.searchParams)
    assert.equal((await redeem((await passBoth(op, maria.secret, url)).url)).claims()?.['acr'], mfa)
  })

  it('are the only ones where the client demands them, pushed or not', async () => {
    const { parameters } = await shop.prepare()
    const plain = await maria.browser.get(oidc.buildAuthorizationUrl(shop.config, parameters))
    assert.equal(errorOf(plain), 'invalid_request')
    const endpoint = shop.config.serverMetadata().pushed_authorization_request_endpoint as string
    const fields = { ...parameters, response_type: 'code' }
    assert.equal((await ask(endpoint, { ...fields, client_id: 'shop' }, basic('shop'))).status, 400)
    assert.equal((await ask(endpoint, { ...fields, client_id: 'other' }, basic('other'))).status, 201)
  })

  it('are refused unless they are whole, of this client, for this provider, and of now', async () => {
    const { parameters } = await shop.prepare()
    const refused = async (what: string, request: string, party: Party = shop) => {
      const answer = await maria.browser.get(urlOf(request, party))
      assert.equal(codeOf(answer), null, what)
      assert.ok(answer.status === 400 || errorOf(answer) !== null, what)
      assert.doesNotMatch(answer.url.pathname, /interaction/, what)
    }
    const good = claimsOf(parameters)
    await refused('of another client', await sign(claimsOf(parameters, { iss: 'other', client_id: 'other' })))
    await refused('of another, for whom it is sent', await sign(good), other)
    await refused('with another issuer', await sign({ ...good, iss: 'other' }))
    await refused('for another provider', await sign({ ...good, aud: 'https://op.example' }))
    await refused('signed by somebody else', await sign(good, {}, await makeKey()))
    await refused('signed by nobody', new UnsecuredJWT(good).encode())
    const secret = new TextEncoder().encode('a secret of the relying party')
    await refused(
      'signed with the secret',
      await new SignJWT(good).setProtectedHeader({ alg: 'HS256' }).sign(secret),
    )
    await refused('expired', await sign({ ...good, iat: 1, nbf: 1, exp: seconds() - 60 }))
    await refused('of tomorrow', await sign({ ...good, nbf: seconds() + 600, exp: seconds() + 900 }))
    await refused('without end', await sign({ ...good, exp: undefined }))
    await refused('good for a day', await sign({ ...good, exp: seconds() + 86_400 }))
    await refused('that would do as an assertion', await sign({ ...good, sub: 'shop' }))
    await refused('that is one', await sign(good, { typ: 'client-authentication+jwt' }))
    await refused('with another inside', await sign({ ...good, request: await sign(good) }))
    const [head, , signature] = (await sign(good)).split('.')
    const changed = Buffer.from(JSON.stringify({ ...good, scope: 'openid' })).toString('base64url')
    await refused('changed on the way', `${head}.${changed}.${signature}`)
    await refused('that is none', 'x.y.z')
    assert.ok(codeOf(await maria.browser.get(urlOf(await sign(good)))), 'the good one is taken')
  })

  it('hold against whatever stands beside them in the address', async () => {
    const { parameters } = await shop.prepare({ scope: 'openid', acr_values: mfa })
    const url = urlOf(await sign(claimsOf(parameters)))
    for (const [name, value] of Object.entries({
      scope: 'openid email offline_access',
      acr_values: sfa,
      redirect_uri: 'https://evil.example/',
      prompt: 'none',
      state: 'evil',
    }))
      url.searchParams.set(name, value)
    const { url: callback } = await passBoth(op, maria.secret, url, new Browser())
    assert.equal(callback.origin, 'http://rp.invalid')
    assert.equal(callback.searchParams.get('state'), parameters['state'])
  })

  it('cannot ask for less than the client demands, and bring their own demands', async () => {
    const strict = await joinParty(op, { client_id: 'strict', require_second_factor: true, ...keySet(key) })
    const { parameters, redeem } = await strict.prepare({ acr_values: sfa })
    const url = await oidc.buildAuthorizationUrlWithJAR(strict.config, parameters, key.privateKey)
    assert.equal((await redeem((await passBoth(op, maria.secret, url)).url)).claims()?.['acr'], mfa)

    const { parameters: asking } = await shop.prepare({ prompt: 'none' })
    const essential = { id_token: { acr: { essential: true, values: ['phrh'] } } }
    const signed = await sign(claimsOf(asking, { claims: essential, acr_values: sfa }))
    const answer = await maria.browser.get(urlOf(signed))
    assert.equal(codeOf(answer), null)
    assert.notEqual(errorOf(answer), null)
  })

  it('are not repeated without their signature when a page has expired', async () => {
    const { parameters } = await shop.prepare()
    const browser = new Browser()
    const page = await browser.get(urlOf(await sign(claimsOf(parameters))))
    assert.match(page.url.pathname, /^\/interaction\//)
    op.clock.advance(op.config.lifetimes.interaction + 60)
    const late = await browser.get(page.url)
    assert.doesNotMatch(late.body, /href="[^"]*\/auth\?/)
  })
})
