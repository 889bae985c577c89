import assert from 'node:assert/strict'
import { startProvider, type TestProvider } from '../support/provider.ts'

const page = 'https://spa.example'

describe('scripts of other origins', () => {
  let op: TestProvider
  before(async () => {
    op = await startProvider()
    const over = {
      redirect_uris: [`${page}/callback`],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    }
    await op.addClient({ client_id: 'spa', token_endpoint_auth_method: 'none', ...over })
    await op.addClient({
      client_id: 'web',
      token_endpoint_auth_method: 'client_secret_post',
      client_secret: 's'.repeat(43),
      ...over,
    })
  })
  after(() => op.close())

  const allowed = async (client: string, origin: string): Promise<string | null> => {
    const body = new URLSearchParams({
      client_id: client,
      grant_type: 'authorization_code',
      code: 'nothing',
      redirect_uri: `${page}/callback`,
      code_verifier: 'v'.repeat(43),
      ...(client === 'web' && { client_secret: 's'.repeat(43) }),
    })
    const answer = await fetch(`${op.issuer}/token`, { method: 'POST', body, headers: { origin } })
    assert.equal(answer.status, 400)
    assert.equal(answer.headers.get('access-control-allow-credentials'), null)
    return answer.headers.get('access-control-allow-origin')
  }

  it('redeem codes where the application has no secret, and is at home', async () => {
    assert.equal(await allowed('spa', page), page)
  })

  for (const [what, client, origin] of [
    ['from anywhere else', 'spa', 'https://evil.example'],
    ['from a sandbox', 'spa', 'null'],
    ['with a secret', 'web', page],
  ] as const)
    it(`read nothing ${what}`, async () => {
      assert.equal(await allowed(client, origin), null)
    })
})
