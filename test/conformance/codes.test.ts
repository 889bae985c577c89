import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { mfa } from '../support/provider.ts'
import { answerIn, callback, later, type Profile, startProfile } from './profile.ts'

describe('codes and refresh tokens', function () {
  this.timeout(60_000)
  let at: Profile
  let config: oidc.Configuration
  before(async () => {
    at = await startProfile()
    config = await at.discover(at.op.clients.client)
  })
  after(() => at.close())

  const client = () => at.op.clients.client
  const redeem = async (code: string, as = client(), how: 'header' | 'body' = 'header') => {
    const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback })
    const headers = new Headers()
    if (how === 'header') headers.set('authorization', `Basic ${btoa(`${as.client_id}:${as.client_secret}`)}`)
    else {
      body.set('client_id', as.client_id)
      body.set('client_secret', as.client_secret)
    }
    const response = await at.fetch(`${at.issuer}/token`, { method: 'POST', headers, body })
    return { status: response.status, body: (await response.json()) as Record<string, string> }
  }
  const infoStatus = async (token: string) =>
    (await at.fetch(`${at.issuer}/me`, { headers: { authorization: `Bearer ${token}` } })).status
  const codeOf = async (as = client(), parameters = {}) =>
    answerIn('query', (await at.authorize(as, parameters)).end)['code'] as string

  for (const seconds of [0, 31])
    it(`end altogether when a code comes twice, ${seconds} seconds later`, async () => {
      const code = await codeOf()
      const { status, body } = await redeem(code)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(await infoStatus(body['access_token'] as string), 200)
      await later(seconds, async () => {
        const again = await redeem(code)
        assert.deepEqual([again.status, again.body['error']], [400, 'invalid_grant'])
        assert.equal(again.body['access_token'], undefined)
        assert.equal(await infoStatus(body['access_token'] as string), 401)
      })
    })

  it('are for the client alone that proves itself by its secret, in the header or in the body', async () => {
    const { client: basic, client2, client_secret_post: post } = at.op.clients
    for (const [as, how] of [
      [basic, 'header'],
      [client2, 'header'],
      [post, 'body'],
    ] as const) {
      const { status, body } = await redeem(await codeOf(as), as, how)
      assert.equal(status, 200, `${as.client_id} ${JSON.stringify(body)}`)
      const wrong = await redeem(await codeOf(as), { ...as, client_secret: 'guessed' }, how)
      assert.deepEqual([wrong.status, wrong.body['error']], [401, 'invalid_client'])
    }
    const stolen = await redeem(await codeOf(basic), client2)
    assert.deepEqual([stolen.status, stolen.body['error']], [400, 'invalid_grant'])
  })

  it('are refreshed, once each, and say how the person signed in', async () => {
    const { end } = await at.authorize(client(), { scope: 'openid offline_access email', prompt: 'consent' })
    const tokens = await oidc.authorizationCodeGrant(config, end.url, {
      expectedState: 'the state',
      expectedNonce: 'the nonce',
    })
    const first = tokens.refresh_token as string
    assert.ok(first)
    const next = await oidc.refreshTokenGrant(config, first)
    assert.notEqual(next.access_token, tokens.access_token)
    assert.notEqual(next.refresh_token, first)
    const [before, after] = [tokens.claims(), next.claims()]
    assert.deepEqual(
      [after?.sub, after?.iss, after?.aud, after?.auth_time, after?.['acr']],
      [before?.sub, before?.iss, before?.aud, before?.auth_time, mfa],
    )
    assert.equal(await infoStatus(next.access_token), 200)
    await assert.rejects(oidc.refreshTokenGrant(config, first), { error: 'invalid_grant' })
    assert.equal(await infoStatus(next.access_token), 401, 'a copy ends them all')
    const { client2 } = at.op.clients
    const others = await at.discover(client2)
    await assert.rejects(oidc.refreshTokenGrant(others, next.refresh_token as string), {
      error: 'invalid_grant',
    })
  })
})
