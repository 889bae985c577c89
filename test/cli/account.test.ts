import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type SignIn, unproven } from '../../src/challenge/machine.ts'
import { createSignIns } from '../../src/challenge/sign-ins.ts'
import { systemClock } from '../../src/clock.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import { createHasher } from '../../src/passwords/hashing.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { embeddedStore } from '../../src/stores/embedded/embedded-store.ts'
import { grantsOf, sessionsOf, storeAdapter } from '../../src/stores/oidc-adapter.ts'
import type { Store } from '../../src/stores/store.ts'
import { openTerminal, type Terminal } from './terminal.ts'

const password = 'correct horse battery'

/** At the page on which somebody chooses what to set up. */
const signInOf = (accountId: string): SignIn => ({
  purpose: 'sign-in',
  accountId,
  clientId: 'shop',
  primary: { amr: ['pwd'], at: 1 },
  rules: noRules,
  ...unproven,
  stage: { name: 'choosing', replaces: [] },
})

describe('duepassi account', () => {
  let terminal: Terminal
  beforeEach(() => {
    terminal = openTerminal()
  })
  afterEach(() => terminal.close())

  const create = async (...more: string[]): Promise<string> => {
    const { status, stdout, stderr } = await terminal.run(
      ['account', 'create', 'anna', '--password-stdin', ...more],
      { stdin: `${password}\n` },
    )
    assert.equal(status, 0, stderr)
    return stdout.trim()
  }
  const auditOf = (id: string) =>
    terminal.look(async (directory) =>
      (await directory.audit(id, 20))
        .map(({ type, factor }) => (factor ? `${type} ${factor}` : type))
        .reverse(),
    )
  const addTotp = (accountId: string) =>
    terminal.look(async (directory) => {
      await directory.addCredential({
        id: 'c1',
        accountId,
        factor: 'totp',
        label: 'iPhone di Anna',
        handle: null,
        secret: 'HUNTERTWO',
        counter: 0,
        createdAt: 1,
        lastUsedAt: null,
      })
      await directory.spend('c1', 0, 5, Date.UTC(2026, 0, 2, 3, 4, 5))
    })

  it('creates an account whose password works, prints its id, and audits it', async () => {
    const id = await create('--email', 'anna@example.org', '--name', 'Anna Bianchi', '--locale', 'it')
    const account = await terminal.look((directory) => directory.accountByName('ANNA@example.org'))
    assert.equal(account?.id, id)
    assert.equal(account?.name, 'Anna Bianchi')
    assert.equal(account?.locale, 'it')
    const hasher = createHasher({ concurrency: 1, queue: 1, random: randomBytes })
    assert.equal(await hasher.verify(account?.passwordHash, password), true)
    assert.equal(await hasher.verify(account?.passwordHash, `${password}\n`), false)
    assert.deepEqual(await auditOf(id), ['account.created'])
  })

  it('asks for the password twice, without showing it', async () => {
    const { status, stdout, stderr } = await terminal.run(['account', 'create', 'anna'], {
      typed: [password, password],
    })
    assert.equal(status, 0, stderr)
    assert.match(stderr, /Password: \s+Once more: /)
    assert.doesNotMatch(stdout + stderr, /correct horse/)
    const account = await terminal.look((directory) => directory.accountByName('anna'))
    assert.equal(account?.email, null)
    assert.equal(
      await createHasher({ concurrency: 1, queue: 1, random: randomBytes }).verify(
        account?.passwordHash,
        password,
      ),
      true,
    )
  })

  it('refuses passwords that differ, or a prompt that was left', async () => {
    const differ = await terminal.run(['account', 'create', 'anna'], { typed: [password, `${password}!`] })
    assert.equal(differ.status, 1)
    assert.match(differ.stderr, /differ/)
    const left = await terminal.run(['account', 'create', 'anna'], { typed: [] })
    assert.equal(left.status, 1)
    assert.match(left.stderr, /nothing was changed/)
    assert.equal(await terminal.look((directory) => directory.accountByName('anna')), undefined)
  })

  it('counts characters, not bytes or key strokes, against the configured lengths', async () => {
    const of = async (text: string) =>
      (await terminal.run(['account', 'create', 'anna', '--password-stdin'], { stdin: text })).stderr
    assert.match(await of('1234567'), /too short.*at least 8/)
    assert.match(await of('😀'.repeat(7)), /too short/)
    assert.match(await of('e\u0301'.repeat(7)), /too short/)
    assert.match(await of('x'.repeat(129)), /too long.*at most 128/)
    assert.match(await of('x'.repeat(70_000)), /too long/)
    assert.equal(await of('😀'.repeat(128)), '')
  })

  it('needs a terminal or --password-stdin, and takes no password as an argument', async () => {
    assert.match((await terminal.run(['account', 'create', 'anna'])).stderr, /--password-stdin/)
    assert.equal((await terminal.run(['account', 'create', 'anna', '--password', password])).status, 1)
  })

  it('refuses a name that is taken in another spelling, and names that are none', async () => {
    await create('--email', 'anna@example.org')
    for (const name of ['ANNA', ' an na', 'Anna@Example.org']) {
      const { status, stderr } = await terminal.run(['account', 'create', name, '--password-stdin'], {
        stdin: password,
      })
      assert.equal(status, 1)
      assert.match(stderr, /belongs to an account already/)
    }
    for (const argv of [
      [' '],
      ['bob', '--email', 'nowhere'],
      ['bob', '--name', ' '],
      ['bob', '--locale', 'not a tag'],
    ]) {
      assert.equal(
        (await terminal.run(['account', 'create', '--password-stdin', ...argv], { stdin: password })).status,
        1,
        argv.join(' '),
      )
    }
  })

  it('shows state, factors with their times, lock and failures, but no secret', async () => {
    const id = await create('--email', 'anna@example.org')
    await addTotp(id)
    await terminal.look((directory) =>
      directory.changeAttempts(id, 'totp', () => ({
        failures: 11,
        waitUntil: 0,
        lockedAt: Date.UTC(2026, 0, 1),
      })),
    )
    const { status, stdout } = await terminal.run(['account', 'show', 'Anna'])
    assert.equal(status, 0)
    for (const part of [
      id,
      'anna@example.org',
      'enabled',
      'totp "iPhone di Anna", added 1970-01-01 00:00:00 UTC, last used 2026-01-02 03:04:05 UTC',
      'locked since 2026-01-01',
      'totp: 11 in a row',
    ]) {
      assert.ok(stdout.includes(part), `${part} in\n${stdout}`)
    }
    assert.doesNotMatch(stdout, /HUNTERTWO|argon2/)
    const { after } = await terminal.look((directory) =>
      directory.changeAttempts(id, 'totp', (state) => state),
    )
    assert.equal(after.failures, 11)
  })

  it('shows that a new password is asked for, and that a phone is left in peace', async () => {
    const id = await create()
    const quiet = (await terminal.run(['account', 'show', 'anna'])).stdout
    assert.doesNotMatch(quiet, /new one is asked for|silent/)
    await terminal.look(async (directory) => {
      await directory.changeAccount(id, { passwordDue: Date.UTC(2026, 0, 2) })
      await directory.changeAttempts(id, 'push', (state) => ({ ...state, waitUntil: Date.UTC(2090, 0, 1) }))
    })
    const { stdout } = await terminal.run(['account', 'show', 'anna'])
    assert.match(stdout, /^password +a new one is asked for since 2026-01-02 00:00:00 UTC$/m)
    assert.match(stdout, /^wrong codes +push: silent until 2090-01-01 00:00:00 UTC$/m)
  })

  it('shows the label that a person chose, but nothing in it that steers the terminal', async () => {
    const id = await create()
    await addTotp(id)
    await terminal.look((directory) =>
      directory.changeCredential(id, 'c1', { label: 'é📱\u001b[2J\u009b1A\nstate disabled' }),
    )
    const { stdout } = await terminal.run(['account', 'show', 'anna'])
    assert.ok(stdout.includes('totp "é📱�[2J�1A�state disabled", added'), stdout)
  })

  it('unlocks', async () => {
    const id = await create()
    await addTotp(id)
    await terminal.look((directory) =>
      directory.changeAttempts(id, 'totp', () => ({ failures: 11, waitUntil: 9, lockedAt: 5 })),
    )
    const { status, stdout } = await terminal.run(['account', 'unlock', 'anna'])
    assert.equal(status, 0)
    assert.match(stdout, /unlocked/)
    assert.equal((await terminal.look((directory) => directory.standing(id))).lockedAt, null)
    assert.deepEqual((await terminal.look((directory) => directory.standing(id))).factors, ['totp'])
    assert.deepEqual(await auditOf(id), ['account.created', 'factor.unlocked'])
    assert.match((await terminal.run(['account', 'unlock', id])).stdout, /was not locked/)
  })

  for (const command of ['reset-factors', 'disable'] as const)
    it(`ends sign-ins under way by \`${command}\`, of this account alone, and twice if need be`, async () => {
      terminal.close()
      terminal = openTerminal({}, await import('../../src/compose.ts'))
      const id = await create()
      const store = embeddedStore({ file: join(terminal.folder, 'sessions.db'), clock: systemClock })
      // Whoever ends them needs no key.
      const sealer = createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }])
      const signIns = createSignIns({ store, sealer, seconds: 900 })
      for (const uid of ['one', 'two']) await signIns.begin(uid, signInOf(id))
      await signIns.begin('other', signInOf('somebody-else'))
      assert.equal((await terminal.run(['account', command, 'anna'])).status, 0)
      for (const uid of ['one', 'two']) assert.equal(await signIns.find(uid), undefined, uid)
      assert.ok(await signIns.find('other'))
      await signIns.begin('three', signInOf(id))
      assert.equal((await terminal.run(['account', command, 'anna'])).status, 0)
      assert.equal(await signIns.find('three'), undefined)
      await store.close()
    })

  it('resets factors: credentials, attempts, lock and sessions are gone', async () => {
    terminal.close()
    terminal = openTerminal({}, await import('../../src/compose.ts'))
    const id = await create()
    await addTotp(id)
    const sessions = async <T>(task: (store: Store) => Promise<T>) => {
      const store = embeddedStore({ file: join(terminal.folder, 'sessions.db'), clock: systemClock })
      return task(store).finally(() => store.close())
    }
    await sessions(async (store) => {
      const exp = Math.floor(Date.now() / 1000) + 3600
      const session = { accountId: id, uid: 'uid', loginTs: 1, exp }
      await storeAdapter({ store, clock: systemClock })('Session').upsert('session', session, 3600)
    })
    await terminal.look((directory) =>
      directory.changeAttempts(id, 'totp', () => ({ failures: 11, waitUntil: 9, lockedAt: 5 })),
    )
    const { status, stdout } = await terminal.run(['account', 'reset-factors', 'anna'])
    assert.equal(status, 0)
    assert.match(stdout, /One credential/)
    assert.deepEqual(await terminal.look((directory) => directory.standing(id)), {
      factors: [],
      lockedAt: null,
      minimum: null,
      marks: [],
    })
    assert.deepEqual(await auditOf(id), [
      'account.created',
      'factor.removed totp',
      'factor.unlocked',
      'session.ended',
    ])
    assert.deepEqual(await sessions((store) => sessionsOf(store, id)), [])
  })

  describe('disable', () => {
    const withStore = (
      task: (store: Store) => Promise<void>,
      file = join(terminal.folder, 'sessions.db'),
    ) => {
      const store = embeddedStore({ file, clock: systemClock })
      return task(store).finally(() => store.close())
    }

    it('refuses from now on, and ends sessions and grants of this account alone', async () => {
      terminal.close()
      terminal = openTerminal({}, await import('../../src/compose.ts'))
      const id = await create()
      await withStore(async (store) => {
        const adapter = storeAdapter({ store, clock: systemClock })
        const exp = Math.floor(Date.now() / 1000) + 3600
        for (const accountId of [id, 'other']) {
          await adapter('Grant').upsert(`grant-${accountId}`, { accountId, clientId: 'shop', exp }, 3600)
          await adapter('Session').upsert(
            `session-${accountId}`,
            { accountId, uid: `uid-${accountId}`, loginTs: 1, exp },
            3600,
          )
        }
        assert.equal((await sessionsOf(store, id)).length, 1)
        assert.equal((await grantsOf(store, id)).length, 1)
      })
      const { status, stdout, stderr } = await terminal.run(['account', 'disable', 'anna'])
      assert.equal(status, 0, stderr)
      assert.match(stdout, /disabled/)
      assert.ok((await terminal.look((directory) => directory.accountById(id)))?.disabledAt)
      await withStore(async (store) => {
        assert.deepEqual([await sessionsOf(store, id), await grantsOf(store, id)], [[], []])
        assert.equal((await sessionsOf(store, 'other')).length, 1)
        assert.equal((await grantsOf(store, 'other')).length, 1)
      })
      assert.deepEqual(await auditOf(id), ['account.created', 'account.disabled', 'session.ended'])
      assert.match((await terminal.run(['account', 'show', 'anna'])).stdout, /disabled since/)
    })

    it('is durable even when the store does not answer, and says what is left to do', async () => {
      terminal.close()
      terminal = openTerminal({ redis: { url: 'redis://127.0.0.1:1' } }, await import('../../src/compose.ts'))
      const id = await create()
      const { status, stderr } = await terminal.run(['account', 'disable', 'anna'])
      assert.equal(status, 1)
      assert.match(stderr, /is disabled and gets no more tokens, but its sessions could not be ended/)
      assert.ok((await terminal.look((directory) => directory.accountById(id)))?.disabledAt)
      assert.deepEqual(await auditOf(id), ['account.created', 'account.disabled'])
    })
  })

  it('enables', async () => {
    const id = await create()
    await terminal.look((directory) => directory.changeAccount(id, { disabledAt: 5 }))
    assert.match((await terminal.run(['account', 'enable', 'anna'])).stdout, /is enabled/)
    assert.equal((await terminal.look((directory) => directory.accountById(id)))?.disabledAt, null)
    assert.match((await terminal.run(['account', 'enable', 'anna'])).stdout, /was not disabled/)
    assert.deepEqual(await auditOf(id), ['account.created', 'account.enabled'])
  })

  describe('groups', () => {
    const groups = (...options: string[]) => terminal.run(['account', 'groups', 'anna', ...options])
    const stored = () => terminal.look(async (directory) => (await directory.accountByName('anna'))?.groups)

    it('are given at creation, and shown', async () => {
      await create('--group', 'staff', '--group', 'admins', '--group', 'staff')
      assert.deepEqual(await stored(), ['admins', 'staff'])
      assert.match((await terminal.run(['account', 'show', 'anna'])).stdout, /^groups +admins, staff$/m)
      assert.equal((await groups()).stdout, 'admins\nstaff\n')
    })

    it('are added and removed, and listed without changing', async () => {
      const id = await create()
      assert.deepEqual(await stored(), [])
      assert.match((await terminal.run(['account', 'show', 'anna'])).stdout, /^groups +none$/m)
      assert.equal((await groups()).stdout, 'anna is in no group.\n')
      const added = await groups('--add', 'x.y_z-1', '--add', 'admins', '--add', 'admins')
      assert.deepEqual([added.status, added.stdout], [0, 'admins\nx.y_z-1\n'])
      const swapped = await groups('--add', 'Staff', '--remove', 'admins', '--remove', 'nowhere')
      assert.equal(swapped.stdout, 'Staff\nx.y_z-1\n')
      assert.deepEqual(await stored(), ['Staff', 'x.y_z-1'])
      assert.equal((await groups()).stdout, 'Staff\nx.y_z-1\n')
      await groups('--remove', 'Staff', '--remove', 'x.y_z-1')
      assert.deepEqual(await stored(), [])
      assert.deepEqual(await auditOf(id), ['account.created'])
    })

    it('have names of 1 to 40 letters, digits, `-`, `_` and `.`, or are refused in one line', async () => {
      const refused = ['', ' ', 'two words', 'a,b', 'città', 'line\n', '\nline', 'x'.repeat(41), '["a"]']
      for (const name of refused) {
        const { status, stderr } = await terminal.run(
          ['account', 'create', 'anna', '--password-stdin', '--group', name],
          { stdin: password },
        )
        assert.equal(status, 1, name)
        assert.match(stderr, /^A group is called by 1 to 40 [^\n]+\n$/)
      }
      assert.equal(await terminal.look((directory) => directory.accountByName('anna')), undefined)
      await create('--group', 'x'.repeat(40))
      for (const option of ['--add', '--remove']) {
        for (const name of refused) {
          const { status, stderr } = await groups('--add', 'fine', option, name)
          assert.equal(status, 1, name)
          assert.match(stderr, /^A group is called by 1 to 40 [^\n]+\n$/)
        }
      }
      assert.deepEqual(await stored(), ['x'.repeat(40)])
    })

    it('cannot be added and removed at once', async () => {
      await create('--group', 'staff')
      const { status, stderr } = await groups('--add', 'admins', '--remove', 'admins')
      assert.equal(status, 1)
      assert.match(stderr, /admins cannot be both/)
      assert.deepEqual(await stored(), ['staff'])
    })
  })

  it('says when there is no such account', async () => {
    for (const action of ['show', 'unlock', 'disable', 'enable', 'reset-factors', 'groups']) {
      const { status, stderr } = await terminal.run(['account', action, 'nobody'])
      assert.equal(status, 1)
      assert.match(stderr, /no account "nobody"/)
    }
  })
})
