import assert from 'node:assert/strict'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { systemClock } from '../../src/clock.ts'
import * as composed from '../../src/compose.ts'
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts'
import { createProofMemory } from '../../src/plugin/proofs.ts'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { grantsOf, sessionsOf, storeAdapter } from '../../src/stores/oidc-adapter.ts'
import type { Store } from '../../src/stores/store.ts'
import { type LogoutReceiver, startLogoutReceiver } from '../support/logout-receiver.ts'
import { openWithAnna } from './account-on-file.ts'

const day = 86_400
const trusted = { trusted: true }

describe('duepassi sessions', () => {
  let terminal: Awaited<ReturnType<typeof openWithAnna>>
  let receiver: LogoutReceiver
  const outbound = createGuardedFetch({ allowPrivate: true })
  before(async () => {
    receiver = await startLogoutReceiver()
  })
  after(async () => {
    await receiver.close()
    await outbound.close()
  })
  afterEach(() => {
    receiver.tokens.length = 0
    terminal.close()
  })
  const run = (...words: string[]) => terminal.run(['sessions', ...words])
  const withStore = async <T>(task: (store: Store) => Promise<T>): Promise<T> => {
    const store = embeddedStore({ file: join(terminal.folder, 'sessions.db'), clock: systemClock })
    return task(store).finally(() => store.close())
  }
  const at = Math.floor(Date.now() / 1000) - 600
  const sighting = {
    address: '192.0.2.7',
    country: 'IT',
    city: 'Rome\u001b[2J',
    latitude: null,
    longitude: null,
    browser: 'Firefox',
    system: 'Windows',
  }
  /** Two sessions of anna, and one of somebody else. */
  const open = async (
    over: Parameters<typeof openWithAnna>[0] = {},
    parts: Parameters<typeof openWithAnna>[2] = composed,
    client: object = {},
  ) => {
    const metadata = {
      client_secret: 'a secret of the shop',
      redirect_uris: ['https://shop.example/'],
      backchannel_logout_uri: receiver.uri,
    }
    terminal = await openWithAnna(
      { policy: { trustedDevices: { kind: 'cookie' } }, ...over },
      { factors: ['totp'], browsers: [trusted, trusted], client: { ...metadata, ...client } },
      parts,
    )
    await withStore(async (store) => {
      const of = storeAdapter({ store, clock: systemClock })
      const memory = createProofMemory(store)
      const exp = at + day
      for (const [uid, accountId, device] of [
        ['one', 'anna-1', 'device-0'],
        ['two', 'anna-1', 'device-1'],
        ['hers', 'other', 'device-9'],
      ] as const) {
        const loginTs = uid === 'two' ? at - 60 : at
        const authorizations = { shop: { sid: `sid-${uid}`, grantId: `grant-${uid}` } }
        const session = { uid, accountId, loginTs, exp, acr: 'urn:a', amr: ['pwd', 'otp'], authorizations }
        await of('Grant').upsert(`grant-${uid}`, { accountId, clientId: 'shop', exp }, day)
        await of('Session').upsert(`cookie-${uid}`, session, day)
        await memory.note(
          { accountId, sessionUid: uid, at: loginTs, amr: ['otp', 'pwd'] },
          {},
          { sighting, device },
        )
      }
      await of('Grant').upsert('grant-alone', { accountId: 'anna-1', clientId: 'shop', exp }, day)
    })
  }
  const left = () =>
    withStore(async (store) => ({
      sessions: (await sessionsOf(store, 'anna-1')).map(({ uid }) => uid).sort(),
      grants: (await grantsOf(store, 'anna-1')).length,
      others: (await sessionsOf(store, 'other')).length + (await grantsOf(store, 'other')).length,
    }))
  const trust = () =>
    terminal.within(async (directory) =>
      (await directory.devices('anna-1')).filter((one) => one.trust).map(({ id }) => id),
    )
  const audit = () =>
    terminal.within(async (directory) =>
      (await directory.audit('anna-1', 20)).map(({ type, reason }) => `${type} ${reason}`),
    )
  /** The command line, whose provider reaches this machine. */
  const reaching: typeof composed = {
    ...composed,
    compose: (config, parts) => composed.compose(config, { ...parts, outbound }),
  }

  it('lists where somebody is signed in, latest first, without what steers a terminal', async () => {
    await open()
    const { stdout, status } = await run('list', '--account', 'anna')
    assert.equal(status, 0)
    const [first = '', second = '', ...more] = stdout.trim().split('\n')
    assert.deepEqual(more, [])
    assert.match(
      first,
      /^one {2}Firefox on Windows, 192\.0\.2\.7, Rome.*, IT, since 20.* UTC, until 20.* UTC if unused, urn:a, at shop$/,
    )
    assert.match(second, /^two /)
    assert.ok(!stdout.includes('\u001b'))
    assert.doesNotMatch(stdout, /cookie|sid-|hers/)
  })

  it('lists them as JSON', async () => {
    await open()
    const [one] = JSON.parse((await run('list', '--account', 'anna', '--json')).stdout)
    assert.deepEqual(one, {
      id: 'one',
      browser: 'Firefox',
      system: 'Windows',
      address: '192.0.2.7',
      city: 'Rome\u001b[2J',
      country: 'IT',
      since: new Date(at * 1000).toISOString(),
      until: new Date((at + day) * 1000).toISOString(),
      acr: 'urn:a',
      amr: ['pwd', 'otp'],
      clients: ['shop'],
    })
  })

  it('ends one, with its grants and the trust in its browser, and leaves the others', async () => {
    await open()
    const { status, stdout, stderr } = await run('end', '--account', 'anna', '--session', 'one')
    assert.equal(status, 0, stderr)
    assert.match(stdout, /session of anna is ended/)
    assert.deepEqual(await left(), { sessions: ['two'], grants: 2, others: 2 })
    assert.deepEqual(await trust(), ['device-1'])
    assert.deepEqual(await audit(), ['session.ended by-administrator'])
  })

  it('ends all of an account, grants without a session too', async () => {
    await open()
    assert.equal((await run('end', '--account', 'anna', '--all-of-account')).status, 0)
    assert.deepEqual(await left(), { sessions: [], grants: 0, others: 2 })
    assert.deepEqual(await trust(), [])
    assert.deepEqual(await audit(), Array(2).fill('session.ended by-administrator'))
    assert.match((await run('list', '--account', 'anna')).stdout, /anna is signed in nowhere/)
  })

  it('says which relying parties could not be told, and has ended everything all the same', async () => {
    await open()
    // On this machine, where nothing but what is public may be asked.
    const { status, stdout } = await run('end', '--account', 'anna', '--session', 'one')
    assert.equal(status, 0)
    assert.match(stdout, /could not be told of it: shop\./)
    assert.deepEqual((await left()).sessions, ['two'])
  })

  it('tells relying parties, by a token that the provider has signed', async () => {
    await open({}, reaching)
    const { status, stdout } = await run('end', '--account', 'anna', '--all-of-account')
    assert.equal(status, 0)
    assert.doesNotMatch(stdout, /could not be told/)
    // It asked for none by `sid`, so one about all of them is enough.
    const [token = '', ...more] = receiver.tokens
    assert.deepEqual(more, [])
    assert.equal(decodeProtectedHeader(token).typ, 'logout+jwt')
    const { sub, aud, sid } = decodeJwt(token)
    assert.deepEqual({ sub, aud, sid }, { sub: 'anna-1', aud: 'shop', sid: undefined })
  })

  it('tells it by each `sid` to whom wants that', async () => {
    await open({}, reaching, { backchannel_logout_session_required: true })
    await run('end', '--account', 'anna', '--all-of-account')
    assert.deepEqual(receiver.tokens.map((token) => decodeJwt(token)['sid']).sort(), ['sid-one', 'sid-two'])
  })

  it('has ended everything when no provider can be composed, and says who does not know', async () => {
    await open({}, { ...composed, compose: () => Promise.reject(new Error('no keys')) })
    const { status, stdout } = await run('end', '--account', 'anna', '--all-of-account')
    assert.equal(status, 0)
    assert.match(stdout, /are ended.*could not be told of it: shop\./s)
    assert.deepEqual(await left(), { sessions: [], grants: 0, others: 2 })
  })

  it('composes no provider for those who asked for nothing', async () => {
    let composes = 0
    const counting: typeof composed.compose = (...given) => {
      composes += 1
      return composed.compose(...given)
    }
    await open({}, { ...composed, compose: counting }, { backchannel_logout_uri: undefined })
    const { stdout } = await run('end', '--account', 'anna', '--session', 'one')
    assert.doesNotMatch(stdout, /could not be told/)
    assert.equal(composes, 0)
  })

  it('refuses what it cannot mean', async () => {
    await open()
    for (const [words, said] of [
      [['end', '--account', 'anna'], /--session or --all-of-account/],
      [['end', '--account', 'anna', '--session', 'one', '--all-of-account'], /--session or --all-of-account/],
      [['end', '--account', 'anna', '--session', 'three'], /anna has no session "three"/],
      [['end', '--account', 'anna', '--session', 'hers'], /anna has no session "hers"/],
      [['end', '--session', 'one'], /required option '--account/],
      [['list', '--account', 'nobody'], /no account "nobody"/],
    ] as const) {
      const { status, stderr } = await run(...words)
      assert.equal(status, 1)
      assert.match(stderr, said)
    }
    assert.deepEqual(await left(), { sessions: ['one', 'two'], grants: 3, others: 2 })
    assert.deepEqual(await audit(), [])
  })
})
