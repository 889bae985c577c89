import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import type { Browser } from '../support/browser.ts'
import type { Enrolled } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { ask, basic } from './protocol/parties.ts'
import { callback, type Registered, type Registering, startRegistering } from './registering.ts'

const textOf = ({ body }: Registered, name: string) => String(body[name])

describe('relying parties that registered themselves', () => {
  let at: Registering
  let maria: Enrolled
  before(async () => {
    at = await startRegistering({ initialAccessToken: false })
    maria = await at.op.enrol()
  })
  after(() => at.op.close())

  /** The page that a request leads to, in a browser that is signed in. */
  const requestFrom = async (browser: Browser, id: string, redirect_uri = callback) =>
    browser.get((await at.op.rp.begin({ client_id: id, redirect_uri, scope: 'openid email' })).url)

  const consented = async (): Promise<Registered> => {
    const shop = await at.register({ client_name: 'Shop', redirect_uris: [callback, `${callback}/2`] })
    const asked = await requestFrom(maria.browser, textOf(shop, 'client_id'))
    assert.match(asked.url.pathname, /^\/interaction\//)
    assert.ok(codeOf(await maria.browser.post(asked.url, { intent: 'allow' })))
    at.op.clock.advance(2)
    return shop
  }
  const change = (shop: Registered, metadata: object) =>
    at.manage('PUT', textOf(shop, 'registration_client_uri'), textOf(shop, 'registration_access_token'), {
      client_id: shop.body['client_id'],
      client_name: 'Shop',
      redirect_uris: [callback],
      ...metadata,
    })

  it('are consented to anew when they lead elsewhere, or take another name', async () => {
    const evil = 'https://evil.example/callback'
    for (const [metadata, uri] of [
      [{ redirect_uris: [callback, evil] }, evil],
      [{ client_name: 'Bank' }, callback],
    ] as const) {
      const shop = await consented()
      const id = textOf(shop, 'client_id')
      assert.equal((await change(shop, metadata)).status, 200)
      const asked = await requestFrom(maria.browser, id, uri)
      assert.equal(codeOf(asked), null)
      assert.match(asked.body, new RegExp('client_name' in metadata ? 'Bank' : 'Shop'))
      // Once.
      assert.ok(codeOf(await maria.browser.post(asked.url, { intent: 'allow' })))
      at.op.clock.advance(2)
      assert.ok(codeOf(await requestFrom(maria.browser, id, uri)))
    }
  })

  it('are not consented to anew for other changes, nor do they decide on it', async () => {
    const shop = await consented()
    const id = textOf(shop, 'client_id')
    assert.equal((await change(shop, { tos_uri: 'https://shop.example/terms' })).status, 200)
    assert.ok(codeOf(await requestFrom(maria.browser, id)))
    const moved = await consented()
    const first = await change(moved, { client_name: 'Bank' })
    const again = await change(first, { client_name: 'Bank', consent_since: 1 })
    assert.equal(again.status, 200)
    assert.equal(codeOf(await requestFrom(maria.browser, textOf(moved, 'client_id'))), null)
  })

  it('ask about their own tokens, and nobody else’s', async () => {
    const { op } = at
    const shop = await at.register({ client_name: 'Shop' })
    const [id, secret] = [textOf(shop, 'client_id'), textOf(shop, 'client_secret')]
    const about = async (token: string, headers: Record<string, string>) =>
      (await ask(`${op.issuer}/token/introspection`, { token }, headers)).body
    for (const token of [maria.tokens.access_token, maria.tokens.refresh_token as string])
      assert.deepEqual(await about(token, basic(id, secret)), { active: false })
    const config = await oidc.discovery(new URL(op.issuer), id, secret, undefined, {
      execute: [oidc.allowInsecureRequests],
    })
    const verifier = oidc.randomPKCECodeVerifier()
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const asked = await maria.browser.get(url)
    const answer = await maria.browser.post(asked.url, { intent: 'allow' })
    const tokens = await oidc.authorizationCodeGrant(config, answer.url, { pkceCodeVerifier: verifier })
    const own = tokens.access_token
    assert.equal((await about(own, basic(id, secret)))['active'], true)
    // Those that the administrator added are its resource servers.
    assert.equal((await about(own, basic('rp')))['active'], true)
    await op.duepassi.directory.removeClient(id)
    op.clock.advance(3)
    // Its client is gone, and it with it.
    assert.deepEqual(await about(own, basic('rp')), { active: false })
  })
})
