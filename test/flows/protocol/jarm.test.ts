import assert from 'node:assert/strict'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { Browser } from '../../support/browser.ts'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { joinParty, type Party, passBoth } from './parties.ts'

describe('signed responses (JARM)', () => {
  let op: TestProvider
  let maria: Enrolled
  let shop: Party
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
    shop = await joinParty(
      op,
      { client_id: 'shop', authorization_signed_response_alg: 'ES256' },
      { execute: [oidc.useJwtResponseMode] },
    )
  })
  after(() => op.close())

  const verify = (response: string) =>
    jwtVerify(response, createRemoteJWKSet(new URL(`${op.issuer}/jwks`)), {
      issuer: op.issuer,
      audience: 'shop',
      algorithms: ['ES256'],
    })

  it('bring the code, and nothing beside it', async () => {
    const { parameters, redeem } = await shop.prepare()
    const { url } = await passBoth(op, maria.secret, oidc.buildAuthorizationUrl(shop.config, parameters))
    assert.deepEqual([...url.searchParams.keys()], ['response'])
    const response = url.searchParams.get('response') as string
    const { payload } = await verify(response)
    assert.deepEqual(Object.keys(payload).toSorted(), ['aud', 'code', 'exp', 'iss', 'state'])
    assert.ok((payload.exp as number) <= op.clock.now() / 1000 + 600)
    assert.equal((await redeem(url)).claims()?.['acr'], mfa)
  })

  it('show it when they were changed', async () => {
    const { parameters, redeem } = await shop.prepare()
    const { url } = await passBoth(op, maria.secret, oidc.buildAuthorizationUrl(shop.config, parameters))
    const [head, body, signature] = (url.searchParams.get('response') as string).split('.')
    const payload = JSON.parse(Buffer.from(body as string, 'base64url').toString())
    const changed = Buffer.from(JSON.stringify({ ...payload, code: 'injected' })).toString('base64url')
    url.searchParams.set('response', `${head}.${changed}.${signature}`)
    await assert.rejects(verify(url.searchParams.get('response') as string), {
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    })
    await assert.rejects(redeem(url))
  })

  it('are signed for refusals too', async () => {
    const { parameters } = await shop.prepare({ prompt: 'none' })
    const { url } = await new Browser().get(oidc.buildAuthorizationUrl(shop.config, parameters))
    assert.deepEqual([...url.searchParams.keys()], ['response'])
    const { payload } = await verify(url.searchParams.get('response') as string)
    assert.equal(payload['error'], 'login_required')
    assert.equal(payload['state'], parameters['state'])
  })

  it('come by fragment and form as well', async () => {
    for (const mode of ['fragment.jwt', 'form_post.jwt']) {
      const { parameters } = await shop.prepare({ response_mode: mode })
      const url = oidc.buildAuthorizationUrl(shop.config, parameters)
      url.searchParams.set('response_mode', mode)
      const answer = await maria.browser.get(url)
      const response =
        mode === 'fragment.jwt'
          ? new URLSearchParams(answer.url.hash.slice(1)).get('response')
          : /name="response" value="([^"]+)"/.exec(answer.body)?.[1]
      assert.ok(response, mode)
      assert.equal(decodeProtectedHeader(response).alg, 'ES256')
      const { payload } = await verify(response)
      assert.equal(typeof payload['code'], 'string')
    }
  })

  it('are the only ones for a client that is registered so', async () => {
    const strict = await joinParty(op, { client_id: 'strict', response_modes: ['query.jwt', 'jwt'] })
    const { parameters } = await strict.prepare()
    const answer = await maria.browser.get(oidc.buildAuthorizationUrl(strict.config, parameters))
    assert.equal(answer.url.searchParams.get('code'), null)
  })
})
