import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { forgetDevices } from '../../src/cli/account-devices.ts'
import type { Account } from '../../src/directory/directory.ts'
import { Browser } from '../support/browser.ts'
import {
  type Enrolled,
  mfa,
  type SignedIn,
  sfa,
  startProvider,
  type TestProvider,
} from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { wrongCode } from '../support/steps.ts'
import {
  browserWith,
  deviceCookie,
  deviceCookies,
  enter,
  isAsked,
  isLetIn,
  isNotRefreshed,
  later,
  provenIn,
  refreshed,
  trust,
  trustedDeviceOf,
} from './trusted-browsers.ts'

const byPassword = { acr: sfa, amr: ['pwd'] }
const byBoth = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }
const cookies = { trustedDevices: { kind: 'cookie' as const, days: 1 } }
const lasting = { session: 604_800, sessionIdle: 604_800 }

/** Somebody whose browser is trusted. */
interface Trusting extends Enrolled {
  account: Account
  username: string
}

let people = 0
const someone = async (op: TestProvider, groups: string[] = []): Promise<Trusting> => {
  people += 1
  const username = `trusting-${people}`
  const enrolled = await op.enrolOther(username)
  if (groups.length > 0) await op.duepassi.directory.changeAccount(enrolled.account.id, { groups })
  const { browser } = await trust(op, enrolled.secret, { username })
  return { ...enrolled, browser, username }
}

/** Signed in again, by the password and the browser. */
const byDevice = async (op: TestProvider, { browser, username }: Trusting): Promise<SignedIn> => {
  const entered = await enter(op, later(browser), { username })
  isLetIn(entered)
  return op.redeem(entered)
}

const eventsOf = async (op: TestProvider, { account }: Trusting): Promise<string[]> =>
  (await op.audit(account.id)).map(({ type }) => type).reverse()

/** Nothing that rests on the trust counts any more: the next sign-in, the session, its refresh token. */
const isOver = async (op: TestProvider, person: Trusting, resting: SignedIn, what: string) => {
  const none = await op.begin({ prompt: 'none' }, resting.browser.copy())
  assert.equal(errorOf(none.page), 'interaction_required', `${what}: the session under prompt=none`)
  assert.equal(codeOf((await op.begin({}, resting.browser.copy())).page), null, `${what}: the session`)
  await isNotRefreshed(resting, op.rp, `${what}: the refresh token`)
  const next = await enter(op, later(resting.browser), person)
  assert.equal(codeOf(next.page), null, `${what}: the next sign-in`)
  assert.match(next.page.url.pathname, /\/second-factor$/, what)
}

describe('a trusted device, by its cookie', () => {
  let op: TestProvider
  before(async () => {
    op = await startProvider({ config: { policy: cookies, lifetimes: lasting } })
  })
  after(() => op.close())

  it('lets its person in by the password, and every token says so', async () => {
    const person = await someone(op)
    const resting = await byDevice(op, person)
    assert.deepEqual(await provenIn(op, resting), byPassword)
    assert.deepEqual(await refreshed(resting, op.rp), byPassword)
    const again = await op.begin({}, resting.browser)
    isLetIn(again, 'the session')
    assert.deepEqual(await provenIn(op, await op.redeem(again)), byPassword)
    assert.deepEqual((await eventsOf(op, person)).slice(-6), [
      'factor.accepted',
      'signin.finished',
      'device.added',
      'device.trusted',
      'password.accepted',
      'signin.finished',
    ])
    const [finished] = await op.audit(person.account.id)
    assert.deepEqual([finished?.type, finished?.factor], ['signin.finished', 'trusted-device'])
  })
  it('is none without the wish, nor with another word for it', async () => {
    const { secret, account } = await op.enrolOther('without-a-wish')
    for (const fields of [{ trust: '' }, { trust: 'off' }, { trust: 'true' }, { trust: 'ON' }]) {
      const { browser } = await trust(op, secret, { username: account.username, fields })
      assert.equal(deviceCookies(browser).length, 1, 'known it is')
      isAsked(await enter(op, later(browser), account), JSON.stringify(fields))
    }
    assert.ok(!(await op.audit(account.id)).some(({ type }) => type === 'device.trusted'))
  })
  it('is none by a wrong code, nor by a wish that is sent with anything but an answer', async () => {
    const { secret, account } = await op.enrolOther('too-early')
    const asked = await enter(op, new Browser(), account)
    isAsked(await op.submit(asked, { intent: 'answer', code: wrongCode(secret, op.clock), trust: 'on' }))
    await op.submit(asked, { intent: 'switch', factor: 'totp', trust: 'on' })
    const { browser } = await op.redeem(
      await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) }),
    )
    isAsked(await enter(op, later(browser), account))
  })
  it('is none by a recovery code, whatever is sent with it', async () => {
    const { account, codes, secret } = await op.enrolOther('recovering')
    const asked = await enter(op, new Browser(), account)
    const switched = await op.submit(asked, { intent: 'switch', factor: 'recovery-code', trust: 'on' })
    const fields = { intent: 'answer', code: codes[0] as string, trust: 'on' }
    const recovered = await op.submit(switched, fields)
    assert.match(recovered.page.body, /value="continue"/)
    const { browser } = await op.redeem(await op.submit(recovered, { intent: 'continue', trust: 'on' }))
    isAsked(await enter(op, later(browser), account))
    // Nor later in the same session, which rests on it still.
    const stepping = await op.begin({ prompt: 'second_factor' }, browser)
    isAsked(stepping)
    const answer = { intent: 'answer', code: op.nextCode(secret), trust: 'on' }
    await op.redeem(await op.submit(stepping, answer))
    isAsked(await enter(op, later(browser), account))
  })

  describe('its secret', () => {
    it('is another after each use, in a cookie that scripts and other sites do not get', async () => {
      const person = await someone(op)
      const secrets = new Set([deviceCookie(person.browser).value])
      let { browser } = person
      const { id } = await trustedDeviceOf(op, person.account.id)
      for (let use = 1; use <= 3; use++) {
        op.clock.advance(100)
        const login = await op.begin({}, later(browser))
        const answer = await login.browser.once(login.page.url, {
          method: 'POST',
          headers: {
            'sec-fetch-site': 'same-origin',
            'content-type': 'application/x-www-form-urlencoded',
          },
          body: new URLSearchParams({
            intent: 'sign-in',
            username: person.username,
            password: 'due passi avanti',
          }).toString(),
        })
        const set = answer.headers.getSetCookie().filter((line) => line.includes('device-'))
        assert.equal(set.length, 1)
        assert.match(set[0] as string, /^duepassi-device-[\w-]{16}=[\w-]{22}\.[\w-]{43}; Path=\/; /)
        for (const attribute of [/; HttpOnly/i, /; SameSite=Lax/i, /; Max-Age=15552000/])
          assert.match(set[0] as string, attribute)
        assert.doesNotMatch(set[0] as string, /; Domain=/i)
        browser = login.browser
        const { value } = deviceCookie(browser)
        assert.equal(value.split('.')[0], id, 'it stays the same device')
        secrets.add(value)
      }
      assert.equal(secrets.size, 4)
    })
    it('that is shown again after a minute was copied: the device is gone, and the person is told', async () => {
      const person = await someone(op)
      const old = later(person.browser)
      const resting = await byDevice(op, person)
      op.clock.advance(61)
      isAsked(await enter(op, old, person))
      assert.ok((await eventsOf(op, person)).includes('device.copied'))
      const told = op.mails.filter(({ to }) => to.address === person.account.email)
      assert.ok(
        told.some(({ subject, text }) => /cop(y|ied)|twice|two places/i.test(subject + text)),
        told.map(({ subject }) => subject).join('\n'),
      )
      await isOver(op, person, resting, 'a copy was seen')
    })
    it('that is shown again at once was under way: the second factor is asked, and nothing is gone', async () => {
      const person = await someone(op)
      const old = later(person.browser)
      const resting = await byDevice(op, person)
      op.clock.advance(50)
      isAsked(await enter(op, old.copy(), person))
      assert.ok(!(await eventsOf(op, person)).includes('device.copied'))
      isLetIn(await enter(op, later(resting.browser), person), 'the browser with the latest one')
    })
    it('that is shown again while a sign-in with it is at the second step spoils nothing', async () => {
      const person = await someone(op)
      const slow = await enter(op, later(person.browser), { ...person, parameters: { acr_values: mfa } })
      isAsked(slow)
      op.clock.advance(5)
      const resting = await byDevice(op, person)
      const done = await op.submit(slow, { intent: 'answer', code: op.nextCode(person.secret), trust: 'on' })
      assert.deepEqual(await provenIn(op, await op.redeem(done)), byBoth)
      isLetIn(await enter(op, later(resting.browser), person))
      assert.ok(!(await eventsOf(op, person)).includes('device.copied'))
    })
    it('stands nowhere in clear: neither in the store nor in the database nor in a log', async () => {
      const person = await someone(op)
      const seen = [deviceCookie(person.browser).value]
      const resting = await byDevice(op, person)
      seen.push(deviceCookie(resting.browser).value)
      const files: Buffer[] = []
      for (const path of [op.config.database.url.slice('sqlite:'.length), op.config.store.file])
        for (const name of await readdir(dirname(path)))
          if (name.startsWith(basename(path))) files.push(await readFile(join(dirname(path), name)))
      assert.ok(files.length >= 2)
      const { secretHash } = await trustedDeviceOf(op, person.account.id)
      assert.ok(
        files.some((file) => file.includes(secretHash)),
        'what is kept is read',
      )
      const audit = JSON.stringify(await op.audit(person.account.id))
      for (const secret of seen.map((value) => value.split('.')[1] as string)) {
        assert.ok(!files.some((file) => file.includes(secret)), 'a file')
        assert.ok(!op.logged.some((line) => line.includes(secret)), 'a log')
        assert.ok(!audit.includes(secret), 'the audit trail')
        assert.ok(!JSON.stringify(op.mails).includes(secret), 'a mail')
      }
    })
  })

  describe('is not believed', () => {
    it('by a cookie that was made up', async () => {
      const person = await someone(op)
      const own = deviceCookie(person.browser)
      const [id, secret] = own.value.split('.') as [string, string]
      const made = [
        `${'A'.repeat(22)}.${secret}`,
        `${id}.`,
        id,
        `.${secret}`,
        `${id}.${secret}.`,
        `"${id}.${secret}"`,
        `${id}.${secret.slice(0, -1)}`,
        `${id}.${secret}${secret}`,
        `${id}%2E${secret}`,
        '',
        '.',
      ]
      for (const value of made) isAsked(await enter(op, browserWith([{ ...own, value }]), person), value)
      isLetIn(await enter(op, later(person.browser), person), 'it is no worse for that')
    })
    it('by its name with another secret: whoever knows it has seen the cookie', async () => {
      const person = await someone(op)
      const own = deviceCookie(person.browser)
      const value = `${own.value.split('.')[0]}.${'A'.repeat(43)}`
      isAsked(await enter(op, browserWith([{ ...own, value }]), person))
      isAsked(await enter(op, later(person.browser), person), 'the device is gone')
      assert.ok((await eventsOf(op, person)).includes('device.copied'))
    })
    it('by the hash that the database keeps', async () => {
      const person = await someone(op)
      const own = deviceCookie(person.browser)
      const { secretHash } = await trustedDeviceOf(op, person.account.id)
      const value = `${own.value.split('.')[0]}.${secretHash}`
      isAsked(await enter(op, browserWith([{ ...own, value }]), person))
    })
    it('by a cookie of another account, under its own name or under this one’s', async () => {
      const [one, other] = [await someone(op), await someone(op)]
      const [theirs, own] = [deviceCookie(other.browser), deviceCookie(one.browser)]
      isAsked(await enter(op, browserWith([theirs]), one), 'as it is')
      isAsked(await enter(op, browserWith([{ ...theirs, name: own.name }]), one), 'renamed')
      isLetIn(await enter(op, later(one.browser), one))
      isLetIn(await enter(op, later(other.browser), other))
    })
    it('for somebody else in the same browser', async () => {
      const one = await someone(op)
      const other = await op.enrolOther('at-the-same-table')
      isAsked(await enter(op, later(one.browser), other.account))
    })
  })

  it('is one for each of several people in one browser', async () => {
    const one = await someone(op)
    const other = await op.enrolOther('sharing')
    const { username } = other.account
    const shared = (await trust(op, other.secret, { browser: later(one.browser), username })).browser
    assert.equal(deviceCookies(shared).length, 2)
    const first = await enter(op, later(shared), one)
    assert.deepEqual(await provenIn(op, await op.redeem(first)), byPassword)
    const second = await op.redeem(await enter(op, later(first.browser), other.account))
    assert.equal(second.tokens.claims()?.sub, other.account.id)
    assert.deepEqual(await provenIn(op, second), byPassword)
    assert.equal(deviceCookies(second.browser).length, 2)
    // What ends for one of them does not end for the other.
    await op.duepassi.directory.endTrust(one.account.id)
    isAsked(await enter(op, later(second.browser), one))
    isLetIn(await enter(op, later(second.browser), other.account))
    assert.doesNotMatch(
      JSON.stringify(deviceCookies(second.browser)),
      new RegExp(`${one.username}|${username}|${one.account.id}|${other.account.id}`),
    )
  })

  describe('ends, with every session and refresh token that rests on it,', () => {
    const credential = (accountId: string, factor: string) => ({
      id: `${factor}-${accountId}-${people}`,
      accountId,
      factor,
      label: '',
      handle: null,
      secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      counter: 0,
      createdAt: op.clock.now(),
      lastUsedAt: null,
    })
    const on = (account: Account) => ({ account, directory: op.duepassi.directory, record: async () => {} })
    const ends: Record<string, (person: Trusting) => Promise<unknown>> = {
      'when a factor is added': ({ account }) =>
        op.duepassi.directory.addCredential(credential(account.id, 'totp')),
      'when a factor is removed, and another is left': async ({ account }) => {
        const [app] = await op.duepassi.directory.credentials(account.id)
        assert.equal(app?.factor, 'totp')
        await op.duepassi.directory.addCredential({
          ...app,
          ...credential(account.id, 'totp'),
          secret: app.secret,
        })
        await op.duepassi.directory.removeCredentials(account.id, [app.id])
      },
      'when its factors are removed': ({ account }) => op.duepassi.directory.removeCredentials(account.id),
      'when recovery codes are made anew': async ({ account }) => {
        const all = await op.duepassi.directory.credentials(account.id)
        const codes = all.find(({ factor }) => factor === 'recovery-code')
        assert.ok(codes)
        const made = { ...codes, id: `new-${account.id}`, createdAt: op.clock.now() }
        await op.duepassi.directory.addCredential(made)
        await op.duepassi.directory.removeCredentials(account.id, [codes.id])
      },
      'when the trust is ended, as after another password': ({ account }) =>
        op.duepassi.directory.endTrust(account.id),
      'when an administrator forgets it': async ({ account }) =>
        forgetDevices(on(account), (await trustedDeviceOf(op, account.id)).id),
      'when an administrator forgets all of them': ({ account }) => forgetDevices(on(account), undefined),
      'after its days': async () => op.clock.advance(86_401),
    }
    for (const [when, end] of Object.entries(ends))
      it(when, async () => {
        const person = await someone(op)
        const resting = await byDevice(op, person)
        assert.deepEqual(await refreshed(resting, op.rp), byPassword)
        const { browser } = await op.redeem(await op.begin({}, resting.browser))
        const held = { ...(await op.redeem(await op.begin({}, browser))), browser }
        await end(person)
        await isOver(op, person, held, when)
      })

    it('and not for less: a code that is used, another browser, a sign-in elsewhere', async () => {
      const person = await someone(op)
      const resting = await byDevice(op, person)
      const switched = await op.submit(await enter(op, new Browser(), person), {
        intent: 'switch',
        factor: 'recovery-code',
      })
      const recovered = await op.submit(switched, { intent: 'answer', code: person.codes[0] as string })
      await op.redeem(await op.submit(recovered, { intent: 'continue' }))
      isLetIn(await op.begin({}, resting.browser))
      isLetIn(await enter(op, later(resting.browser), person))
    })
    it('by a lock, and does not come back when it is opened', async () => {
      const strict = await startProvider({
        config: {
          policy: cookies,
          attempts: { freeFailures: 1, lockAfter: 1, firstWait: 1, longestWait: 1 },
        },
      })
      try {
        const { secret } = await strict.enrol()
        const person = { username: 'maria' }
        const { browser } = await trust(strict, secret)
        const resting = await strict.redeem(await enter(strict, later(browser)))
        const asked = await enter(strict, new Browser(), person)
        const wrong = () => ({ intent: 'answer', code: wrongCode(secret, strict.clock) })
        await strict.submit(asked, wrong())
        strict.clock.advance(5)
        assert.match((await strict.submit(asked, wrong())).page.body, /value="leave"/)
        await isNotRefreshed(resting, strict.rp, 'while it is locked')
        const none = await strict.begin({ prompt: 'none' }, resting.browser.copy())
        assert.equal(errorOf(none.page), 'login_required')
        const locked = await enter(strict, later(resting.browser), person)
        assert.match(locked.page.body, /value="leave"/)
        await strict.duepassi.directory.clearAttempts(strict.maria.id)
        await isNotRefreshed(resting, strict.rp, 'once it is opened')
        assert.match((await strict.begin({}, resting.browser.copy())).page.body, /current-password/)
        isAsked(await enter(strict, later(resting.browser), person))
      } finally {
        await strict.close()
      }
    })
  })
})
