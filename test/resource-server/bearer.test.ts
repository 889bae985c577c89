import assert from 'node:assert/strict'
import { requireAuthentication } from '../../src/index.ts'
import { audience, createIssuer, issuer } from './issuer.ts'
import { bearer, type Served, serveGuarded } from './served.ts'

describe('where a resource server looks for the access token', () => {
  let served: Served
  let token: string
  let asked: string[]
  before(async () => {
    const op = await createIssuer()
    asked = op.asked
    token = await op.token()
    served = await serveGuarded(requireAuthentication({ issuer, audience, clock: op.clock, fetch: op.fetch }))
  })
  after(() => served.close())

  it('is the Authorization header, whatever the case of its scheme', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  '])
      assert.equal((await served.ask({ authorization: `${scheme} ${token}` })).status, 200, scheme)
  })
  it('without a token it challenges, and names no error', async () => {
    const before = asked.length
    for (const headers of [
      {},
      { authorization: 'Basic bWFyaWE6ZHVl' },
      { authorization: `DPoP ${token}` },
      { authorization: `Bearerly ${token}` },
      { authorization: token },
      { cookie: `access_token=${token}` },
      { 'x-access-token': token },
    ] as Array<Record<string, string>>) {
      const { status, challenge, headers: answered, body } = await served.ask(headers)
      assert.equal(status, 401)
      assert.equal(challenge, `Bearer realm="${audience}"`)
      assert.equal(answered['cache-control'], 'no-store')
      assert.equal(body, '{}')
    }
    assert.equal(asked.length, before)
  })
  it('a header that holds no one token is no token', async () => {
    for (const authorization of [
      'Bearer',
      'Bearer a b',
      `Bearer ${token} ${token}`,
      `Bearer ${token}, Bearer ${token}`,
      `Bearer "${token}"`,
      'Bearer =',
    ]) {
      const { status, challenge } = await served.ask({ authorization })
      assert.equal(status, 401, authorization)
      assert.match(challenge ?? '', /^Bearer error="invalid_token"/)
    }
  })
  it('is not the address, even beside a header', async () => {
    for (const path of [
      `/?access_token=${token}`,
      `/?a=1&access%5Ftoken=${token}`,
      '/?access_token',
      `/?b=${encodeURIComponent('x?')}&access_token=${token}`,
    ])
      for (const headers of [{}, bearer(token)] as Array<Record<string, string>>) {
        const { status, challenge } = await served.ask(headers, path)
        assert.equal(status, 400, path)
        assert.match(challenge ?? '', /^Bearer error="invalid_request", error_description="[^"\\]+"$/)
      }
    assert.equal((await served.ask(bearer(token), '/access_token?access_tokens=1')).status, 200)
  })
  it('is not a form', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const { status, challenge } = await served.ask(form, '/', `access_token=${token}`)
    assert.equal(status, 401)
    assert.equal(challenge, `Bearer realm="${audience}"`)
  })
  it('is not two headers, of which somebody in front may have read the other', async () => {
    const { status, challenge } = await served.ask({ authorization: [`Bearer ${token}`, 'Bearer other'] })
    assert.equal(status, 400)
    assert.match(challenge ?? '', /error="invalid_request"/)
  })
})
