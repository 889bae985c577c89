import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import type { Browser } from '../support/browser.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { errorOf } from '../support/relying-party.ts'

const [orders, stock, other] = [
  'https://orders.example/api',
  'https://stock.example/api',
  'https://other.example/api',
]

describe('resource indicators (RFC 8707)', function () {
  this.timeout(30_000)
  let op: TestProvider
  let browser: Browser
  before(async () => {
    op = await startProvider({
      config: {
        resources: [
          { id: orders, scopes: ['read', 'write'], clients: ['rp'] },
          { id: stock, scopes: ['read', 'count'], clients: ['rp'], format: 'opaque' },
          { id: other, scopes: ['read'], clients: ['somebody'] },
        ],
      },
    })
    ;({ browser } = await op.enrol())
  })
  after(() => op.close())

  const scope = 'openid offline_access read write count'

  /** A request for several, which `URLSearchParams` of one object cannot say. */
  const begin = async (resources: readonly string[], more: Record<string, string> = {}) => {
    const request = await op.rp.begin({ scope, ...more })
    for (const resource of resources) request.url.searchParams.append('resource', resource)
    return { browser, request, page: await browser.get(request.url) }
  }
  const refresh = (token: unknown, parameters: Record<string, string> = {}) =>
    oidc.refreshTokenGrant(op.rp.config, String(token), parameters)
  const scopes = (text: unknown) => String(text).split(' ').toSorted()

  /** A code for both, redeemed for the one that is named. */
  const redeemFor = async (resource: string) => {
    const verifier = oidc.randomPKCECodeVerifier()
    const { page } = await begin([orders, stock], {
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      state: 's',
      nonce: 'n',
    })
    return oidc.authorizationCodeGrant(
      op.rp.config,
      page.url,
      { pkceCodeVerifier: verifier, expectedState: 's', expectedNonce: 'n' },
      { resource },
    )
  }

  it('several are granted at once, and each token is for one, with the scopes that this one knows', async () => {
    const tokens = await redeemFor(orders)
    const { aud, scope: given } = decodeJwt(tokens.access_token)
    assert.equal(aud, orders)
    assert.deepEqual(scopes(given), ['read', 'write'])

    const ofStock = await refresh(tokens.refresh_token, { resource: stock })
    const said = await op.rp.introspect(ofStock.access_token)
    assert.deepEqual([said.active, said.aud], [true, stock])
    assert.deepEqual(scopes(said.scope), ['count', 'read'])

    const less = await refresh(ofStock.refresh_token, { resource: orders, scope: 'read' })
    assert.equal(decodeJwt(less.access_token)['scope'], 'read')
    const whole = await refresh(less.refresh_token, { resource: orders })
    assert.deepEqual(scopes(decodeJwt(whole.access_token)['scope']), ['read', 'write'])
  })

  it('nobody guesses which of several a token is for', async () => {
    const at = await begin([orders, stock])
    await assert.rejects(at.request.finish(at.page.url), { error: 'invalid_target' })
  })

  it('one that was not granted is not to be had later', async () => {
    for (const resource of [stock, 'https://nobody.example/']) {
      const at = await begin([orders])
      const { refresh_token } = await at.request.finish(at.page.url)
      await assert.rejects(refresh(refresh_token, { resource }), { error: 'invalid_target' })
    }
  })

  it('the only one that was granted need not be named again', async () => {
    const at = await begin([orders])
    const tokens = await at.request.finish(at.page.url)
    assert.equal(decodeJwt(tokens.access_token).aud, orders)
    assert.equal(decodeJwt((await refresh(tokens.refresh_token)).access_token).aud, orders)
  })

  for (const [what, resource] of [
    ['that nobody knows', 'https://nobody.example/'],
    ['of other clients', other],
    ['with a fragment', `${orders}#x`],
    ['that is no address', 'orders'],
    ['spelt otherwise', `${orders}/`],
  ] as const)
    it(`one ${what} is refused, also beside a good one`, async () => {
      assert.equal(errorOf((await begin([resource])).page), 'invalid_target')
      assert.equal(errorOf((await begin([orders, resource])).page), 'invalid_target')
    })

  it('without one the token is for userinfo alone, and has no scope of any resource server', async () => {
    const at = await begin([])
    const tokens = await at.request.finish(at.page.url)
    const said = await op.rp.introspect(tokens.access_token)
    assert.equal(said.aud, undefined)
    assert.deepEqual(scopes(said.scope), ['openid'])
    assert.equal((await op.rp.userinfo(tokens.access_token, op.maria.id)).sub, op.maria.id)
    await assert.rejects(refresh(tokens.refresh_token, { resource: orders }), { error: 'invalid_target' })
  })
})
