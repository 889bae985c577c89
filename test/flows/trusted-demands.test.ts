import assert from 'node:assert/strict'
import { type Answer, Browser } from '../support/browser.ts'
import {
  type Enrolled,
  mfa,
  type Settings,
  sfa,
  startProvider,
  type TestProvider,
} from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { codeNow, secretOn } from '../support/steps.ts'
import {
  enter,
  isAsked,
  isLetIn,
  later,
  provenIn,
  refreshed,
  trust,
  trustedDeviceOf,
} from './trusted-browsers.ts'

const byPassword = { acr: sfa, amr: ['pwd'] }
const byBoth = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }
const essential = (...values: string[]) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
})

interface Demand {
  parameters?: Record<string, string>
  client?: Record<string, unknown>
  policy?: NonNullable<NonNullable<Settings['config']>['policy']>
  groups?: string[]
  /** The password is asked again as well. */
  login?: boolean
  /** The app's code is not enough either. */
  otherFactor?: boolean
}

/** What wants more than a device that remembers. */
const demands: Record<string, Demand> = {
  'prompt=login': { parameters: { prompt: 'login' }, login: true },
  'prompt=second_factor': { parameters: { prompt: 'second_factor' } },
  'prompt=login second_factor': { parameters: { prompt: 'login second_factor' }, login: true },
  'max_age=0': { parameters: { max_age: '0' }, login: true },
  'max_age in the past': { parameters: { max_age: '3600' } },
  'max_age without an end': { parameters: { max_age: '99999999' } },
  'default_max_age of the client': { client: { default_max_age: 3600 } },
  'require_second_factor of the client': { client: { require_second_factor: true } },
  'second_factor_max_age of the client': { client: { second_factor_max_age: 86_400 } },
  'minimum_acr of the client': { client: { minimum_acr: mfa } },
  'default_acr_values of the client': { client: { default_acr_values: [mfa] } },
  'a factor that the client requires': { client: { second_factors: { totp: 'require' } } },
  'a factor that the client forbids, which all the trust rests on': {
    client: { second_factors: { totp: 'forbid' } },
    otherFactor: true,
  },
  'acr_values of two factors': { parameters: { acr_values: mfa } },
  'acr_values of two factors, then of one': { parameters: { acr_values: `${mfa} ${sfa}` } },
  'acr_values of a key': { parameters: { acr_values: 'phr' }, otherFactor: true },
  'an essential acr': { parameters: essential(mfa) },
  'an essential acr that acr_values would lower': { parameters: { ...essential(mfa), acr_values: sfa } },
  'a group that is asked everywhere': {
    policy: { groups: { careful: { trustedDevices: false } } },
    groups: ['careful'],
  },
  'one of several groups that is': {
    policy: { groups: { others: { trustedDevices: true }, careful: { trustedDevices: false } } },
    groups: ['careful', 'others'],
  },
  'the least acr of a group': { policy: { groups: { careful: { minimum: mfa } } }, groups: ['careful'] },
  'a factor that the policy requires': { policy: { factors: { totp: 'require' } } },
}

/** What it satisfies as it did before. */
const enough: Record<string, Demand> = {
  'acr_values of one factor': { parameters: { acr_values: sfa } },
  'acr_values of one factor, then of two': { parameters: { acr_values: `${sfa} ${mfa}` } },
  'an essential acr of either': { parameters: essential(sfa, mfa) },
  'minimum_acr of one factor': { client: { minimum_acr: sfa } },
  'a factor that the client allows': { client: { second_factors: { totp: 'allow' } } },
  'a group that may be remembered': {
    policy: { groups: { others: { trustedDevices: true } } },
    groups: ['others'],
  },
}

describe('a trusted device', () => {
  const start = async ({ policy = {}, groups = [], client = {} }: Demand) => {
    const op = await startProvider({
      config: { policy: { trustedDevices: { kind: 'cookie' }, ...policy } },
    })
    const maria = await op.enrol()
    const rp = await op.addClient({ client_id: 'demanding', ...client })
    const { browser } = await trust(op, maria.secret)
    await op.duepassi.directory.changeAccount(op.maria.id, { groups })
    return { op, maria, rp, browser }
  }

  for (const [what, demand] of Object.entries(demands))
    it(`does not do for ${what}`, async () => {
      const { op, maria, rp, browser } = await start(demand)
      try {
        const { parameters = {} } = demand
        const asksFor = ({ page }: { page: Answer }, where: string) => {
          assert.equal(codeOf(page), null, where)
          assert.match(page.url.pathname, /\/second-factor$/, where)
        }
        const entered = await enter(op, later(browser), { parameters, rp })
        asksFor(entered, 'a sign-in')
        if (!demand.otherFactor) {
          const code = op.nextCode(maria.secret)
          const done = await op.submit(entered, { intent: 'answer', code })
          assert.deepEqual(await provenIn(op, await op.redeem(done), rp), byBoth)
        }
        // In the session of a sign-in that it was enough for.
        const plain = demand.groups || demand.policy ? undefined : await enter(op, later(entered.browser))
        if (!plain) return
        isLetIn(plain, 'where nothing is demanded')
        const none = await op.begin({ ...parameters, prompt: 'none' }, plain.browser.copy(), rp)
        // `prompt=none` takes the place of a prompt that would be the demand.
        if (!parameters['prompt']) {
          const error = parameters['max_age'] === '0' ? 'login_required' : 'interaction_required'
          assert.equal(errorOf(none.page), error, 'prompt=none')
        }
        const next = await op.begin(parameters, plain.browser.copy(), rp)
        assert.equal(codeOf(next.page), null, 'the session')
        if (demand.login) assert.match(next.page.body, /current-password/)
        else asksFor(next, 'the session')
      } finally {
        await op.close()
      }
    })

  for (const [what, demand] of Object.entries(enough))
    it(`does for ${what}`, async () => {
      const { op, rp, browser } = await start(demand)
      try {
        const { parameters = {} } = demand
        const entered = await enter(op, later(browser), { parameters, rp })
        isLetIn(entered, 'a sign-in')
        assert.deepEqual(await provenIn(op, await op.redeem(entered), rp), byPassword)
        const again = await op.begin({ ...parameters, prompt: 'none' }, entered.browser, rp)
        isLetIn(again, 'the session')
        assert.deepEqual(await provenIn(op, await op.redeem(again), rp), byPassword)
      } finally {
        await op.close()
      }
    })

  it('does not do for an account of which more is demanded', async () => {
    const { op, browser } = await start({})
    const resting = await op.redeem(await enter(op, later(browser)))
    await op.duepassi.directory.changeAccount(op.maria.id, { minimum: mfa })
    isAsked(await op.begin({}, resting.browser.copy()))
    isAsked(await enter(op, later(resting.browser)))
    await assert.rejects(op.rp.refresh(resting.tokens.refresh_token as string), { error: 'invalid_grant' })
    await op.close()
  })
  it('is not thought of where the policy has none, whatever a browser sends', async () => {
    await using op = await startProvider()
    const { secret } = await op.enrol()
    const { browser } = await trust(op, secret)
    isAsked(await enter(op, later(browser)))
    assert.ok((await op.duepassi.directory.devices(op.maria.id)).every((device) => device.trust === null))
  })
  it('gives no level that somebody without a second factor has, and none to whoever lost it', async () => {
    await using op = await startProvider({
      config: { policy: { trustedDevices: { kind: 'cookie' }, secondFactor: 'optional' } },
    })
    const { secret } = await op.enrol(new Browser(), { acr_values: mfa })
    const { browser } = await trust(op, secret)
    isLetIn(await enter(op, later(browser)))
    isAsked(await enter(op, new Browser()), 'another browser')
  })
})

describe('stepping up a session that rests on a trusted device', () => {
  let op: TestProvider
  let maria: Enrolled
  let browser: Browser
  before(async () => {
    op = await startProvider({ config: { policy: { trustedDevices: { kind: 'cookie' } } } })
    maria = await op.enrol()
    browser = (await trust(op, maria.secret)).browser
  })
  after(() => op.close())

  const sessionOf = (which: Browser) => which.cookies().find(({ name }) => name === 'duepassi')?.value
  const uidBehind = async (token: string) =>
    (await op.duepassi.provider.AccessToken.find(token))?.sessionUid as string

  it('asks for the factor alone, says both, and keeps the session under another cookie', async () => {
    const resting = await op.redeem(await enter(op, later(browser)))
    browser = resting.browser
    const [before, uid] = [sessionOf(browser), await uidBehind(resting.tokens.access_token)]
    op.clock.advance(20)
    const stepping = await op.begin({ acr_values: mfa }, browser)
    isAsked(stepping)
    assert.doesNotMatch(stepping.page.body, /current-password/)
    const code = op.nextCode(maria.secret)
    const stepped = await op.redeem(await op.submit(stepping, { intent: 'answer', code }))
    assert.deepEqual(await provenIn(op, stepped), byBoth)
    assert.deepEqual(await refreshed(stepped, op.rp), byBoth)
    assert.equal(await uidBehind(stepped.tokens.access_token), uid, 'the same session')
    assert.notEqual(sessionOf(browser), before, 'under another cookie')
    assert.equal(stepped.tokens.claims()?.auth_time, resting.tokens.claims()?.auth_time)
    const old = new Browser()
    const [cookie] = resting.browser.cookies().filter(({ name }) => name === 'duepassi')
    ;(old.cookies() as unknown[]).push({ ...cookie, value: before })
    assert.equal(errorOf((await op.begin({ prompt: 'none' }, old)).page), 'login_required', 'the old one')
    // What it was before is not raised with it, and what it is now does not rest on the device.
    assert.deepEqual(await refreshed(resting, op.rp), byPassword)
    await op.duepassi.directory.endTrust(op.maria.id)
    const again = await op.begin({}, browser)
    isLetIn(again)
    assert.deepEqual(await provenIn(op, await op.redeem(again)), byBoth)
    assert.deepEqual(await refreshed(stepped, op.rp), byBoth)
    await assert.rejects(op.rp.refresh(resting.tokens.refresh_token as string), { error: 'invalid_grant' })
  })
  it('can give a trust that has ended anew', async () => {
    const { secret } = maria
    const trusted = (await trust(op, secret, { browser: later(browser) })).browser
    const resting = await op.redeem(await enter(op, later(trusted)))
    await op.duepassi.directory.endTrust(op.maria.id)
    const stepping = await op.begin({}, resting.browser)
    isAsked(stepping)
    const answer = { intent: 'answer', code: op.nextCode(secret), trust: 'on' }
    const stepped = await op.redeem(await op.submit(stepping, answer))
    assert.deepEqual(await provenIn(op, stepped), byBoth)
    isLetIn(await enter(op, later(stepped.browser)))
    const { trust: given } = await trustedDeviceOf(op)
    assert.deepEqual(given?.factors, ['totp'])
  })
  it('by setting up another factor ends the trust it began with', async () => {
    const lucia = await op.enrolOther('lucia')
    const { browser: trusted } = await trust(op, lucia.secret, { username: 'lucia' })
    const resting = await op.redeem(await enter(op, later(trusted), { username: 'lucia' }))
    const stepping = await op.begin({ prompt: 'second_factor' }, resting.browser)
    const switched = await op.submit(stepping, { intent: 'switch', factor: 'recovery-code' })
    const code = lucia.codes[0] as string
    const recovered = await op.submit(switched, { intent: 'answer', code })
    const enrolling = await op.choose(await op.submit(recovered, { intent: 'enrol' }))
    const confirmed = await op.submit(enrolling, {
      intent: 'confirm',
      label: '',
      code: codeNow(secretOn(enrolling.page), op.clock),
    })
    await op.redeem(await op.submit(confirmed, { intent: 'saved' }))
    await assert.rejects(op.rp.refresh(resting.tokens.refresh_token as string), { error: 'invalid_grant' })
    isAsked(await enter(op, later(resting.browser), { username: 'lucia' }))
  })
})
