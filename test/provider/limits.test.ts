import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import { startProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'

describe('a session', () => {
  it('ends after its longest life, however busy it is', async () => {
    await using op = await startProvider({ config: { lifetimes: { session: 60, sessionIdle: 60 } } })
    const browser = new Browser()
    await op.enrol(browser)
    const silently = async () => (await op.begin({ prompt: 'none' }, browser)).page
    for (let time = 0; time < 5; time++) {
      op.clock.advance(10)
      assert.ok(codeOf(await silently()), `after ${(time + 1) * 10} s`)
    }
    // Each request writes the session anew for a second at least: polling must not keep it alive by that.
    op.clock.advance(8)
    for (let time = 0; time < 10; time++) {
      await silently()
      op.clock.advance(0.6)
    }
    assert.equal(errorOf(await silently()), 'login_required')
  })
})

describe('consent', () => {
  it('names what single claims would tell, before giving them', async () => {
    await using op = await startProvider()
    const { secret } = await op.enrol()
    const rp = await op.addClient({ client_id: 'stranger', require_consent: true })
    const claims = JSON.stringify({ userinfo: { email: null, name: null } })
    const at = await op.atSecondStep({ scope: 'openid', claims }, undefined, rp)
    const { page } = await op.submit(at, { intent: 'answer', code: op.nextCode(secret) })
    assert.equal(codeOf(page), null)
    assert.match(page.body, /<li>see your email address<\/li>/)
    assert.match(page.body, /<li>see your name and profile<\/li>/)
  })
})

describe('a resource server', () => {
  it('has tokens for the clients that it names, and for no other', async () => {
    const api = 'https://api.example.org'
    await using op = await startProvider({
      config: { resources: [{ id: api, scopes: ['write'], clients: ['worker'], format: 'opaque' }] },
    })
    const ask = async (client: string) => {
      await op.addClient({
        client_id: client,
        client_secret: 'secret-of-a-machine',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      })
      const response = await fetch(`${op.issuer}/token`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${client}:secret-of-a-machine`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: api, scope: 'write' }),
      })
      return (await response.json()) as { error?: string; access_token?: string }
    }
    assert.ok((await ask('worker')).access_token)
    assert.equal((await ask('other')).error, 'invalid_target')
  })
})
