import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import type { Store } from '../../src/stores/store.ts'
import { Browser } from '../support/browser.ts'
import { collectNotices, numberOn, type Phone } from '../support/phones.ts'
import { mfa, startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf } from '../support/relying-party.ts'
import {
  type Application,
  addApplication,
  nextOn,
  outcomeOf,
  type Said,
  somebodyWithPhone,
} from './ciba-application.ts'

const denied = { status: 400, body: { error: 'access_denied' } }
const pending = 'authorization_pending'
const errorOf = ({ body }: Said) => body['error']

const approve = async (phone: Phone) => {
  const { status, body } = await phone.decide(await nextOn(phone))
  assert.deepEqual([status, body], [200, { outcome: 'approved' }])
}

/** All that was ever written to the store, as text. */
const spiedStore = (written: string[]) => (store: Store) =>
  new Proxy(store, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      return (...given: unknown[]) => {
        written.push(JSON.stringify([property, ...given]))
        return member.apply(target, given)
      }
    },
  })

const stores = {
  'the embedded store': async () => ({}),
  Redis: async () => ({ redis: await redisUrl() }),
}

for (const [name, on] of Object.entries(stores))
  describe(`CIBA, on ${name}`, function () {
    this.timeout(30_000)
    const { told, delivery } = collectNotices()
    const written: string[] = []
    let op: TestProvider
    let bank: Application
    before(async () => {
      op = await startProvider({
        ...(await on()),
        parts: { push: delivery, wrapStore: spiedStore(written) },
        config: { push: { enabled: true }, mail: { from: 'op@example.org' } },
      })
      bank = await addApplication(op)
    })
    after(() => op.close())

    const hintOf = ({ account }: { account: { username: string } }) => ({ login_hint: account.username })
    const eventsOf = async (accountId: string) => (await op.audit(accountId)).map(({ type }) => type)

    it('ends in tokens that say what was proven: a key, behind PIN or finger, on another channel', async () => {
      const person = await somebodyWithPhone(op)
      const { status, body } = await bank.ask({ ...hintOf(person), scope: 'openid profile' })
      assert.equal(status, 200)
      assert.match(String(body['auth_req_id']), /^[\w-]{43}$/)
      assert.equal(body['expires_in'], 60)
      const id = String(body['auth_req_id'])
      assert.equal(errorOf(await bank.redeem(id)), pending)
      await approve(person.phone)

      const at = Math.floor(op.clock.now() / 1000)
      const tokens = await bank.redeem(id)
      assert.equal(tokens.status, 200, JSON.stringify(tokens.body))
      const claims = decodeJwt(String(tokens.body['id_token']))
      assert.equal(claims.sub, person.account.id)
      assert.equal(claims['acr'], mfa)
      assert.deepEqual(claims['amr'], ['pop', 'mca', 'mfa'])
      assert.ok(Math.abs(Number(claims['auth_time']) - at) <= 2)
      assert.equal(tokens.body['scope'], 'openid profile')
      const seen = await bank.post('/token/introspection', { token: String(tokens.body['access_token']) })
      assert.deepEqual(
        [seen.body['active'], seen.body['acr'], seen.body['amr']],
        [true, mfa, ['pop', 'mca', 'mfa']],
      )
      const refreshed = await bank.refresh(tokens.body['refresh_token'])
      assert.deepEqual(decodeJwt(String(refreshed.body['id_token']))['amr'], ['pop', 'mca', 'mfa'])
      const events = await eventsOf(person.account.id)
      for (const type of ['request.sent', 'factor.accepted', 'signin.finished'])
        assert.ok(events.includes(type as never), type)

      // Once; and whoever has the tokens of one that is used twice is not to be trusted with them.
      assert.equal(errorOf(await bank.redeem(id)), 'invalid_grant')
      assert.equal(errorOf(await bank.refresh(refreshed.body['refresh_token'])), 'invalid_grant')
    })

    it('shows the application, the binding message and when; and tells the phone nothing but ids', async () => {
      const person = await somebodyWithPhone(op)
      const before = told.length
      const id = await bank.begin({ ...hintOf(person), binding_message: 'Versare 250 € a «Ünal» №7' })
      const asked = await nextOn(person.phone)
      assert.deepEqual([asked.kind, asked.digits], ['backchannel', 0])
      const { at, ...shown } = JSON.parse(asked.shown) as Record<string, unknown>
      assert.ok(Math.abs(Number(at) - op.clock.now()) < 5_000)
      assert.deepEqual(shown, {
        app: { name: 'The bank' },
        account: person.account.username,
        address: null,
        city: null,
        country: null,
        browser: null,
        system: null,
        bindingMessage: 'Versare 250 € a «Ünal» №7',
      })
      assert.equal(told.length, before + 1)
      assert.doesNotMatch(JSON.stringify(told.at(-1)), /250|Ünal|bank/)
      assert.ok(!JSON.stringify([asked, told.at(-1)]).includes(id))
    })

    it('writes no auth_req_id into the store in clear', async () => {
      const person = await somebodyWithPhone(op)
      written.length = 0
      const id = await bank.begin(hintOf(person))
      await approve(person.phone)
      assert.equal((await bank.redeem(id)).status, 200)
      assert.ok(written.length > 10)
      assert.deepEqual(
        written.filter((text) => text.includes(id)),
        [],
      )
    })

    it('gives what was asked for, and no more', async () => {
      const person = await somebodyWithPhone(op)
      const id = await bank.begin(hintOf(person))
      await approve(person.phone)
      const { body } = await bank.redeem(id)
      assert.equal(body['scope'], 'openid')
      const claims = decodeJwt(String(body['id_token']))
      assert.deepEqual([claims['email'], claims['name']], [undefined, undefined])
    })

    it('is denied when the person refuses, and what is said afterwards changes nothing', async () => {
      const person = await somebodyWithPhone(op)
      const id = await bank.begin(hintOf(person))
      const asked = await nextOn(person.phone)
      assert.deepEqual((await person.phone.decide(asked, { decision: 'deny' })).body, { outcome: 'denied' })
      assert.equal((await person.phone.decide(asked)).status, 404)
      const said = await bank.redeem(id)
      assert.deepEqual([said.status, said.body], [400, denied.body])
    })

    it('"it was not me" denies, silences, ends trust, asks for a new password and tells by mail', async () => {
      const person = await somebodyWithPhone(op)
      const { directory } = op.duepassi
      const id = await bank.begin(hintOf(person))
      const asked = await nextOn(person.phone)
      op.mails.length = 0
      assert.deepEqual((await person.phone.decide(asked, { decision: 'report' })).body, {
        outcome: 'reported',
      })
      assert.deepEqual((await bank.redeem(id)).body, denied.body)
      assert.ok((await directory.accountById(person.account.id))?.passwordDue)
      assert.ok((await eventsOf(person.account.id)).includes('request.reported'))
      assert.equal(op.mails.length > 0, true)
      // An hour of silence, for this application and for every other.
      op.clock.advance(1_800)
      const before = told.length
      const other = await addApplication(op)
      assert.deepEqual(await outcomeOf(other, await other.begin(hintOf(person))), denied)
      assert.equal(told.length, before)
      op.clock.advance(1_801)
      const later = await bank.begin(hintOf(person))
      await approve(person.phone)
      assert.equal((await bank.redeem(later)).status, 200)
    })

    it('asks nobody who cannot answer, and says no more than that it is denied', async () => {
      const { directory } = op.duepassi
      const withoutPhone = await op.enrolOther('withoutphone')
      const withNothing = { account: await op.addPerson('withnothing') }
      const locked = await somebodyWithPhone(op)
      await directory.changeAttempts(locked.account.id, 'totp', (state) => ({
        ...state,
        lockedAt: op.clock.now(),
      }))
      const waiting = await somebodyWithPhone(op)
      await directory.changeAttempts(waiting.account.id, 'push', (state) => ({
        ...state,
        waitUntil: op.clock.now() + 60_000,
      }))
      const before = told.length
      const reasons: unknown[] = []
      for (const person of [withoutPhone, withNothing, locked, waiting]) {
        const id = await bank.begin(hintOf(person))
        assert.deepEqual(await outcomeOf(bank, id), denied)
        const events = await op.audit(person.account.id)
        reasons.push(events.find(({ type }) => type === 'signin.refused')?.reason)
      }
      assert.deepEqual(reasons, ['unreachable', 'unreachable', 'locked', 'pause'])
      assert.equal(told.length, before)
    })

    it('shares its limits with sign-ins: so many in ten minutes, with growing waits', async () => {
      const person = await somebodyWithPhone(op)
      let before = told.length
      await bank.begin(hintOf(person))
      const first = await nextOn(person.phone)
      assert.deepEqual(await outcomeOf(bank, await bank.begin(hintOf(person))), denied)
      assert.equal((await nextOn(person.phone)).id, first.id, 'what is refused takes no place')
      assert.equal(told.length, before + 1)
      // The count of a sign-in is the same one.
      op.clock.advance(11)
      const at = await op.typePassword(await op.begin(), { username: person.account.username })
      assert.ok(numberOn(at.page))
      before = told.length
      op.clock.advance(11)
      assert.deepEqual(await outcomeOf(bank, await bank.begin(hintOf(person))), denied)
      assert.equal(told.length, before)
      // An approval of either clears it.
      const asked = await nextOn(person.phone)
      assert.equal(asked.kind, 'sign-in')
      assert.equal((await person.phone.decide(asked, { num: numberOn(at.page) })).status, 200)
      const id = await bank.begin(hintOf(person))
      await approve(person.phone)
      assert.equal((await bank.redeem(id)).status, 200)
    })

    it('one question at a time: a sign-in takes the place of it, and it that of a sign-in', async () => {
      const person = await somebodyWithPhone(op)
      const { username } = person.account
      const id = await bank.begin(hintOf(person))
      const asked = await nextOn(person.phone)
      op.clock.advance(11)
      const at = await op.typePassword(await op.begin(), { username })
      const ofSignIn = await nextOn(person.phone, asked)
      assert.equal(ofSignIn.kind, 'sign-in')
      assert.equal((await person.phone.decide(asked)).status, 404)
      assert.equal(errorOf(await bank.redeem(id)), pending)
      assert.equal((await person.phone.decide(ofSignIn, { num: numberOn(at.page) })).status, 200)
      assert.ok(codeOf(await at.browser.get(at.page.url)))
      op.clock.advance(60)
      assert.equal(errorOf(await bank.redeem(id)), 'expired_token')

      const again = await op.typePassword(await op.begin({}, new Browser()), { username })
      const shown = await nextOn(person.phone)
      op.clock.advance(11)
      const later = await bank.begin(hintOf(person))
      const ofBank = await nextOn(person.phone, shown)
      assert.equal(ofBank.kind, 'backchannel')
      assert.equal((await person.phone.decide(shown, { num: numberOn(again.page) })).status, 404)
      await approve(person.phone)
      assert.equal((await bank.redeem(later)).status, 200)
      assert.equal(codeOf(await again.browser.get(again.page.url)), null)
    })

    describe('between the approval and the exchange', () => {
      const changes: Record<string, (accountId: string) => Promise<unknown>> = {
        'a lock': (id) =>
          op.duepassi.directory.changeAttempts(id, 'push', (state) => ({
            ...state,
            lockedAt: op.clock.now(),
          })),
        'a disabled account': (id) => op.duepassi.directory.changeAccount(id, { disabledAt: op.clock.now() }),
        'the phone removed': async (id) => {
          const own = await op.duepassi.directory.credentials(id)
          const phones = own.filter(({ factor }) => factor === 'push')
          await op.duepassi.directory.removeCredentials(
            id,
            phones.map((one) => one.id),
          )
        },
      }
      for (const [what, change] of Object.entries(changes)) {
        it(`${what}: no token`, async () => {
          const person = await somebodyWithPhone(op)
          const id = await bank.begin(hintOf(person))
          await approve(person.phone)
          await change(person.account.id)
          assert.equal(errorOf(await bank.redeem(id)), 'invalid_grant')
        })
        it(`${what} after it: the refresh token is refused`, async () => {
          const person = await somebodyWithPhone(op)
          const id = await bank.begin(hintOf(person))
          await approve(person.phone)
          const { body } = await bank.redeem(id)
          await change(person.account.id)
          assert.equal(errorOf(await bank.refresh(body['refresh_token'])), 'invalid_grant')
        })
      }
    })

    it('asks for no recovery codes to be saved, where nobody sees a page', async () => {
      const person = await somebodyWithPhone(op, { codes: 'unsaved' })
      const own = await op.duepassi.directory.credentials(person.account.id)
      assert.deepEqual(
        own.map(({ factor }) => factor),
        ['push'],
      )
      const id = await bank.begin(hintOf(person))
      await approve(person.phone)
      assert.equal((await bank.redeem(id)).status, 200)
    })

    it('lock between the question and the approval: denied', async () => {
      const person = await somebodyWithPhone(op)
      const id = await bank.begin(hintOf(person))
      const asked = await nextOn(person.phone)
      await op.duepassi.directory.changeAttempts(person.account.id, 'totp', (state) => ({
        ...state,
        lockedAt: op.clock.now(),
      }))
      assert.equal((await person.phone.decide(asked)).status, 423)
      assert.deepEqual((await bank.redeem(id)).body, denied.body)
    })

    it('an approval without PIN or finger, and one of another phone, deny; nonsense does not', async () => {
      const person = await somebodyWithPhone(op)
      const stranger = await somebodyWithPhone(op)
      const id = await bank.begin(hintOf(person))
      const asked = await nextOn(person.phone)
      const nonsense = await person.phone.call('POST', `requests/${asked.id}/decision`, { jws: 'a.b.c' })
      assert.equal(nonsense.status, 422)
      assert.equal((await stranger.phone.decide(asked)).status, 404)
      assert.equal(errorOf(await bank.redeem(id)), pending)
      assert.equal((await person.phone.decide(asked, { userVerified: false })).status, 422)
      assert.deepEqual((await bank.redeem(id)).body, denied.body)
      op.clock.advance(60)
      const later = await bank.begin(hintOf(person))
      const again = await nextOn(person.phone)
      assert.equal((await person.phone.decide(again, { signer: stranger.phone.soft })).status, 422)
      assert.deepEqual((await bank.redeem(later)).body, denied.body)
    })

    it('lives as long as was asked for, five minutes at most, on the phone as at the application', async () => {
      const person = await somebodyWithPhone(op)
      const { body } = await bank.ask({ ...hintOf(person), requested_expiry: '200' })
      assert.equal(body['expires_in'], 200)
      const asked = await nextOn(person.phone)
      const left = asked.expiresAt - op.clock.now()
      assert.ok(left > 190_000 && left <= 200_000, String(left))
      op.clock.advance(190)
      await approve(person.phone)
      assert.equal((await bank.redeem(String(body['auth_req_id']))).status, 200)

      const short = await bank.ask({ ...hintOf(person), requested_expiry: '20' })
      const onPhone = await nextOn(person.phone)
      op.clock.advance(21)
      assert.equal((await person.phone.decide(onPhone)).status, 404)
      assert.equal(errorOf(await bank.redeem(String(short.body['auth_req_id']))), 'expired_token')

      const long = await bank.ask({ ...hintOf(person), requested_expiry: '100000' })
      assert.equal(long.body['expires_in'], 300)
      for (const requested_expiry of ['0', '-5', '1.5', 'soon'])
        assert.equal(errorOf(await bank.ask({ ...hintOf(person), requested_expiry })), 'invalid_request')
    })

    it('an approval that is fetched too late is expired, and stays so', async () => {
      const person = await somebodyWithPhone(op)
      const id = await bank.begin(hintOf(person))
      await approve(person.phone)
      op.clock.advance(61)
      assert.equal(errorOf(await bank.redeem(id)), 'expired_token')
    })

    it('belongs to the application that asked', async () => {
      const person = await somebodyWithPhone(op)
      const thief = await addApplication(op)
      const id = await bank.begin(hintOf(person))
      assert.equal(errorOf(await thief.redeem(id)), 'invalid_grant')
      await approve(person.phone)
      assert.equal(errorOf(await thief.redeem(id)), 'invalid_grant')
      assert.equal((await bank.redeem(id)).status, 200)
      assert.equal(
        errorOf(await bank.redeem(`${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`)),
        'invalid_grant',
      )
    })
  })
