import assert from 'node:assert/strict'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { revokeAccount, storeAdapter } from '../../src/stores/oidc-adapter.ts'
import { movedClock } from '../contracts/store.ts'
import { id, onEachStore } from './adapter-on-store.ts'

const consumables = [
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PushedAuthorizationRequest',
  'PreAuthorizedCode',
]
const plain = [
  'AccessToken',
  'ClientCredentials',
  'InitialAccessToken',
  'RegistrationAccessToken',
  'Interaction',
]

onEachStore('oidc adapter', (on) => {
  const { of, second } = on

  for (const model of plain) {
    it(`writes and finds ${model} with one verb each, its id nowhere`, async () => {
      const jti = id()
      const payload = {
        jti,
        kind: model,
        iat: second(),
        exp: second() + 60,
        clientId: 'rp',
        scope: 'openid',
      }
      await of(model).upsert(jti, payload, 60)
      const { kind: _, ...found } = payload
      assert.deepEqual(await of(model).find(jti), found)
      assert.deepEqual(on.store.verbs, ['put', 'get'])
      assert.ok(!on.store.written.includes(jti))
      await of(model).destroy(jti)
      assert.equal(await of(model).find(jti), undefined)
    })
  }

  for (const model of consumables) {
    describe(model, () => {
      let jti: string
      let grantId: string

      beforeEach(async () => {
        jti = id()
        grantId = id()
        await of('Grant').upsert(grantId, { accountId: on.account, clientId: 'rp', exp: second() + 60 }, 60)
        await of(model).upsert(jti, { jti, grantId, exp: second() + 60 }, 60)
        on.store.verbs = []
      })

      it('is found until used, and afterwards with the second of its use', async () => {
        assert.deepEqual(await of(model).find(jti), {
          jti,
          grantId,
          exp: Number((await of(model).find(jti))?.exp),
        })
        await of(model).consume(jti)
        const found = await of(model).find(jti)
        assert.ok(Math.abs(Number(found?.consumed) - second()) <= 1)
        assert.equal(found?.grantId, grantId)
        assert.ok(await of('Grant').find(grantId), 'the first use revokes nothing')
        assert.ok(!on.store.written.includes(jti))
      })

      it('stays used when it is written again', async () => {
        await of(model).consume(jti)
        await of(model).upsert(jti, { jti, grantId, exp: second() + 60, scope: 'more' }, 60)
        const found = await of(model).find(jti)
        assert.equal(found?.scope, 'more')
        assert.ok(found?.consumed)
      })

      it('is used by one of 50 at once; the others are refused and the grant is gone', async () => {
        const uses = await Promise.allSettled(Array.from({ length: 50 }, () => of(model).consume(jti)))
        const refused = uses.filter((use) => use.status === 'rejected')
        assert.equal(refused.length, 49)
        const error = model === 'PushedAuthorizationRequest' ? 'invalid_request_uri' : 'invalid_grant'
        for (const use of refused) assert.equal(use.reason.error, error)
        assert.equal(await of('Grant').find(grantId), undefined)
      })

      it('cannot be used when it is not there', async () => {
        await assert.rejects(() => of(model).consume(id()), { status: 400 })
        await of(model).destroy(jti)
        await assert.rejects(() => of(model).consume(jti), { status: 400 })
      })

      it('lives no longer for being used', async () => {
        await of(model).upsert(jti, { jti, grantId }, 1)
        await of(model).consume(jti)
        await on.clock.pass(1)
        assert.equal(await of(model).find(jti), undefined)
      })

      it('dies with its grant, whichever model is told to revoke it', async () => {
        await of(model).revokeByGrantId(grantId)
        assert.equal(await of('Grant').find(grantId), undefined)
      })
    })
  }

  it('writes a code with one verb and uses it with one, after finding it', async () => {
    const jti = id()
    await of('AuthorizationCode').upsert(jti, { jti }, 60)
    assert.deepEqual(on.store.verbs, ['add'])
  })

  it('finds a device code by its user code, writes it back under its id, and gives a user code once', async () => {
    const [jti, userCode] = [id(), id()]
    await of('DeviceCode').upsert(jti, { jti, userCode, exp: second() + 60 }, 60)
    const found = await of('DeviceCode').findByUserCode(userCode)
    assert.equal(found?.userCode, userCode)
    assert.ok(found?.jti && found.jti !== jti)
    assert.equal(await of('DeviceCode').find(found.jti), undefined, 'what the store holds is no device code')
    await of('DeviceCode').upsert(found.jti, { ...found, accountId: on.account }, 60)
    assert.equal((await of('DeviceCode').find(jti))?.accountId, on.account)
    assert.equal(await of('DeviceCode').findByUserCode(id()), undefined)
    await assert.rejects(() => of('DeviceCode').upsert(id(), { userCode }, 60), {
      error: 'invalid_request',
    })
  })

  it('lets a device code be answered once, of 50 at once, and neither refused nor opened again', async () => {
    const [jti, userCode] = [id(), id()]
    const open = { jti, userCode, exp: second() + 60 }
    await of('DeviceCode').upsert(jti, open, 60)
    await of('DeviceCode').upsert(jti, { ...open, inFlight: true }, 60)
    const people = Array.from({ length: 50 }, id)
    const answers = await Promise.allSettled(
      people.map((accountId) => of('DeviceCode').upsert(jti, { ...open, accountId }, 60)),
    )
    const won = people.filter((_, at) => answers[at]?.status === 'fulfilled')
    assert.equal(won.length, 1)
    for (const late of [{ ...open, error: 'access_denied' }, { ...open, inFlight: true }, open])
      await assert.rejects(of('DeviceCode').upsert(jti, late, 60), { error: 'invalid_request' })
    assert.equal((await of('DeviceCode').find(jti))?.accountId, won[0])
    await of('DeviceCode').consume(jti)

    const other = { ...open, jti: id(), userCode: id() }
    await of('DeviceCode').upsert(other.jti, { ...other, error: 'access_denied' }, 60)
    await assert.rejects(of('DeviceCode').upsert(other.jti, { ...other, accountId: on.account }, 60))
  })

  it('lets a proof be used once, of 50 at once', async () => {
    const proof = id()
    const uses = await Promise.allSettled(
      Array.from({ length: 50 }, () =>
        of('ReplayDetection').upsert(proof, { jti: proof, exp: second() + 60 }, 60),
      ),
    )
    assert.equal(uses.filter((use) => use.status === 'fulfilled').length, 1)
    assert.ok(await of('ReplayDetection').find(proof))
    assert.equal(await of('ReplayDetection').find(id()), undefined)
  })

  it('gives a grant back whole', async () => {
    const jti = id()
    const grant = {
      jti,
      accountId: on.account,
      clientId: 'rp',
      exp: second() + 60,
      openid: { scope: 'openid', claims: ['email'] },
      resources: { 'urn:api': 'read' },
    }
    await of('Grant').upsert(jti, grant, 60)
    assert.deepEqual(await of('Grant').find(jti), grant)
    await of('Grant').destroy(jti)
    assert.equal(await of('Grant').find(jti), undefined)
  })

  it('serves relying parties from where they are kept', async () => {
    assert.equal(await of('Client').find('rp'), undefined)
    const withClients = storeAdapter({
      store: on.store,
      clock: on.clock,
      clients: { find: async (client_id) => (client_id === 'rp' ? { client_id } : undefined) },
    })
    assert.deepEqual(await withClients('Client').find('rp'), { client_id: 'rp' })
    assert.equal(await withClients('Client').find('nobody'), undefined)
    await assert.rejects(async () => withClients('Client').upsert('rp', {}), TypeError)
    await assert.rejects(async () => withClients('Client').destroy('rp'), TypeError)
  })

  it('refuses a model it does not know', () => {
    assert.throws(() => of('NovelToken'), TypeError)
  })
})

describe('oidc adapter', () => {
  it('takes nothing for absent when the store does not answer', async () => {
    const clock = movedClock()
    const store = embeddedStore({ file: ':memory:', clock })
    const of = storeAdapter({ store, clock })
    await store.close()
    for (const model of [...plain, ...consumables, 'Grant', 'Session', 'ReplayDetection']) {
      await assert.rejects(async () => of(model).find(id()), { code: 'store_unavailable' })
      await assert.rejects(async () => of(model).upsert(id(), { uid: id() }, 60), {
        code: 'store_unavailable',
      })
    }
    for (const model of consumables) {
      await assert.rejects(async () => of(model).consume(id()), { code: 'store_unavailable' })
    }
    await assert.rejects(() => revokeAccount(store, 'account', clock), { code: 'store_unavailable' })
  })
})
