import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { SignJWT } from 'jose'
import { startProvider, type TestProvider } from '../../support/provider.ts'
import { basic, byKey, joinParty, makeKey, type PartyKey } from './parties.ts'

const evil = 'evil.example'

/** A request that says by itself to whom it goes; `fetch` would not. */
const send = (
  { port, path }: { port: string; path: string },
  fields: Record<string, string>,
  headers: Record<string, string>,
) =>
  new Promise<{ status: number | undefined; body: Record<string, unknown> }>((resolve, reject) => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const req = request(
      { host: '127.0.0.1', port, path, method: 'POST', headers: { ...type, ...headers } },
      (res) => {
        let text = ''
        res.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
        res.on('end', () => resolve({ status: res.statusCode, body: JSON.parse(text) }))
      },
    )
    req.on('error', reject)
    req.end(new URLSearchParams(fields).toString())
  })

describe('requests that name another host', () => {
  let op: TestProvider
  let key: PartyKey
  let port: string
  before(async () => {
    op = await startProvider({ config: { proxy: true } })
    key = await makeKey()
    port = new URL(op.issuer).port
    const grant_types = ['authorization_code', 'refresh_token', 'client_credentials']
    await joinParty(op, { client_id: 'shop', grant_types, ...byKey(key) })
    await joinParty(op, { client_id: 'bound', grant_types, dpop_bound_access_tokens: true })
  })
  after(() => op.close())

  const ways: Array<[path: string, headers: Record<string, string>]> = [
    ['/token', { host: evil }],
    ['/token', { host: evil, 'x-forwarded-host': evil }],
    [`http://${evil}/token`, {}],
  ]
  const seconds = () => Math.floor(op.clock.now() / 1000)
  const assertionFor = (aud: string) =>
    new SignJWT({ iss: 'shop', sub: 'shop', aud, jti: randomUUID(), exp: seconds() + 60 })
      .setProtectedHeader({ alg: 'ES256', kid: 'party' })
      .sign(key.privateKey)
  const asShop = async (aud: string) => ({
    grant_type: 'client_credentials',
    client_assertion: await assertionFor(aud),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  })
  const proofFor = (htu: string) => {
    const { kid: _, use: _u, ...jwk } = key.jwk
    return new SignJWT({ jti: randomUUID(), iat: seconds(), htm: 'POST', htu })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .sign(key.privateKey)
  }

  it('bring no assertion that was made for that one', async () => {
    for (const [path, headers] of ways) {
      const { status, body } = await send({ port, path }, await asShop(`http://${evil}/token`), headers)
      assert.deepEqual([status, body['error']], [401, 'invalid_client'], path)
    }
    assert.equal((await send({ port, path: '/token' }, await asShop(`${op.issuer}/token`), {})).status, 200)
  })

  it('bring no proof of possession that was made for that one', async () => {
    const fields = { grant_type: 'client_credentials' }
    for (const [path, headers] of ways) {
      const dpop = await proofFor(`http://${evil}/token`)
      const answer = await send({ port, path }, fields, { ...basic('bound'), ...headers, dpop })
      assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_dpop_proof'], path)
    }
    const dpop = await proofFor(`${op.issuer}/token`)
    assert.equal((await send({ port, path: '/token' }, fields, { ...basic('bound'), dpop })).status, 200)
  })

  it('are told our own addresses', async () => {
    const answer = await fetch(`${op.issuer}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': evil },
    })
    assert.equal(((await answer.json()) as { token_endpoint: string }).token_endpoint, `${op.issuer}/token`)
  })
})
