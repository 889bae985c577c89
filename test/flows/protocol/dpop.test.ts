import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { calculateJwkThumbprint, SignJWT } from 'jose'
import * as oidc from 'openid-client'
import type { Store } from '../../../src/stores/store.ts'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { ask, basic, joinParty, makeKey, type Party, type PartyKey, passBoth } from './parties.ts'

/** So that those who come at once all look before the first one writes. */
const slowToAnswer = (store: Store): Store => ({
  ...store,
  async get(key) {
    const value = await store.get(key)
    await setTimeout(3)
    return value
  },
})

describe('proofs of possession (DPoP, RFC 9449)', () => {
  let op: TestProvider
  let maria: Enrolled
  let shop: Party
  let app: Party
  before(async () => {
    op = await startProvider({
      config: { lifetimes: { accessToken: 900 } },
      parts: { wrapStore: slowToAnswer },
    })
    maria = await op.enrol()
    shop = await joinParty(op, { client_id: 'shop', dpop_bound_access_tokens: true })
    app = await joinParty(
      op,
      {
        client_id: 'app',
        token_endpoint_auth_method: 'none',
        client_secret: undefined,
        dpop_bound_access_tokens: true,
      },
      { auth: oidc.None() },
    )
  })
  after(() => op.close())

  const handleOf = (party: Party, key: PartyKey) => ({ DPoP: oidc.getDPoPHandle(party.config, key) })

  const signIn = async (party: Party, key: PartyKey) => {
    const { parameters, redeem } = await party.prepare()
    const url = oidc.buildAuthorizationUrl(party.config, parameters)
    return redeem((await passBoth(op, maria.secret, url)).url, handleOf(party, key))
  }

  const metadata = () => shop.config.serverMetadata()
  const tokenEndpoint = () => metadata().token_endpoint as string
  const userinfoEndpoint = () => metadata().userinfo_endpoint as string

  /** A proof by hand. */
  const proofOf = (
    { privateKey, jwk }: PartyKey,
    claims: Record<string, unknown>,
    header: Record<string, unknown> = {},
  ) => {
    const { kid: _, use: _u, ...open } = jwk
    return new SignJWT({
      jti: randomUUID(),
      iat: Math.floor(op.clock.now() / 1000),
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: open, ...header })
      .sign(privateKey)
  }
  const athOf = (token: string) => createHash('sha256').update(token).digest('base64url')

  const askUserinfo = async (token: string, proof: string | undefined, scheme = 'DPoP', method = 'GET') => {
    const answer = await fetch(userinfoEndpoint(), {
      method,
      headers: { authorization: `${scheme} ${token}`, ...(proof !== undefined && { dpop: proof }) },
    })
    return { status: answer.status, text: await answer.text() }
  }

  it('bind tokens to a key, and these say who signed in and how', async () => {
    const key = await makeKey()
    const tokens = await signIn(shop, key)
    assert.equal(tokens.token_type, 'dpop')
    assert.equal(tokens.claims()?.['acr'], mfa)
    const seen = await oidc.tokenIntrospection(shop.config, tokens.access_token)
    assert.equal(seen.token_type, 'DPoP')
    assert.equal(typeof (seen.cnf as { jkt?: string }).jkt, 'string')
    assert.equal(seen['acr'], mfa)
    assert.deepEqual(seen['amr'], ['pwd', 'otp', 'mfa'])
    const info = await oidc.fetchUserInfo(shop.config, tokens.access_token, op.maria.id, handleOf(shop, key))
    assert.equal(info.email, 'maria@example.org')
  })

  it('are demanded at every use', async () => {
    const key = await makeKey()
    const { access_token: token } = await signIn(shop, key)
    const claims = { htm: 'GET', htu: userinfoEndpoint(), ath: athOf(token) }
    const refused = async (what: string, proof: string | undefined, scheme?: string, method?: string) => {
      const { status, text } = await askUserinfo(token, proof, scheme, method)
      assert.ok(status === 401 || status === 400, `${what}: ${status}`)
      assert.doesNotMatch(text, /maria@/, what)
    }
    await refused('no proof', undefined)
    await refused('as a bearer token', undefined, 'Bearer')
    await refused('another key', await proofOf(await makeKey(), claims))
    await refused('another method', await proofOf(key, { ...claims, htm: 'POST' }))
    await refused('for another address', await proofOf(key, { ...claims, htu: tokenEndpoint() }))
    await refused('for another token', await proofOf(key, { ...claims, ath: athOf('another') }))
    await refused('for no token', await proofOf(key, { ...claims, ath: undefined }))
    await refused('of yesterday', await proofOf(key, { ...claims, iat: 1 }))
    await refused('without a number', await proofOf(key, { ...claims, jti: undefined }))
    await refused('of another kind', await proofOf(key, claims, { typ: 'JWT' }))
    await refused('with a nonce that we never gave', await proofOf(key, { ...claims, nonce: 'guessed' }))
    const parts = (await proofOf(key, claims)).split('.')
    await refused('without a signature', `${parts[0]}.${parts[1]}.`)
    const none = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(parts[0] as string, 'base64url').toString()), alg: 'none' }),
    ).toString('base64url')
    await refused('signed by nobody', `${none}.${parts[1]}.`)
    assert.equal((await askUserinfo(token, await proofOf(key, claims))).status, 200)
  })

  it('count once, however many try at the same moment', async () => {
    const key = await makeKey()
    const { access_token: token } = await signIn(shop, key)
    const proof = await proofOf(key, { htm: 'GET', htu: userinfoEndpoint(), ath: athOf(token) })
    const answers = await Promise.all(Array.from({ length: 50 }, () => askUserinfo(token, proof)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal((await askUserinfo(token, proof)).status, 401)
  })

  it('dated ahead count once for as long as they are good', async () => {
    const key = await makeKey()
    const ahead = Math.floor(op.clock.now() / 1000) + 280
    const { access_token: token } = await signIn(shop, key)
    const proof = await proofOf(key, {
      htm: 'GET',
      htu: userinfoEndpoint(),
      ath: athOf(token),
      iat: ahead,
    })
    assert.equal((await askUserinfo(token, proof)).status, 200)
    op.clock.advance(330)
    assert.notEqual((await askUserinfo(token, proof)).status, 200)
    const fresh = await proofOf(key, { htm: 'GET', htu: userinfoEndpoint(), ath: athOf(token) })
    assert.equal((await askUserinfo(token, fresh)).status, 200, 'the token is good still')
  })

  it('are demanded for a refresh, by the same key where the client has no secret', async () => {
    const key = await makeKey()
    const ofApp = await signIn(app, key)
    const stolen = ofApp.refresh_token as string
    const refresh = { grant_type: 'refresh_token', refresh_token: stolen, client_id: 'app' }
    const thief = await makeKey()
    const proof = { htm: 'POST', htu: tokenEndpoint() }
    assert.equal((await ask(tokenEndpoint(), refresh)).body['error'], 'invalid_grant')
    const byThief = await ask(tokenEndpoint(), refresh, { dpop: await proofOf(thief, proof) })
    assert.deepEqual([byThief.status, byThief.body['error']], [400, 'invalid_grant'])
    const refreshed = await oidc.refreshTokenGrant(app.config, stolen, {}, handleOf(app, key))
    assert.equal(refreshed.token_type, 'dpop')
    assert.equal(refreshed.claims()?.['acr'], mfa)

    const ofShop = await signIn(shop, key)
    const byShop = { grant_type: 'refresh_token', refresh_token: ofShop.refresh_token as string }
    const without = await ask(tokenEndpoint(), byShop, basic('shop'))
    assert.deepEqual([without.status, without.body['error']], [400, 'invalid_grant'])
  })

  it('are demanded when a code is redeemed, by the key that the request named', async () => {
    const key = await makeKey()
    const thumbprint = await calculateJwkThumbprint(key.jwk)
    const finish = async () => {
      const request = await shop.prepare({ dpop_jkt: thumbprint })
      const { url } = await passBoth(
        op,
        maria.secret,
        oidc.buildAuthorizationUrl(shop.config, request.parameters),
      )
      return (options?: { DPoP: oidc.DPoPHandle }) => request.redeem(url, options)
    }
    await assert.rejects((await finish())(), { error: 'invalid_grant' })
    await assert.rejects((await finish())(handleOf(shop, await makeKey())), { error: 'invalid_grant' })
    assert.equal((await (await finish())(handleOf(shop, key))).token_type, 'dpop')
  })

  it('take nonces that another process gave out', async () => {
    const key = await makeKey()
    const { access_token: token } = await signIn(shop, key)
    const claims = { htm: 'GET', htu: userinfoEndpoint(), ath: athOf(token) }
    const answer = await fetch(userinfoEndpoint(), {
      headers: { authorization: `DPoP ${token}`, dpop: await proofOf(key, { ...claims, iat: 1 }) },
    })
    assert.match(answer.headers.get('www-authenticate') ?? '', /use_dpop_nonce/)
    const nonce = answer.headers.get('dpop-nonce') as string
    await op.restart()
    assert.equal((await askUserinfo(token, await proofOf(key, { ...claims, nonce }))).status, 200)
  })
})
