import assert from 'node:assert/strict'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import {
  endSession,
  grantsOf,
  revokeAccount,
  sessionsOf,
  storeAdapter,
} from '../../src/stores/oidc-adapter.ts'
import { movedClock } from '../contracts/store.ts'
import { id, onEachStore } from './adapter-on-store.ts'

onEachStore('sessions', (on) => {
  const { of, second } = on

  describe('Session', () => {
    const sessionOf = (uid: string, jti: string) => ({
      jti,
      uid,
      exp: second() + 60,
      accountId: on.account,
      loginTs: second(),
      acr: 'https://refeds.org/profile/mfa',
      amr: ['pwd', 'otp'],
      authorizations: { rp: { sid: 'sid', grantId: 'grant' } },
    })

    it('comes back whole, by its id and by its uid; no id in clear', async () => {
      const [jti, uid] = [id(), id()]
      const session = sessionOf(uid, jti)
      await of('Session').upsert(jti, session, 60)
      assert.deepEqual(await of('Session').find(jti), session)
      const found = await of('Session').findByUid(uid)
      assert.deepEqual({ ...found, jti }, session)
      assert.notEqual(found?.jti, jti)
      assert.equal(
        await of('Session').find(String(found?.jti)),
        undefined,
        'what the store holds is no cookie',
      )
      assert.ok(!on.store.written.includes(jti))
    })

    it('is written and ended through its uid as through its id', async () => {
      const [jti, uid] = [id(), id()]
      await of('Session').upsert(jti, sessionOf(uid, jti), 60)
      const found = await of('Session').findByUid(uid)
      assert.ok(found?.jti)
      await of('Session').upsert(found.jti, { ...found, acr: 'changed' }, 60)
      assert.equal((await of('Session').find(jti))?.acr, 'changed')
      await of('Session').destroy(found.jti)
      assert.equal(await of('Session').find(jti), undefined)
      assert.equal(await of('Session').findByUid(uid), undefined)
    })

    it('has one record per uid: a new id ends the previous one', async () => {
      const [first, next, uid] = [id(), id(), id()]
      await of('Session').upsert(first, sessionOf(uid, first), 60)
      await of('Session').upsert(next, sessionOf(uid, next), 60)
      assert.equal(await of('Session').find(first), undefined)
      assert.equal((await of('Session').find(next))?.uid, uid)
      assert.ok(await of('Session').findByUid(uid))
    })

    it('has one record per uid, though 20 ids are written at once', async () => {
      const uid = id()
      const ids = Array.from({ length: 20 }, id)
      const written = await Promise.allSettled(
        ids.map((jti) => of('Session').upsert(jti, sessionOf(uid, jti), 60)),
      )
      for (const write of written) if (write.status === 'rejected') assert.equal(write.reason.code, 'busy')
      const alive = (await Promise.all(ids.map((jti) => of('Session').find(jti)))).filter(Boolean)
      assert.equal(alive.length, 1)
    })

    it('does not end the id that took over when the old one is destroyed late', async () => {
      const [first, next, uid] = [id(), id(), id()]
      await of('Session').upsert(first, sessionOf(uid, first), 60)
      await of('Session').upsert(next, sessionOf(uid, next), 60)
      await of('Session').destroy(first)
      assert.ok(await of('Session').findByUid(uid))
      assert.ok(await of('Session').find(next))
    })

    it('is not found with an id whose hash only begins alike', async () => {
      const [jti, uid] = [id(), id()]
      await of('Session').upsert(jti, sessionOf(uid, jti), 60)
      const key = /\bs[0-9a-z]{8,13}\b/.exec(on.store.written)?.[0]
      const text = key === undefined ? undefined : await on.store.get(key)
      assert.ok(key && text)
      await on.store.put(key, text.replace(/^\["[^"]+"/, '["AAAAAAAAAAA"'), 60)
      assert.equal(await of('Session').find(jti), undefined)
    })
  })

  it("keeps an account's sessions and grants, and ends them all at once", async () => {
    const others = { uid: id(), jti: id(), grantId: id(), account: id() }
    const [uid, jti, grantId, anonymous] = [id(), id(), id(), id()]
    const exp = second() + 60
    const authorizations = { rp: { sid: 'sid', grantId } }
    await of('Session').upsert(
      jti,
      { jti, uid, exp, accountId: on.account, loginTs: exp - 60, amr: ['pwd'], authorizations },
      60,
    )
    await of('Session').upsert(anonymous, { jti: anonymous, uid: id(), exp }, 60)
    await of('Grant').upsert(
      grantId,
      { accountId: on.account, clientId: 'rp', exp, openid: { scope: 'openid' } },
      60,
    )
    await of('Session').upsert(
      others.jti,
      { ...others, exp, accountId: others.account, loginTs: exp - 60 },
      60,
    )
    await of('Grant').upsert(others.grantId, { accountId: others.account, clientId: 'rp', exp }, 60)

    assert.deepEqual(await sessionsOf(on.store, on.account, on.clock), [
      { uid, loginTs: exp - 60, exp, acr: undefined, amr: ['pwd'], authorizations },
    ])
    assert.deepEqual(await grantsOf(on.store, on.account, on.clock), [
      { clientId: 'rp', exp, scope: 'openid' },
    ])

    await revokeAccount(on.store, on.account, on.clock)
    assert.deepEqual(await sessionsOf(on.store, on.account, on.clock), [])
    assert.deepEqual(await grantsOf(on.store, on.account, on.clock), [])
    assert.equal(await of('Session').find(jti), undefined)
    assert.equal(await of('Grant').find(grantId), undefined)
    assert.ok(await of('Session').find(others.jti))
    assert.ok(await of('Grant').find(others.grantId))
    await endSession(on.store, others.account, others.uid)
    assert.equal(await of('Session').find(others.jti), undefined)
    await endSession(on.store, others.account, others.uid)
  })

  it('ends all of an account but one session, which keeps the grants of its relying parties', async () => {
    const exp = second() + 60
    const loginTs = second()
    const add = async (clients: string[], account = on.account) => {
      const [uid, jti] = [id(), id()]
      const grants = Object.fromEntries(clients.map((client) => [client, id()]))
      const authorizations = Object.fromEntries(
        Object.entries(grants).map(([client, grantId]) => [client, { sid: `sid ${client}`, grantId }]),
      )
      await of('Session').upsert(jti, { jti, uid, exp, accountId: account, loginTs, authorizations }, 60)
      for (const [clientId, grantId] of Object.entries(grants))
        await of('Grant').upsert(grantId, { accountId: account, clientId, exp }, 60)
      return { uid, jti, account, grants: Object.values(grants) }
    }
    const kept = await add(['rp', 'shop'])
    const others = [await add(['rp']), await add(['bank', 'shop']), await add([])]
    const foreign = await add(['rp'], id())
    const orphan = id()
    await of('Grant').upsert(orphan, { accountId: on.account, clientId: 'gone', exp }, 60)
    const isAlive = async ({ jti, grants }: typeof kept) => [
      (await of('Session').find(jti)) !== undefined,
      ...(await Promise.all(grants.map(async (grant) => (await of('Grant').find(grant)) !== undefined))),
    ]

    await revokeAccount(on.store, on.account, on.clock, kept.uid)
    assert.deepEqual(await isAlive(kept), [true, true, true])
    assert.deepEqual(await Promise.all(others.map(isAlive)), [[false, false], [false, false, false], [false]])
    assert.deepEqual(await isAlive(foreign), [true, true])
    assert.equal(await of('Grant').find(orphan), undefined)
    assert.deepEqual(
      (await sessionsOf(on.store, on.account, on.clock)).map(({ uid }) => uid),
      [kept.uid],
    )
    assert.deepEqual(
      (await grantsOf(on.store, on.account, on.clock)).map(({ clientId }) => clientId).sort(),
      ['rp', 'shop'],
    )
    // A session that is none of theirs, or over, keeps nothing.
    await revokeAccount(on.store, on.account, on.clock, foreign.uid)
    assert.deepEqual(await isAlive(kept), [false, false, false])
    assert.deepEqual(await isAlive(foreign), [true, true])
    await revokeAccount(on.store, on.account, on.clock, kept.uid)
    await endSession(on.store, foreign.account, foreign.uid)
  })
})

describe('sessions', () => {
  it('keeps track of a session that is prolonged for weeks, and of the grants from then', async () => {
    const clock = movedClock()
    const store = embeddedStore({ file: ':memory:', clock })
    const of = storeAdapter({ store, clock })
    const [jti, uid, grantId] = [id(), id(), id()]
    const hour = 3_600
    const exp = () => Math.floor(clock.now() / 1000) + hour
    await of('Grant').upsert(
      grantId,
      { accountId: 'account', clientId: 'rp', exp: exp() + 60 * 86_400 },
      60 * 86_400,
    )
    for (let hours = 0; hours < 24 * 20; hours += 0.9) {
      await of('Session').upsert(
        jti,
        { jti, uid, exp: exp(), accountId: 'account', loginTs: 1_700_000_000 },
        hour,
      )
      await clock.pass(0.9 * hour)
      assert.equal((await sessionsOf(store, 'account', clock)).length, 1, `after ${hours} hours`)
    }
    assert.equal((await grantsOf(store, 'account', clock)).length, 1)
    await clock.pass(hour)
    assert.deepEqual(await sessionsOf(store, 'account', clock), [])
    await revokeAccount(store, 'account', clock)
    assert.equal(await of('Grant').find(grantId), undefined)
    await store.close()
  })
})
