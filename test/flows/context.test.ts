import assert from 'node:assert/strict'
import type { Reaction, Signal } from '../../src/policy/signals.ts'
import { enrolKey, enterWith } from '../support/passkeys.ts'
import {
  type AtPage,
  type Enrolled,
  mfa,
  type SignedIn,
  sfa,
  startProvider,
  type TestProvider,
} from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { aroundTokyo, milan, nowhere, rome, Traveller, tokyo, watching } from './travellers.ts'
import { enter, isAsked, isLetIn, trust } from './trusted-browsers.ts'

const hour = 3_600
const claimsOf = ({ tokens }: SignedIn) => {
  const { acr, amr } = tokens.claims() as Record<string, unknown>
  return { acr, amr }
}
const byPassword = { acr: sfa, amr: ['pwd'] }
const byBoth = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }

/** Every event about where sign-ins come from, oldest first. */
const seenOf = async (op: TestProvider): Promise<string[]> =>
  (await op.audit())
    .filter(({ type }) => type === 'signin.unusual' || type === 'signin.refused')
    .map(({ type, reason }) => `${type} ${reason}`)
    .reverse()

/** The page on which it ends, now and whatever is tried there. */
const isTurnedAway = async (op: TestProvider, at: AtPage, code = '000000') => {
  assert.equal(codeOf(at.page), null)
  assert.equal(at.page.status, 403, `${at.page.url} ${at.page.body.slice(-300)}`)
  assert.match(at.page.body, /cannot sign in from here/i)
  for (const fields of [
    { intent: 'answer', code },
    { intent: 'switch', factor: 'totp' },
    { intent: 'choose', factor: 'totp' },
    { intent: 'enrol' },
    { intent: 'continue' },
    { intent: 'saved' },
    { intent: 'confirm', code },
    { intent: 'give-up' },
  ] as Record<string, string>[]) {
    const { page } = await op.submit(at, fields)
    assert.equal(codeOf(page), null, JSON.stringify(fields))
    assert.equal(page.status, 403, JSON.stringify(fields))
  }
  assert.equal((await at.browser.get(at.page.url)).status, 403, 'reloaded')
  const { page } = await op.submit(at, { intent: 'leave' })
  assert.equal(errorOf(page), 'access_denied')
}

/** Somebody with an app, who signed in once, in Rome. */
const inRome = async (op: TestProvider): Promise<Enrolled & { traveller: Traveller }> => {
  const traveller = new Traveller(rome)
  return { ...(await op.enrol(traveller, { acr_values: mfa })), traveller }
}

interface Unusual {
  networks?: string[]
  /** How the next sign-in comes to be unusual: by this signal first, and by these besides. */
  come(op: TestProvider, traveller: Traveller): Promise<Traveller> | Traveller
  besides?: Signal[]
}

const unusual: Record<Signal, Unusual> = {
  'forbidden-network': {
    networks: [aroundTokyo],
    async come(op, traveller) {
      op.clock.advance(30 * hour)
      return traveller.restarted().goTo(tokyo)
    },
    besides: ['new-country'],
  },
  'impossible-travel': {
    come(op, traveller) {
      op.clock.advance(hour)
      return traveller.restarted().goTo(tokyo)
    },
    besides: ['new-country'],
  },
  'new-country': {
    come(op, traveller) {
      op.clock.advance(30 * hour)
      return traveller.restarted().goTo(tokyo)
    },
  },
  'new-device': {
    come: () => new Traveller(rome),
  },
  'many-failures': {
    async come(op, traveller) {
      const browser = traveller.restarted()
      const login = await op.begin({}, browser.restarted())
      for (let attempt = 1; attempt <= 3; attempt++)
        await op.submit(login, { intent: 'sign-in', username: 'maria', password: 'tre passi indietro' })
      return browser
    },
  },
}

describe('a sign-in from somewhere unusual', () => {
  for (const [signal, { networks = [], come, besides = [] }] of Object.entries(unusual) as Array<
    [Signal, Unusual]
  >) {
    const start = async (reaction: Reaction) => {
      const op = await startProvider(
        watching(
          { secondFactor: 'off', context: { reactions: { [signal]: reaction }, networks, failures: 3 } },
          { passwords: { freeFailures: 50 } },
        ),
      )
      const { secret, traveller } = await inRome(op)
      assert.deepEqual(await seenOf(op), [], 'the first one is not')
      return { op, secret, browser: await come(op, traveller) }
    }
    // Recorded in the order of the signals, whichever of them decides.
    const recorded = [signal, ...besides].map((one) => `signin.unusual ${one}`).sort()

    it(`${signal}: recorded, it goes on as usual`, async () => {
      const { op, browser } = await start('record')
      const entered = await enter(op, browser)
      isLetIn(entered)
      assert.deepEqual(claimsOf(await op.redeem(entered)), byPassword)
      assert.deepEqual((await seenOf(op)).sort(), recorded)
      // And the next one is no longer unusual, where the place or browser was.
      isLetIn(await enter(op, browser.restarted()))
      const repeated = signal === 'forbidden-network' ? ['signin.unusual forbidden-network'] : []
      assert.deepEqual((await seenOf(op)).slice(recorded.length), repeated)
      await op.close()
    })
    it(`${signal}: stepped up, the second factor is asked`, async () => {
      const { op, secret, browser } = await start('step-up')
      const asked = await enter(op, browser)
      isAsked(asked)
      const done = await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) })
      assert.deepEqual(claimsOf(await op.redeem(done)), byBoth)
      assert.deepEqual((await seenOf(op)).sort(), recorded)
      await op.close()
    })
    it(`${signal}: refused, the person is turned away, and the relying party told`, async () => {
      const { op, secret, browser } = await start('refuse')
      const devices = await op.duepassi.directory.devices(op.maria.id)
      await isTurnedAway(op, await enter(op, browser), op.nextCode(secret))
      assert.deepEqual((await seenOf(op)).sort(), ['signin.refused context', ...recorded].sort())
      assert.deepEqual(await op.duepassi.directory.devices(op.maria.id), devices, 'and nothing is remembered')
      assert.equal(errorOf((await op.begin({ prompt: 'none' }, browser)).page), 'login_required')
      await op.close()
    })
  }

  it('is judged by the strictest of several signals', async () => {
    await using op = await startProvider(
      watching({
        secondFactor: 'off',
        context: { reactions: { 'new-country': 'refuse', 'impossible-travel': 'step-up' } },
      }),
    )
    const { traveller } = await inRome(op)
    await isTurnedAway(op, await enter(op, traveller.restarted().goTo(tokyo)))
    assert.deepEqual((await seenOf(op)).sort(), [
      'signin.refused context',
      'signin.unusual impossible-travel',
      'signin.unusual new-country',
    ])
  })
  it('is none from the next town, or from a place that is not known', async () => {
    await using op = await startProvider(
      watching({
        secondFactor: 'off',
        context: { reactions: { 'new-country': 'refuse', 'impossible-travel': 'refuse' } },
      }),
    )
    const { traveller } = await inRome(op)
    op.clock.advance(hour)
    for (const address of [milan, nowhere, '10.0.0.1', 'unknown', ''])
      isLetIn(await enter(op, traveller.restarted().goTo(address)), address)
    assert.deepEqual(await seenOf(op), [])
  })
  it('is one where the last of the addresses says so, whatever a client writes before it', async () => {
    await using op = await startProvider(
      watching({
        secondFactor: 'off',
        context: { reactions: { 'forbidden-network': 'refuse' }, networks: [aroundTokyo] },
      }),
    )
    const { traveller } = await inRome(op)
    await isTurnedAway(op, await enter(op, traveller.restarted().goTo(`${rome}, ${tokyo}`)))
    isLetIn(await enter(op, traveller.restarted().goTo(`${tokyo}, ${rome}`)))
  })
  it('asks whoever has no factor yet to set one up, where none was needed', async () => {
    await using op = await startProvider(
      watching({ secondFactor: 'optional', context: { reactions: { 'new-device': 'step-up' } } }),
    )
    isLetIn(await enter(op, new Traveller(rome)), 'the first sign-in ever')
    const { page } = await enter(op, new Traveller(rome))
    assert.equal(codeOf(page), null)
    assert.match(page.body, /value="(choose|confirm)"/)
  })
  it('asks whoever has one, in optional mode and by a trusted device too', async () => {
    await using op = await startProvider(
      watching({
        secondFactor: 'optional',
        trustedDevices: { kind: 'cookie' },
        context: { reactions: { 'impossible-travel': 'step-up' } },
      }),
    )
    const { secret, traveller } = await inRome(op)
    const browser = traveller.restarted()
    await trust(op, secret, { browser })
    const trusted = browser.restarted()
    isLetIn(await enter(op, trusted))
    const asked = await enter(op, trusted.restarted().goTo(tokyo))
    isAsked(asked)
    const done = await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) })
    assert.deepEqual(claimsOf(await op.redeem(done)), byBoth)
  })
  it('counts a trusted device as before where it is only recorded', async () => {
    await using op = await startProvider(watching({ trustedDevices: { kind: 'cookie' } }))
    const { secret, traveller } = await inRome(op)
    const browser = traveller.restarted()
    await trust(op, secret, { browser })
    isLetIn(await enter(op, browser.restarted().goTo(tokyo)))
    assert.deepEqual((await seenOf(op)).sort(), [
      'signin.unusual impossible-travel',
      'signin.unusual new-country',
    ])
  })
})

describe('a request of somebody who is signed in', () => {
  const start = async (reaction: Reaction, policy: object = {}) => {
    const context = {
      reactions: { 'forbidden-network': reaction, 'new-country': reaction, 'impossible-travel': reaction },
      networks: [aroundTokyo],
    }
    const op = await startProvider(watching({ secondFactor: 'off', context, ...policy }))
    const { secret, traveller } = await inRome(op)
    return { op, secret, traveller }
  }

  it('from a forbidden network is refused, and the session is good again elsewhere', async () => {
    const { op, traveller } = await start('refuse')
    isLetIn(await op.begin({}, traveller))
    const none = await op.begin({ prompt: 'none' }, traveller.goTo(tokyo))
    assert.equal(codeOf(none.page), null)
    assert.ok(errorOf(none.page), 'an error')
    await isTurnedAway(op, await op.begin({}, traveller))
    isLetIn(await op.begin({}, traveller.goTo(rome)))
    await op.close()
  })
  it('from a forbidden network, once the person has answered in vain, does not go round in circles', async () => {
    const { op, secret, traveller } = await start('refuse')
    const asked = await op.begin({}, traveller.goTo(tokyo))
    const { page } = await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) })
    assert.equal(codeOf(page), null)
    assert.doesNotMatch(page.body, /value="answer"/, 'it is not asked again')
    await op.close()
  })
  it('from a forbidden network is asked for two factors, and for no more than that', async () => {
    const { op, secret, traveller } = await start('step-up')
    isLetIn(await op.begin({}, traveller.goTo(tokyo)), 'by two factors it is good already')
    const browser = traveller.restarted().goTo(rome)
    const resting = await op.redeem(await enter(op, browser))
    assert.deepEqual(claimsOf(resting), byPassword)
    const none = await op.begin({ prompt: 'none' }, browser.goTo(tokyo))
    assert.equal(errorOf(none.page), 'interaction_required')
    const asked = await op.begin({}, browser)
    isAsked(asked)
    const done = await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) })
    assert.deepEqual(claimsOf(await op.redeem(done)), byBoth)
    isLetIn(await op.begin({}, browser))
    await op.close()
  })
  it('that rests on a trusted device is asked there as well', async () => {
    const policy = { secondFactor: 'required', trustedDevices: { kind: 'cookie' } }
    const { op, secret, traveller } = await start('step-up', policy)
    const browser = traveller.restarted()
    await trust(op, secret, { browser })
    const trusted = browser.restarted()
    isLetIn(await enter(op, trusted))
    isLetIn(await op.begin({}, trusted))
    isAsked(await op.begin({}, trusted.goTo(tokyo)))
    await op.close()
  })
  it('from another country is as good as before: it was judged when it began', async () => {
    const { op, traveller } = await start('refuse')
    const browser = traveller.restarted()
    isLetIn(await enter(op, browser))
    isLetIn(await op.begin({}, browser.goTo('2001:db8::1')), 'Berlin')
    await op.close()
  })
})

describe('a passkey sign-in from somewhere unusual', () => {
  const start = async (reaction: Reaction) => {
    const op = await startProvider(
      watching({ context: { reactions: { 'forbidden-network': reaction }, networks: [aroundTokyo] } }),
    )
    const key = createSoftAuthenticator({ userVerification: true })
    const { account } = await enrolKey(op, 'lucia', key, new Traveller(rome))
    return { op, key, account }
  }
  const enterFrom = async (
    op: TestProvider,
    address: string,
    key: ReturnType<typeof createSoftAuthenticator>,
  ) => enterWith(await op.begin({}, new Traveller(address)), key)

  it('is refused where the policy lets nobody in, however good the key', async () => {
    const { op, key, account } = await start('refuse')
    isLetIn(await enterFrom(op, rome, key))
    const at = await enterFrom(op, tokyo, key)
    assert.equal(codeOf(at.page), null)
    assert.equal(at.page.status, 403)
    assert.match(at.page.body, /does not allow a sign-in from this network/)
    assert.equal(errorOf((await op.begin({ prompt: 'none' }, at.browser)).page), 'login_required')
    const seen = (await op.audit(account.id)).map(({ type, reason }) => `${type} ${reason}`)
    assert.ok(seen.includes('signin.unusual forbidden-network'))
    assert.ok(seen.includes('signin.refused context'))
    await op.close()
  })
  it('is two factors already where more than usual is wanted', async () => {
    const { op, key } = await start('step-up')
    const at = await enterFrom(op, tokyo, key)
    isLetIn(at)
    assert.equal(claimsOf(await op.redeem(at)).acr, 'phr')
    await op.close()
  })
})

describe('a mail about a new browser', () => {
  const mailsOf = (op: TestProvider) => op.mails.filter(({ subject }) => /new device/.test(subject))

  it('is sent for the second one, and not for the first nor twice', async () => {
    await using op = await startProvider(watching({ secondFactor: 'optional' }))
    const first = new Traveller(rome)
    isLetIn(await enter(op, first))
    isLetIn(await enter(op, first.restarted()))
    assert.deepEqual(mailsOf(op), [], 'there is nothing to compare the first with')
    const second = new Traveller(tokyo)
    isLetIn(await enter(op, second))
    isLetIn(await enter(op, second.restarted()))
    const [mail, ...more] = mailsOf(op)
    assert.ok(mail)
    assert.deepEqual(more, [])
    assert.equal(mail.to.address, op.maria.email)
    assert.match(mail.subject, /was it you\?/i)
    for (const what of ['Firefox', 'Windows', 'Tokyo', tokyo]) assert.ok(mail.text.includes(what), what)
    assert.doesNotMatch(mail.text, /140\.0|Mozilla/)
    assert.deepEqual(
      (await op.audit()).map(({ type }) => type).filter((type) => type.startsWith('device.')),
      ['device.added', 'device.added'],
    )
  })
  it('says nothing that a stranger wrote into a header', async () => {
    await using op = await startProvider(watching({ secondFactor: 'optional' }))
    isLetIn(await enter(op, new Traveller(rome)))
    class Forging extends Traveller {
      override once(url: string | URL, init: RequestInit = {}) {
        const headers = {
          ...(init.headers as object),
          'user-agent': 'Call 0900-123/1.0 (http://evil.example)',
        }
        return super.once(url, { ...init, headers })
      }
    }
    isLetIn(await enter(op, new Forging('http://evil.example')))
    const [mail] = mailsOf(op)
    assert.ok(mail)
    assert.doesNotMatch(`${mail.subject}${mail.text}`, /evil|0900/)
  })
  it('is sent once somebody is in, not when a password was right', async () => {
    await using op = await startProvider(watching({}))
    const { secret } = await inRome(op)
    const asked = await enter(op, new Traveller(tokyo))
    isAsked(asked)
    assert.deepEqual(mailsOf(op), [])
    await op.redeem(await op.submit(asked, { intent: 'answer', code: op.nextCode(secret) }))
    assert.equal(mailsOf(op).length, 1)
  })
  it('is not sent where the person was turned away', async () => {
    await using op = await startProvider(
      watching({ secondFactor: 'optional', context: { reactions: { 'new-device': 'refuse' } } }),
    )
    isLetIn(await enter(op, new Traveller(rome)))
    await isTurnedAway(op, await enter(op, new Traveller(rome)))
    assert.deepEqual(mailsOf(op), [])
  })
})
