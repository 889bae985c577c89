import assert from 'node:assert/strict'
import type { Draft, Factor } from '../../src/factors/factor.ts'
import { totp } from '../../src/factors/totp/totp.ts'
import { Browser } from '../support/browser.ts'
import { seen, startSecurityPage } from './security-page.ts'

const invitation = (number: number): Draft => ({
  secret: `invitation ${number}`,
  shown: {
    step: 'scan',
    uri: `https://id.example/#e=${number}`,
    qrSvg: '',
    code: `K-${number}`,
    expiresAt: 0,
  },
})

/** A phone that is invited anew as often as one likes, and whose number is 4817. */
const fakePhone = (): Factor => {
  let invitations = 1
  return {
    ...totp(),
    name: 'push',
    enrolment: {
      begin: async () => invitation(invitations),
      finish: async (answer, { secret }) =>
        answer === '4817'
          ? { confirmed: true, secret, counter: 0, handle: 'phone', amr: ['pop'], used: true }
          : { confirmed: false, reason: 'wrong' },
      remote: {
        renew: () => invitation(++invitations),
        offer: () => ({}),
        present: async () => ({
          draft: { secret: 'phone', shown: { step: 'confirm', label: 'iPhone' } },
          told: {},
        }),
        show: () => undefined,
        tell: async () => {},
      },
    },
  }
}

const start = () => startSecurityPage({ factors: [fakePhone()] })
type SecurityPage = Awaited<ReturnType<typeof start>>

const uidOf = async (page: SecurityPage, browser: Browser): Promise<string> =>
  (await page.sessionOf(browser))?.change?.uid ?? ''

/** What the page would be told next. */
const poll = async (page: SecurityPage, browser: Browser, state: string, how = 'poll') => {
  const answer = await page.once(browser, `/change?watch=${how}&state=${encodeURIComponent(state)}`)
  return { status: answer.status, body: answer.body }
}

describe('a phone that is added on the security page', () => {
  it('is waited for: the page learns that it has presented itself, and says that it is done', async () => {
    await using page = await start()
    const { browser, at } = await page.withFactor('/add?factor=push')
    const { factor } = seen(at, 'interaction/enrol')
    assert.ok(factor.name === 'push' && factor.step === 'scan' && factor.watch)
    const waiting = poll(page, browser, factor.watch)
    await page.challenge.present(await uidOf(page, browser), 'the phone')
    const { status, body } = await waiting
    const { state } = JSON.parse(body)
    assert.equal(status, 200)
    assert.notEqual(state, factor.watch)

    const confirm = seen(await page.get(browser, '/change'), 'interaction/enrol').factor
    assert.ok(confirm.name === 'push' && confirm.step === 'confirm')
    assert.deepEqual([confirm.label, confirm.watch], ['iPhone', state])
    const wrong = await page.post(browser, '/change', { intent: 'confirm', code: '1', label: 'Mine' })
    const again = seen(wrong, 'interaction/enrol', 422)
    assert.equal(again.error?.key, 'error.push.wrong')
    assert.ok('label' in again.factor && again.factor.label === 'Mine')
    await page.post(browser, '/change', { intent: 'confirm', code: '4817', label: 'Mine' })
    assert.notEqual(JSON.parse((await poll(page, browser, state)).body).state, state)
  })

  it('is told by a stream as well, which carries nothing but a state', async () => {
    await using page = await start()
    const { browser } = await page.withFactor('/add?factor=push')
    const { status, body } = await poll(page, browser, 'another', 'events')
    assert.equal(status, 200)
    assert.match(body, /^retry: \d+\nevent: waiting\ndata: on\n\nevent: moved\ndata: [\w-]{43}\n\n$/)
  })

  it('is invited anew where the invitation has run out', async () => {
    await using page = await start()
    const { browser, at } = await page.withFactor('/add?factor=push')
    const before = seen(at, 'interaction/enrol').factor
    const renewed = await page.post(browser, '/change', { intent: 'send' })
    assert.equal(renewed.url.href, `${page.base}/change`)
    const { factor } = seen(renewed, 'interaction/enrol')
    assert.ok(factor.name === 'push' && factor.step === 'scan' && before.name === 'push')
    assert.equal(factor.code, 'K-2')
    assert.notEqual(factor.watch, before.watch)
  })

  it('is watched by no page of another factor', async () => {
    await using page = await start()
    const { at } = await page.withFactor('/add?factor=webauthn')
    assert.ok(!('watch' in seen(at, 'interaction/enrol').factor))
  })

  it('is gone for a page whose change is over', async () => {
    await using page = await start()
    const { browser } = await page.withFactor('/add?factor=push')
    await page.post(browser, '/change', { intent: 'give-up' })
    assert.deepEqual(await poll(page, browser, 'x'), { status: 200, body: '{"state":"gone"}' })
  })

  it('tells a stranger nothing, and begins no sign-in for a page that watches by itself', async () => {
    await using page = await start()
    await page.withFactor('/add?factor=push')
    const stranger = new Browser()
    for (const how of ['poll', 'events'])
      assert.deepEqual(await poll(page, stranger, 'x', how), { status: 401, body: '' })
    assert.deepEqual(stranger.cookies(), [])
  })
})
