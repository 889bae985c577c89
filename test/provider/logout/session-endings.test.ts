import assert from 'node:assert/strict'
import { DuepassiError } from '../../../src/errors.ts'
import { createLog } from '../../../src/log.ts'
import { createProofMemory } from '../../../src/plugin/proofs.ts'
import { createTelling, sidsByClient } from '../../../src/provider/logout/logout-tokens.ts'
import { createEndings } from '../../../src/provider/logout/session-endings.ts'
import { embeddedStore } from '../../../src/stores/embedded/embedded-store.ts'
import { grantsOf, sessionsOf, storeAdapter } from '../../../src/stores/oidc-adapter.ts'
import type { Store } from '../../../src/stores/store.ts'
import { someDevice, someTrust } from '../../contracts/directory-samples.ts'
import { memoryDirectory } from '../../properties/memory-directory.ts'
import { movableClock } from '../../support/clock.ts'

const nowhere = {
  address: null,
  country: null,
  city: null,
  latitude: null,
  longitude: null,
  browser: null,
  system: null,
}

describe('endings of sessions', () => {
  const open = async (wrap: (store: Store) => Store = (store) => store) => {
    const clock = movableClock()
    const inner = embeddedStore({ file: ':memory:', clock })
    const store = wrap(inner)
    const directory = memoryDirectory()
    const memory = createProofMemory(inner)
    const recorded: string[] = []
    const told: string[][] = []
    const gate = { open: Promise.resolve() }
    const endings = createEndings({
      ...{ store, directory, clock, seenOf: memory.seenOf },
      async record(type, { accountId, reason } = {}) {
        recorded.push(`${type} ${accountId} ${reason}`)
      },
      async tell(_accountId, sessions) {
        await gate.open
        told.push(sessions.map(({ authorizations: { shop } }) => String(shop?.sid)).sort())
        return ['deaf']
      },
    })
    const of = storeAdapter({ store: inner, clock })
    const at = Math.floor(clock.now() / 1000)
    for (const uid of ['one', 'two']) {
      const authorizations = { shop: { sid: `sid-${uid}`, grantId: `grant-${uid}` } }
      const session = { uid, accountId: 'ana', loginTs: at, exp: at + 600, amr: ['pwd', uid], authorizations }
      await of('Session').upsert(`cookie-${uid}`, session, 600)
      await of('Grant').upsert(`grant-${uid}`, { accountId: 'ana', clientId: 'shop', exp: at + 600 }, 600)
      await directory.addDevice(someDevice({ id: uid, accountId: 'ana', trust: someTrust() }), 20)
    }
    const noteSeen = (uid: string, device: string | null) =>
      memory.note(
        { accountId: 'ana', sessionUid: uid, at, amr: ['pwd', uid] },
        {},
        { sighting: nowhere, device },
      )
    const left = async () => ({
      sessions: (await sessionsOf(inner, 'ana', clock)).map(({ uid }) => uid).sort(),
      grants: (await grantsOf(inner, 'ana', clock)).length,
      trusted: directory
        .devicesNow('ana')
        .filter(({ trust }) => trust)
        .map(({ id }) => id)
        .sort(),
    })
    return { clock, store: inner, directory, recorded, told, gate, endings, noteSeen, left }
  }
  const both = ['one', 'two']

  it('of one: its grants, and the trust in its browser', async () => {
    const { endings, noteSeen, left, recorded, told } = await open()
    await noteSeen('one', 'one')
    const ended = await endings.session('ana', 'one', { reason: 'by-owner' })
    assert.deepEqual(
      ended.sessions.map(({ uid }) => uid),
      ['one'],
    )
    assert.deepEqual(await ended.told, ['deaf'])
    assert.deepEqual(told, [['sid-one']])
    assert.deepEqual(await left(), { sessions: ['two'], grants: 1, trusted: ['two'] })
    assert.deepEqual(recorded, ['session.ended ana by-owner'])
  })

  it('of one whose browser nobody knows: the trust in all of them', async () => {
    const { endings, left } = await open()
    await endings.session('ana', 'one', { reason: 'by-owner' })
    assert.deepEqual(await left(), { sessions: ['two'], grants: 1, trusted: [] })
  })

  it('of one that is not there, or somebody else’s: nothing', async () => {
    const { endings, left, recorded } = await open()
    for (const [who, uid] of [
      ['ana', 'three'],
      ['bea', 'one'],
    ] as const)
      assert.deepEqual((await endings.session(who, uid, { reason: 'by-owner' })).sessions, [])
    assert.deepEqual(await left(), { sessions: both, grants: 2, trusted: both })
    assert.deepEqual(recorded, [])
  })

  it('of all but one, whose browser stays trusted if that is wanted, and known', async () => {
    for (const [keepsTrust, device, trusted] of [
      [true, 'two', ['two']],
      [true, null, []],
      [false, 'two', []],
    ] as const) {
      const { endings, noteSeen, left } = await open()
      await noteSeen('two', device)
      await endings.account('ana', { reason: 'by-owner', except: 'two', keepsTrust })
      assert.deepEqual(await left(), { sessions: ['two'], grants: 1, trusted: [...trusted] })
    }
  })

  it('do not wait for relying parties, but know when all were told', async () => {
    const { endings, gate, left, told } = await open()
    let opened = () => {}
    gate.open = new Promise((resolve) => {
      opened = resolve
    })
    await endings.account('ana', { reason: 'locked' })
    assert.deepEqual(await left(), { sessions: [], grants: 0, trusted: [] })
    assert.deepEqual(told, [])
    opened()
    await endings.settled()
    assert.deepEqual(told, [['sid-one', 'sid-two']])
  })

  it('end steps under way, but for the one whose page says what happened', async () => {
    const { endings, store } = await open()
    for (const uid of ['here', 'there']) {
      await store.put(`si:${uid}`, 'sealed', 900)
      await store.include('sa:ana', uid, 900)
    }
    await endings.account('ana', { reason: 'locked', exceptSignIn: 'here' })
    assert.deepEqual([await store.get('si:here'), await store.get('si:there')], ['sealed', undefined])
    await endings.signIns('ana')
    assert.equal(await store.get('si:here'), undefined)
  })

  it('end what is durable although the store is down, and say that the rest is left', async () => {
    const fail = async () => {
      throw new DuepassiError('store_unavailable', 'down')
    }
    const { endings, left, recorded } = await open((store) => ({ ...store, members: fail, get: fail }))
    await assert.rejects(endings.account('ana', { reason: 'locked' }), { code: 'store_unavailable' })
    assert.deepEqual(await left(), { sessions: both, grants: 2, trusted: [] })
    assert.deepEqual(recorded, [])
  })
})

describe('telling relying parties that a session is over', () => {
  const session = (uid: string, authorizations: Record<string, object>) => ({ uid, authorizations })

  it('knows each `sid` of each of them once', () => {
    const sids = sidsByClient([
      session('one', {
        shop: { sid: 'a', grantId: 'g', others: [{ sid: 'b' }, { sid: 'a', grantId: 'h' }] },
        mail: {},
      }),
      session('two', { shop: { sid: 'c' } }),
    ])
    assert.deepEqual(
      [...sids],
      [
        ['shop', ['a', 'b', 'c']],
        ['mail', []],
      ],
    )
  })

  it('tells everybody whatever becomes of the others, and names whom it did not reach', async () => {
    const logged: string[] = []
    const calls: string[] = []
    const client = (over: object) => ({
      backchannelLogoutUri: 'https://rp.example/',
      async backchannelLogout(sub: string, sid?: string) {
        calls.push(`${sub} ${sid}`)
      },
      ...over,
    })
    const clients: Record<string, object | undefined> = {
      quiet: client({ backchannelLogoutUri: undefined }),
      bySid: client({ backchannelLogoutSessionRequired: true }),
      bySubject: client({}),
      deaf: client({ backchannelLogout: () => Promise.reject(new Error('refused')) }),
      gone: undefined,
    }
    const provider = {
      Client: {
        async find(id: string) {
          if (id === 'broken') throw new Error('not valid any more')
          return clients[id]
        },
      },
    }
    const tell = createTelling({
      provider: () => provider as unknown as ReturnType<Parameters<typeof createTelling>[0]['provider']>,
      log: createLog('trace', { write: (line) => void logged.push(line) }),
    })
    const names = ['quiet', 'bySid', 'deaf', 'broken', 'gone', 'bySubject']
    const sessions = both.map((uid) =>
      session(uid, Object.fromEntries(names.map((name) => [name, { sid: `${name}-${uid}` }]))),
    )
    assert.deepEqual(await tell('ana', sessions), ['broken', 'deaf'])
    assert.deepEqual(calls.sort(), ['ana bySid-one', 'ana bySid-two', 'ana undefined'])
    for (const name of ['deaf', 'broken']) assert.ok(logged.some((line) => line.includes(`"${name}"`)))
  })
  const both = ['one', 'two']
})
