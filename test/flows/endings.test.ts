import assert from 'node:assert/strict'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { OnAccount } from '../../src/cli/account.ts'
import { deleteAccount } from '../../src/cli/account-delete.ts'
import { resetFactors } from '../../src/cli/account-factors.ts'
import { setPassword } from '../../src/cli/account-password.ts'
import { setDisabled } from '../../src/cli/account-state.ts'
import { endSessionsOf } from '../../src/cli/sessions-end.ts'
import { listSessions } from '../../src/cli/sessions-list.ts'
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts'
import { sessionsOf } from '../../src/stores/oidc-adapter.ts'
import type { Browser } from '../support/browser.ts'
import { collectNotices } from '../support/phones.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { wrongCode } from '../support/steps.ts'
import {
  addSomebody,
  api,
  atApp,
  gatherParties,
  type Held,
  hold,
  holdLess,
  type Parties,
  type Somebody,
  seed,
  type Word,
} from './held-by-people.ts'

interface Scene {
  op: TestProvider
  person: Somebody
  held: Held
  /** Where the person looks at their security page. */
  elsewhere: Browser
  on: OnAccount
  sessionHere(): Promise<string>
}

interface Ending {
  /** `session`: nothing but what came of it; `others`: all but another one; `account`: all there is. */
  ends: 'nothing' | 'session' | 'others' | 'account'
  reason?: string
  typed?: string
  by(scene: Scene): Promise<unknown>
}

const newPassword = 'tutto nuovo, tutto mio'

/** By the form of the security page, in another browser of the person. */
const onOwnPage = async ({ op, elsewhere, sessionHere }: Scene, intent: 'end' | 'end-others') => {
  const home = await elsewhere.get(`${op.issuer}/account`)
  assert.equal(home.url.pathname, '/account', home.body.slice(0, 300))
  const id = await sessionHere()
  const action = intent === 'end' ? `/account/end?id=${id}` : '/account/end'
  assert.ok(home.body.includes(`action="${action}"`), home.body)
  const done = await elsewhere.post(`${op.issuer}${action}`, { intent })
  assert.match(done.body, /Nobody is signed in there any more/)
}

const endings: Readonly<Record<string, Ending>> = {
  'nothing that happened': { ends: 'nothing', by: async () => {} },
  'the person ending it on the security page': {
    ends: 'session',
    reason: 'by-owner',
    by: (scene) => onOwnPage(scene, 'end'),
  },
  'the person ending all others there': {
    ends: 'others',
    reason: 'by-owner',
    by: (scene) => onOwnPage(scene, 'end-others'),
  },
  'sessions end --session': {
    ends: 'session',
    reason: 'by-administrator',
    by: async ({ on, sessionHere }) =>
      endSessionsOf(on, { session: await sessionHere(), allOfAccount: false }),
  },
  'sessions end --all-of-account': {
    ends: 'account',
    reason: 'by-administrator',
    by: ({ on }) => endSessionsOf(on, { allOfAccount: true }),
  },
  'account disable': { ends: 'account', reason: 'account-disabled', by: ({ on }) => setDisabled(on) },
  'account delete': {
    ends: 'account',
    reason: 'account-removed',
    by: ({ on }) => deleteAccount(on, { yes: true }),
  },
  'account password': {
    ends: 'account',
    reason: 'password-changed',
    typed: newPassword,
    by: async ({ op, on }) => {
      await setPassword(on, newPassword)
      // By the hasher of this provider.
      const passwordHash = await op.duepassi.hasher.hash(newPassword)
      await op.duepassi.directory.changeAccount(on.account.id, { passwordHash })
    },
  },
  'account reset-factors': { ends: 'account', reason: 'factors-reset', by: ({ on }) => resetFactors(on) },
  'the lock of the second factor': {
    ends: 'account',
    reason: 'locked',
    by: async ({ op, person }) => {
      let at = await atApp(op, person)
      for (let time = 0; time < 4; time += 1)
        at = await op.submit(at, { intent: 'answer', code: wrongCode(seed, op.clock) })
      assert.equal(at.page.status, 403)
      assert.match(at.page.body, /locked/i, 'the page says what happened')
    },
  },
}

/** What goes on although the session ended: it came of no session, or lies with the API. */
const survives = (ends: Ending['ends'], name: string): boolean =>
  ends === 'nothing' || (ends === 'session' && name === 'an approval on the phone')

const stores = {
  'the embedded store': async () => ({}),
  Redis: async () => ({ redis: await redisUrl() }),
}

for (const [store, where] of Object.entries(stores))
  describe(`what ends with a session, on ${store}`, function () {
    this.timeout(60_000)
    let op: TestProvider
    let parties: Parties
    let other: Awaited<ReturnType<typeof holdLess>>
    const outbound = createGuardedFetch({ allowPrivate: (address) => address === '127.0.0.1' })
    before(async () => {
      op = await startProvider({
        ...(await where()),
        parts: { push: collectNotices().delivery, outbound },
        config: {
          push: { enabled: true },
          mail: { from: 'op@example.org' },
          policy: { trustedDevices: { kind: 'cookie' } },
          attempts: { freeFailures: 10, lockAfter: 3 },
          resources: [{ id: api, scopes: ['read'], clients: ['shop'] }],
        },
      })
      parties = await gatherParties(op)
    })
    after(async () => {
      await op.close()
      await outbound.close()
      await parties.close()
    })

    for (const [what, ending] of Object.entries(endings))
      it(`by ${what}: ${ending.ends}`, async () => {
        const person = await addSomebody(op)
        const { id } = person.account
        other = await holdLess(op, parties, await addSomebody(op))
        const own = await holdLess(op, parties, person)
        const before = (await sessionsOf(op.duepassi.store, id, op.clock)).map(({ uid }) => uid)
        const held = await hold(op, parties, person)
        parties.toMail.tokens.length = 0
        const on: OnAccount = {
          account: (await op.duepassi.directory.accountById(id)) ?? person.account,
          directory: op.duepassi.directory,
          record: async (type, facts) => {
            await op.duepassi.directory.appendAudit({
              id: `${what} ${Math.random()}`,
              at: op.clock.now(),
              type,
              ...{ accountId: null, clientId: null, factor: null, reason: null, requestId: null },
              ...facts,
            })
          },
          withStore: (task) => task(op.duepassi.store),
          tellClients: op.duepassi.tell,
          async tell() {},
        }
        const sessionHere = async () => {
          const [session, ...more] = (await sessionsOf(op.duepassi.store, id, op.clock)).filter(
            ({ uid, authorizations }) => !before.includes(uid) && 'deaf' in authorizations,
          )
          assert.ok(session && more.length === 0)
          return session.uid
        }
        const listed = JSON.parse(await listSessions(on, { json: true }))
        // Here, elsewhere, and where the phone was set up.
        assert.equal(listed.length, 3)
        assert.deepEqual(listed[0].clients, ['deaf', 'mail', 'rp', 'shop', 'tv'])

        await ending.by({ op, person, held, elsewhere: own.browser, on, sessionHere })
        await op.duepassi.endings.settled()

        const said: Record<string, Word> = {}
        for (const [name, use] of Object.entries(held.uses)) said[name] = await use(ending.typed)
        assert.deepEqual(
          said,
          Object.fromEntries(
            Object.keys(held.uses).map((name) => [name, survives(ending.ends, name) ? 'alive' : 'refused']),
          ),
        )
        const goesOn = ending.ends === 'account' ? 'refused' : 'alive'
        assert.deepEqual(
          await own.said(),
          { session: goesOn, userinfo: goesOn, refresh: goesOn },
          'another session of the person',
        )
        assert.deepEqual(
          await other.said(),
          { session: 'alive', userinfo: 'alive', refresh: 'alive' },
          'another person',
        )

        // The only survivor, and for how long.
        const { payload } = await jwtVerify(held.jwt, createRemoteJWKSet(new URL(`${op.issuer}/jwks`)), {
          audience: api,
          currentDate: new Date(0),
        })
        assert.ok((payload.exp ?? Number.POSITIVE_INFINITY) - (payload.iat ?? 0) <= 300)

        if (ending.ends === 'nothing') return assert.deepEqual(parties.toMail.tokens, [])
        const told = await parties.toMail.verified(op.issuer, 'mail')
        assert.equal(told.protectedHeader.typ, 'logout+jwt')
        assert.deepEqual(told.payload['events'], {
          'http://schemas.openid.net/event/backchannel-logout': {},
        })
        assert.equal(told.payload.sub, id)
        assert.ok(typeof held.sid === 'string')
        assert.equal(told.payload['sid'], held.sid)
        assert.equal(Object.hasOwn(told.payload, 'nonce'), false)
        assert.ok(
          op.logged.some((line) => line.includes('could not be told') && line.includes('"deaf"')),
          'who did not answer is named in the log',
        )
        const ends = (await op.audit(id)).filter(({ type }) => type === 'session.ended')
        assert.deepEqual(
          ends.map(({ reason }) => reason),
          ends.map(() => ending.reason),
        )
        assert.equal(ends.length, { account: 3, others: 2, session: 1 }[ending.ends])
      })
  })
