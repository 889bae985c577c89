import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import * as composed from '../../src/compose.ts'
import type { Mail } from '../../src/delivery/delivery.ts'
import { createHasher } from '../../src/passwords/hashing.ts'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { grantsOf, sessionsOf, storeAdapter } from '../../src/stores/oidc-adapter.ts'
import type { Store } from '../../src/stores/store.ts'
import { openWithAnna } from './account-on-file.ts'
import { openTerminal } from './terminal.ts'

const fresh = 'a wholly new password'

describe('duepassi account password', () => {
  let terminal: Awaited<ReturnType<typeof openWithAnna>>
  afterEach(() => terminal.close())
  const stored = () =>
    terminal.within(async (directory) => (await directory.accountById('anna-1'))?.passwordHash)
  const isNow = async (password: string) =>
    createHasher({ concurrency: 1, queue: 1, random: randomBytes }).verify(await stored(), password)
  const withStore = async <T>(task: (store: Store) => Promise<T>): Promise<T> => {
    const store = embeddedStore({ file: join(terminal.folder, 'sessions.db'), clock: systemClock })
    return task(store).finally(() => store.close())
  }
  const auditOf = () =>
    terminal.within(async (directory) =>
      (await directory.audit('anna-1', 20)).map(({ type, reason }) => `${type} ${reason}`),
    )
  const send = (password: string, name = 'anna') =>
    terminal.run(['account', 'password', name, '--password-stdin'], { stdin: password })

  it('sets it, and ends trust, sign-ins under way, sessions and grants of this account alone', async () => {
    terminal = await openWithAnna(
      { policy: { trustedDevices: { kind: 'cookie' } } },
      { factors: ['totp'], browsers: [{ trusted: true }] },
    )
    await withStore(async (store) => {
      const adapter = storeAdapter({ store, clock: systemClock })
      const exp = Math.floor(Date.now() / 1000) + 3600
      for (const accountId of ['anna-1', 'other']) {
        const session = { accountId, uid: `uid-${accountId}`, loginTs: 1, exp }
        await adapter('Grant').upsert(`grant-${accountId}`, { accountId, clientId: 'shop', exp }, 3600)
        await adapter('Session').upsert(`session-${accountId}`, session, 3600)
        // As challenge/sign-ins.ts writes them.
        await store.put(`si:${accountId}`, 'sealed', 900)
        await store.include(`sa:${accountId}`, accountId, 900)
      }
    })
    const { status, stdout, stderr } = await send(`${fresh}\n`)
    assert.equal(status, 0, stderr)
    assert.match(stdout, /password of anna is changed/)
    assert.doesNotMatch(stdout + stderr, new RegExp(fresh))
    assert.equal(await isNow(fresh), true)
    await withStore(async (store) => {
      assert.deepEqual([await sessionsOf(store, 'anna-1'), await grantsOf(store, 'anna-1')], [[], []])
      assert.equal(await store.get('si:anna-1'), undefined)
      assert.equal((await sessionsOf(store, 'other')).length, 1)
      assert.equal((await grantsOf(store, 'other')).length, 1)
      assert.equal(await store.get('si:other'), 'sealed')
    })
    const devices = await terminal.within((directory) => directory.devices('anna-1'))
    assert.deepEqual(
      devices.map(({ trust }) => trust),
      [null],
    )
    assert.deepEqual(await auditOf(), ['session.ended password-changed', 'password.changed administrator'])
    const { factors } = await terminal.within((directory) => directory.standing('anna-1'))
    assert.deepEqual(factors, ['totp'], 'factors stay')
  })

  it('asks twice at the terminal, without showing it', async () => {
    terminal = await openWithAnna()
    const { status, stderr } = await terminal.run(['account', 'password', 'anna'], { typed: [fresh, fresh] })
    assert.equal(status, 0, stderr)
    assert.doesNotMatch(stderr, new RegExp(fresh))
    assert.equal(await isNow(fresh), true)
  })

  it('changes nothing for a password that is too short, typed differently, or sent nowhere', async () => {
    terminal = await openWithAnna({}, { browsers: [{ trusted: true }] })
    assert.match((await send('short')).stderr, /too short.*at least 8/)
    const differ = await terminal.run(['account', 'password', 'anna'], { typed: [fresh, `${fresh}!`] })
    assert.match(differ.stderr, /differ; nothing was changed/)
    assert.match((await terminal.run(['account', 'password', 'anna'])).stderr, /--password-stdin/)
    assert.equal(await stored(), 'none')
    assert.deepEqual(await auditOf(), [])
    const [device] = await terminal.within((directory) => directory.devices('anna-1'))
    assert.ok(device?.trust)
  })

  describe('--ask-at-next-sign-in', () => {
    const ask = (...more: string[]) =>
      terminal.run(['account', 'password', 'anna', '--ask-at-next-sign-in', ...more])
    const due = () =>
      terminal.within(async (directory) => (await directory.accountById('anna-1'))?.passwordDue)

    it('has a new one asked for, ends nothing, and says so', async () => {
      terminal = await openWithAnna({}, { browsers: [{ trusted: true }] })
      await withStore((store) => store.put('si:anna-1', 'sealed', 900))
      await withStore((store) => store.include('sa:anna-1', 'anna-1', 900))
      const before = Date.now()
      const { status, stdout, stderr } = await ask()
      assert.equal(status, 0, stderr)
      assert.match(stdout, /anna has to choose a new password at the next sign-in; nothing is ended/)
      const at = (await due()) ?? 0
      assert.ok(at >= before && at <= Date.now())
      assert.equal(await stored(), 'none')
      assert.deepEqual(await auditOf(), ['password.expired administrator'])
      const [device] = await terminal.within((directory) => directory.devices('anna-1'))
      assert.ok(device?.trust)
      assert.equal(await withStore((store) => store.get('si:anna-1')), 'sealed')
    })

    it('is over once an administrator sets one', async () => {
      terminal = await openWithAnna()
      await ask()
      assert.equal((await send(fresh)).status, 0)
      assert.equal(await due(), null)
      assert.equal(await isNow(fresh), true)
    })

    it('does not go with a password, and is in the help', async () => {
      terminal = await openWithAnna()
      const { status, stderr } = await ask('--password-stdin')
      assert.equal(status, 1)
      assert.match(stderr, /--password-stdin or --ask-at-next-sign-in, not both/)
      assert.equal(await due(), null)
      assert.match((await terminal.run(['account', 'password', '--help'])).stdout, /--ask-at-next-sign-in/)
    })
  })

  it('says when there is no such account, before anybody types', async () => {
    terminal = await openWithAnna()
    const { status, stderr } = await terminal.run(['account', 'password', 'nobody'], { typed: [] })
    assert.equal(status, 1)
    assert.match(stderr, /no account "nobody"/)
    assert.doesNotMatch(stderr, /Password:/)
  })

  it('holds, and ends the trust, even when the store does not answer, and says what is left to do', async () => {
    terminal = await openWithAnna(
      { redis: { url: 'redis://127.0.0.1:1' } },
      { browsers: [{ trusted: true }] },
    )
    const { status, stderr } = await send(fresh)
    assert.equal(status, 1)
    assert.match(stderr, /password of anna is changed, but its sessions could not be ended/)
    assert.equal(await isNow(fresh), true)
    const [device] = await terminal.within((directory) => directory.devices('anna-1'))
    assert.equal(device?.trust, null)
    assert.deepEqual(await auditOf(), ['password.changed administrator'])
  })

  it('tells the person by mail', async () => {
    const mails: Mail[] = []
    const mail = { send: async (sent: Mail) => void mails.push(sent), close: async () => {} }
    terminal = await openWithAnna()
    const told = openTerminal({}, { ...composed, openMail: async () => mail })
    try {
      const create = ['account', 'create', 'bruno', '--email', 'bruno@example.org', '--locale', 'it']
      await told.run([...create, '--password-stdin'], { stdin: 'correct horse battery' })
      const { status } = await told.run(['account', 'password', 'bruno', '--password-stdin'], {
        stdin: fresh,
      })
      assert.equal(status, 0)
    } finally {
      told.close()
    }
    assert.equal(mails[0]?.to.address, 'bruno@example.org')
    assert.match(mails[0]?.subject ?? '', /la password del tuo account è stata cambiata/)
    assert.doesNotMatch(mails[0]?.text ?? '', new RegExp(fresh))
  })
})
