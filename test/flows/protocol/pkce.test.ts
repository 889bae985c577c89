import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { codeOf, errorOf, redirectUri } from '../../support/relying-party.ts'
import { ask, basic, joinParty, type Party } from './parties.ts'

const verifier = 'v'.repeat(43)

describe('PKCE (RFC 7636)', () => {
  let op: TestProvider
  let maria: Enrolled
  let old: Party
  let usual: Party
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
    usual = await joinParty(op, { client_id: 'usual' })
    old = await joinParty(op, { client_id: 'old', require_pkce: false })
  })
  after(() => op.close())

  const urlOf = async ({ id }: Party, challenge?: Record<string, string>, at = op) => {
    const url = new URL(`${at.issuer}/auth`)
    url.search = new URLSearchParams({
      client_id: id,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      nonce: 'n',
      ...challenge,
    }).toString()
    return url
  }
  const challenge = async () => ({
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const redeem = (code: string, id: string, more: Record<string, string> = {}, at = op) =>
    ask(
      `${at.issuer}/token`,
      { grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...more },
      basic(id),
    )
  const codeFor = async (party: Party, sent?: Record<string, string>) =>
    codeOf(await maria.browser.get(await urlOf(party, sent))) as string

  it('is asked of everybody, but of a client that is registered as an exception', async () => {
    const answer = await maria.browser.get(await urlOf(usual))
    assert.equal(errorOf(answer), 'invalid_request')
    const { status, body } = await redeem(await codeFor(old), 'old')
    assert.equal(status, 200)
    const [, payload] = String(body['id_token']).split('.')
    const claims = JSON.parse(Buffer.from(payload as string, 'base64url').toString())
    assert.equal(claims.acr, mfa, 'the second factor is no part of the exception')
  })

  it('holds for the exception as well, once it was begun', async () => {
    const without = await redeem(await codeFor(old, await challenge()), 'old')
    assert.deepEqual([without.status, without.body['error']], [400, 'invalid_grant'])
    const wrong = await redeem(await codeFor(old, await challenge()), 'old', {
      code_verifier: 'w'.repeat(43),
    })
    assert.deepEqual([wrong.status, wrong.body['error']], [400, 'invalid_grant'])
    // A verifier for a code that was asked for without: somebody took the challenge out on the way (RFC 9700 §4.8.2).
    const downgraded = await redeem(await codeFor(old), 'old', { code_verifier: verifier })
    assert.deepEqual([downgraded.status, downgraded.body['error']], [400, 'invalid_grant'])
    const right = await redeem(await codeFor(old, await challenge()), 'old', { code_verifier: verifier })
    assert.equal(right.status, 200)
  })

  it('is S256, and nothing less', async () => {
    for (const sent of [
      { code_challenge: verifier, code_challenge_method: 'plain' },
      { code_challenge: verifier },
      { code_challenge_method: 'S256' },
      { code_challenge: 'short', code_challenge_method: 'S256' },
    ] as Array<Record<string, string>>)
      for (const party of [usual, old])
        assert.equal(
          errorOf(await maria.browser.get(await urlOf(party, sent))),
          'invalid_request',
          JSON.stringify(sent),
        )
  })

  it('knows no exception for clients that cannot prove who they are', async () => {
    for (const metadata of [
      { client_id: 'app', token_endpoint_auth_method: 'none', client_secret: undefined },
      { client_id: 'installed', application_type: 'native', redirect_uris: ['http://127.0.0.1/cb'] },
    ]) {
      await joinParty(op, { ...metadata, require_pkce: false } as never)
      const answer = await maria.browser.get(await urlOf({ id: metadata.client_id } as Party))
      assert.equal(codeOf(answer), null)
      assert.equal(answer.status, 400, 'such metadata is invalid')
    }
    const misspelt = await joinParty(op, { client_id: 'misspelt', require_pkce: 'no' } as never)
    assert.equal((await maria.browser.get(await urlOf(misspelt))).status, 400)
  })

  it('can be optional for all that prove who they are, and for nobody else', async () => {
    await using lenient = await startProvider({ config: { protocol: { pkce: 'optional' } } })
    const { browser } = await lenient.enrol()
    const app = await joinParty(
      lenient,
      { client_id: 'app', token_endpoint_auth_method: 'none', client_secret: undefined },
      { auth: oidc.None() },
    )
    const strict = await joinParty(lenient, { client_id: 'strict', require_pkce: true })
    const shop = await joinParty(lenient, { client_id: 'shop' })
    for (const party of [app, strict])
      assert.equal(
        errorOf(await browser.get(await urlOf(party, undefined, lenient))),
        'invalid_request',
        party.id,
      )
    const code = codeOf(await browser.get(await urlOf(shop, undefined, lenient))) as string
    assert.equal((await redeem(code, 'shop', {}, lenient)).status, 200)
  })
})
