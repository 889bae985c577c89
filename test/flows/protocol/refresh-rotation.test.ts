import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { type Enrolled, startProvider, type TestProvider } from '../../support/provider.ts'
import { joinParty, makeKey, type Party, type PartyKey, passBoth } from './parties.ts'

const withoutSecret = { token_endpoint_auth_method: 'none', client_secret: undefined } as const

describe('refresh tokens', () => {
  let op: TestProvider
  let maria: Enrolled
  let key: PartyKey
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
    key = await makeKey()
  })
  after(() => op.close())

  const signIn = async (party: Party, options?: { DPoP: oidc.DPoPHandle }): Promise<string> => {
    const { parameters, redeem } = await party.prepare()
    const url = oidc.buildAuthorizationUrl(party.config, parameters)
    return (await redeem((await passBoth(op, maria.secret, url)).url, options)).refresh_token as string
  }
  const dpop = ({ config }: Party) => ({ DPoP: oidc.getDPoPHandle(config, key) })

  it('are good for one use where nothing binds them; a second one ends all that came of the sign-in', async () => {
    const shop = await joinParty(op, { client_id: 'shop' })
    const app = await joinParty(op, { client_id: 'app', ...withoutSecret }, { auth: oidc.None() })
    for (const party of [shop, app]) {
      const first = await signIn(party)
      const second = await oidc.refreshTokenGrant(party.config, first)
      assert.notEqual(second.refresh_token, first, party.id)
      await assert.rejects(oidc.refreshTokenGrant(party.config, first), { error: 'invalid_grant' }, party.id)
      await assert.rejects(
        oidc.refreshTokenGrant(party.config, second.refresh_token as string),
        { error: 'invalid_grant' },
        party.id,
      )
      assert.equal((await op.rp.introspect(second.access_token)).active, false, party.id)
    }
  })

  it('of two uses at the same moment one succeeds, and both lose the sign-in', async () => {
    const party = await joinParty(op, { client_id: 'twice' })
    const first = await signIn(party)
    const uses = await Promise.allSettled(
      Array.from({ length: 5 }, () => oidc.refreshTokenGrant(party.config, first)),
    )
    const winners = uses.filter(({ status }) => status === 'fulfilled')
    assert.ok(winners.length <= 1)
    for (const use of uses)
      if (use.status === 'fulfilled')
        await assert.rejects(oidc.refreshTokenGrant(party.config, use.value.refresh_token as string), {
          error: 'invalid_grant',
        })
  })

  it('stay where a key is needed besides, unless the client wants new ones', async () => {
    const bound = { dpop_bound_access_tokens: true }
    const keeps = await joinParty(op, { client_id: 'keeps', ...bound })
    const appKeeps = await joinParty(
      op,
      { client_id: 'app-keeps', ...withoutSecret, ...bound },
      { auth: oidc.None() },
    )
    for (const party of [keeps, appKeeps]) {
      const first = await signIn(party, dpop(party))
      for (let use = 0; use < 3; use++) {
        const { refresh_token } = await oidc.refreshTokenGrant(party.config, first, {}, dpop(party))
        assert.equal(refresh_token, first, party.id)
      }
    }
    const always = await joinParty(op, { client_id: 'always', ...bound, refresh_token_rotation: 'always' })
    const first = await signIn(always, dpop(always))
    const { refresh_token: second } = await oidc.refreshTokenGrant(always.config, first, {}, dpop(always))
    assert.notEqual(second, first)
  })

  it('are not taken for bound because a client with a secret once sent a proof', async () => {
    const party = await joinParty(op, { client_id: 'sometimes' })
    const first = await signIn(party, dpop(party))
    const { refresh_token: second } = await oidc.refreshTokenGrant(party.config, first, {}, dpop(party))
    assert.notEqual(second, first)
  })

  it('of a client without a secret that sent a proof are of use with its key alone', async () => {
    const party = await joinParty(op, { client_id: 'proves', ...withoutSecret }, { auth: oidc.None() })
    const token = await signIn(party, dpop(party))
    await assert.rejects(oidc.refreshTokenGrant(party.config, token), { error: 'invalid_grant' })
    const thief = { DPoP: oidc.getDPoPHandle(party.config, await makeKey()) }
    await assert.rejects(oidc.refreshTokenGrant(party.config, token, {}, thief), { error: 'invalid_grant' })
    assert.ok(await oidc.refreshTokenGrant(party.config, token, {}, dpop(party)))
  })

  it('of another client are refused, and end at the end of their life, used or not', async () => {
    const mine = await joinParty(op, { client_id: 'mine' })
    const theirs = await joinParty(op, { client_id: 'theirs' })
    const token = await signIn(mine)
    await assert.rejects(oidc.refreshTokenGrant(theirs.config, token), { error: 'invalid_grant' })
    const { refresh_token: next } = await oidc.refreshTokenGrant(mine.config, token)
    op.clock.advance(op.config.lifetimes.refreshToken + 20)
    await assert.rejects(oidc.refreshTokenGrant(mine.config, next as string), { error: 'invalid_grant' })
  })

  it('refuse a rotation that nobody knows', async () => {
    const party = await joinParty(op, { client_id: 'never', refresh_token_rotation: 'never' })
    assert.equal((await maria.browser.get(`${op.issuer}/auth?client_id=${party.id}`)).status, 400)
    await assert.rejects(op.duepassi.provider.Client.find('never'), { error: 'invalid_client_metadata' })
  })
})
