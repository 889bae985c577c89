import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import type { BrowserContext } from 'playwright-core'
import { addApplication } from '../flows/ciba-application.ts'
import { password } from '../support/provider.ts'
import {
  type AtDesk,
  approve,
  heading,
  mfa,
  numberOn,
  openPushScene,
  otherThan,
  type PushScene,
  press,
} from './push-scene.ts'

/** Milliseconds that a code without network lasts. */
const step = 30_000

/** As a person with a computer and a phone: two Chromium profiles, and a push service that is ours. */
describe('approving on a phone, in two Chromium profiles', function () {
  this.timeout(180_000)
  let scene: PushScene
  let computer: BrowserContext
  let codesOfLucia: string[]

  before(async function () {
    this.timeout(240_000)
    scene = await openPushScene()
    await scene.op.addPerson('lucia')
  })
  after(() => scene?.close())
  beforeEach(async () => {
    computer = await scene.openComputer()
  })
  afterEach(async () => {
    await scene?.closeApp()
    await computer?.close()
    assert.deepEqual(scene?.complaints.splice(0), [])
  })

  const says = ({ page }: AtDesk, text: RegExp) => page.locator('main').getByText(text).waitFor()
  const openApp = () => scene.phone.open(`${scene.issuer}/authenticator/`)
  /** What tokens say of a sign-in that was approved on a phone. */
  const byPush = { acr: mfa, amr: ['pwd', 'pop', 'mca', 'mfa'] }
  const assertByPush = async (desk: AtDesk) => {
    const { sub, ...proven } = await scene.claims(desk)
    assert.deepEqual(proven, byPush)
    return sub
  }

  it('leads from enrolment to an approved sign-in to a token, with the page of the phone closed', async () => {
    const first = await scene.signIn(computer)
    await scene.enrol(first)
    assert.equal(await assertByPush(first), scene.op.maria.id)
    assert.deepEqual(
      scene.service.posted.map(({ status, urgency, topic, sub }) => ({ status, urgency, topic, sub })),
      [{ status: 201, urgency: 'high', topic: 'request', sub: 'mailto:push@example.org' }],
    )

    await scene.signOut(computer)
    const desk = await scene.signIn(computer)
    assert.deepEqual(scene.phone.context.pages(), [])
    const [shown] = await scene.phone.whenNotified(scene.issuer)
    assert.deepEqual(
      [shown?.title, shown?.body],
      ['A request is waiting', 'Open it to see who asks, and answer.'],
    )
    const app = await scene.tapNotification()
    await heading(app, 'Are you signing in?')
    const asked = await app.locator('main').innerText()
    for (const fact of [/Test application/, /maria/, /Just now/, /127\.0\.0\.1/, /Chrome on Linux/])
      assert.match(asked, fact)
    await says(desk, /The request is open on your phone/)
    // The number itself never travels: it is on the computer alone.
    const number = await numberOn(desk.page)
    assert.doesNotMatch(asked.replaceAll(/\d+:\d+|[\d.]{7,}/g, ''), new RegExp(`\\b${number}\\b`))
    const before = performance.now()
    await approve(app, number)
    await heading(app, 'Approved')
    assert.equal(await assertByPush(desk), scene.op.maria.id)
    const [took] = scene.callback.arrivals.slice(-1).map((at) => at - before)
    assert.ok(took !== undefined && took < 3_000, `the computer went on after ${took} ms`)
  })

  it('is over with a wrong number, and begins again with another request', async () => {
    const desk = await scene.signIn(computer)
    const app = await scene.tapNotification()
    const number = await numberOn(desk.page)
    await approve(app, otherThan(number))
    await heading(app, 'That was not the number')
    await says(desk, /The answer from your phone was not right/)
    await scene.closeApp()
    await press(desk.page, 'send')
    const again = await scene.tapNotification()
    await approve(again, await numberOn(desk.page))
    await assertByPush(desk)
  })

  it('lets nobody in who was denied', async () => {
    const desk = await scene.signIn(computer)
    const app = await scene.tapNotification()
    await press(app, 'Deny')
    await heading(app, 'Denied')
    await says(desk, /The request was denied on your phone/)
    await press(desk.page, 'give-up')
    await desk.page.waitForURL(`${scene.callback.url}*`)
    assert.equal(new URL(desk.page.url()).searchParams.get('error'), 'access_denied')
  })

  it('lets nobody in whose PIN or finger is not the right one', async () => {
    const desk = await scene.signIn(computer)
    const app = await scene.tapNotification()
    await scene.phone.lock.passes(false)
    const number = await numberOn(desk.page)
    await approve(app, number)
    await app.getByText('Not approved yet').waitFor()
    await says(desk, /The request is open on your phone/)
    await scene.phone.lock.passes(true)
    await approve(app, number)
    await assertByPush(desk)
  })

  it('waits in the app where the notification was lost', async () => {
    scene.service.nextAnswers.push({ status: 201 })
    const desk = await scene.signIn(computer)
    await says(desk, /If it does not appear, open the Duepassi app/)
    const app = await openApp()
    await heading(app, 'Are you signing in?')
    await approve(app, await numberOn(desk.page))
    await assertByPush(desk)
    assert.deepEqual(await scene.phone.notifications(scene.issuer), [])
  })

  it('notices that the subscription has expired, and mends it when the app is opened', async () => {
    const { endpoint = '' } = scene.service.posted.at(-1) ?? {}
    scene.service.expire(endpoint)
    const desk = await scene.signIn(computer)
    assert.equal(scene.service.posted.at(-1)?.status, 410)
    await says(desk, /No phone could be told/)
    const app = await openApp()
    await heading(app, 'Are you signing in?')
    await approve(app, await numberOn(desk.page))
    await assertByPush(desk)
    await press(app, 'Done')
    await app.getByText('Notifications on').waitFor()
    await scene.closeApp()

    await scene.signOut(computer)
    const next = await scene.signIn(computer)
    const posted = scene.service.posted.at(-1)
    assert.equal(posted?.status, 201)
    assert.notEqual(posted?.endpoint, endpoint)
    await approve(await scene.tapNotification(), await numberOn(next.page))
    await assertByPush(next)
  })

  it('takes the code of a phone without network', async () => {
    await scene.phone.context.setOffline(true)
    try {
      scene.service.nextAnswers.push({ status: 201 })
      const desk = await scene.signIn(computer)
      const app = await openApp()
      await app.getByText('The codes of your accounts still work').waitFor()
      await app.locator('.accounts button', { hasText: 'maria' }).click()
      // A code is good only if it is younger than the last approval.
      await app.waitForTimeout(step - (Date.now() % step) + 100)
      await press(app, 'Show the code')
      const code = (await app.locator('.totp').innerText()).replaceAll(/\s/g, '')
      assert.match(code, /^\d{6}$/)
      await desk.page.getByText('Phone without network? Use its code').click()
      await desk.page.fill('[name=code]', code)
      await press(desk.page, 'answer')
      const { acr, amr } = await scene.claims(desk)
      assert.deepEqual([acr, amr], [mfa, ['pwd', 'otp', 'mfa']])
    } finally {
      await scene.phone.context.setOffline(false)
    }
  })

  it('asks for PIN or finger alone in the phone’s own browser, and sends nothing', async () => {
    const sent = scene.service.posted.length
    const page = await scene.phone.open('about:blank')
    const desk = await scene.signIn(scene.phone.context, {}, page)
    assert.equal(await page.locator('.number').count(), 0)
    await press(page, 'Confirm with fingerprint, face or PIN')
    assert.equal((await scene.claims(desk)).acr, mfa)
    assert.equal(scene.service.posted.length, sent)
    assert.deepEqual(await scene.phone.notifications(scene.issuer), [])
    await scene.signOut(scene.phone.context)
  })

  it('holds a second account, and asks for each by its name', async () => {
    const first = await scene.signIn(computer, { username: 'lucia' })
    ;({ codes: codesOfLucia } = await scene.enrol(first))
    await assertByPush(first)

    const another = await scene.openComputer()
    await scene.signOut(computer)
    const [ofMaria, ofLucia] = [
      await scene.signIn(another),
      await scene.signIn(computer, { username: 'lucia' }),
    ]
    const app = await scene.tapNotification()
    assert.match(await app.locator('.facts').innerText(), /lucia/)
    await approve(app, await numberOn(ofLucia.page))
    const lucia = await assertByPush(ofLucia)
    await press(app, 'Done')
    // The one that is left comes up by itself.
    await heading(app, 'Are you signing in?')
    assert.match(await app.locator('.facts').innerText(), /maria/)
    await approve(app, await numberOn(ofMaria.page))
    assert.equal(await assertByPush(ofMaria), scene.op.maria.id)
    assert.notEqual(lucia, scene.op.maria.id)
    await press(app, 'Done')
    assert.equal(await app.locator('.accounts li').count(), 2)
    await another.close()
  })

  it('stops everything when it was not me', async () => {
    const mine = await scene.signIn(computer, { username: 'lucia' })
    await approve(await scene.tapNotification(), await numberOn(mine.page))
    const lucia = (await assertByPush(mine)) ?? ''
    await scene.closeApp()

    const thief = await scene.openComputer()
    const desk = await scene.signIn(thief, { username: 'lucia' })
    const app = await scene.tapNotification()
    await press(app, 'It was not me')
    await press(app, 'Yes, it was not me')
    await heading(app, 'Thank you for saying so')
    await heading(desk.page, 'This sign-in was stopped')
    await press(desk.page, 'leave')
    await desk.page.waitForURL(`${scene.callback.url}*`)
    assert.equal(new URL(desk.page.url()).searchParams.get('error'), 'access_denied')
    await thief.close()

    const events = (await scene.op.audit(lucia)).map(({ type }) => type)
    assert.ok(events.includes('request.reported'), events.join())
    // Who was signed in until now is so no more.
    const silent = await scene.op.rp.begin({ redirect_uri: scene.callback.url, prompt: 'none' })
    await mine.page.goto(silent.url.href)
    assert.match(new URL(mine.page.url()).searchParams.get('error') ?? '', /^(login|interaction)_required$/)

    const sent = scene.service.posted.length
    const next = await scene.signIn(computer, { username: 'lucia' })
    assert.equal(scene.service.posted.length, sent)
    await next.page.locator('form:has(input[value=recovery-code]) button').click()
    await next.page.fill('[name=code]', codesOfLucia[0] ?? '')
    await press(next.page, 'answer')
    await press(next.page, 'continue')
    await next.page.fill('[name=new-password]', `${password} e poi`)
    await next.page.fill('[name=new-password-again]', `${password} e poi`)
    await press(next.page, 'change')
    assert.equal((await scene.claims(next)).sub, lucia)
  })

  it('answers an application that asks from afar, with its words, and no page on any computer', async () => {
    const shop = await addApplication(scene.op, { client_name: 'Telephone shop' })
    const ticket = await shop.begin({ login_hint: 'maria', binding_message: 'Parcel 4817' })
    const app = await scene.tapNotification()
    await heading(app, 'Do you approve this?')
    const asked = await app.locator('main').innerText()
    assert.match(asked, /Telephone shop says:\s+Parcel 4817/)
    assert.equal(await app.locator('#number').count(), 0)
    await app.locator('.answers .primary').click()
    await app.getByText('Telephone shop has been told').waitFor()
    const { status, body } = await shop.redeem(ticket)
    assert.equal(status, 200, JSON.stringify(body))
    const { acr, amr } = decodeJwt(String(body['id_token']))
    assert.deepEqual([acr, amr], [mfa, ['pop', 'mca', 'mfa']])
  })

  it('goes on without JavaScript on the computer', async () => {
    const plain = await scene.openComputer({ javaScriptEnabled: false })
    const desk = await scene.signIn(plain)
    await approve(await scene.tapNotification(), await numberOn(desk.page))
    await assertByPush(desk)
    await plain.close()
  })

  it('speaks Italian, on the phone and on the computer', async () => {
    const settings = await openApp()
    await settings.getByRole('button', { name: 'Settings' }).click()
    await settings.getByText('Italiano').click()
    await heading(settings, 'Impostazioni')
    await scene.closeApp()
    const other = await scene.openComputer({ locale: 'it-IT' })
    const desk = await scene.signIn(other)
    await says(desk, /scrivi lì questo numero/)
    const [shown] = await scene.phone.whenNotified(scene.issuer)
    assert.match(shown?.title ?? '', /richiesta/i)
    const app = await scene.tapNotification()
    await heading(app, 'Stai accedendo?')
    const asked = await app.locator('main').innerText()
    for (const fact of [/Adesso/i, /Posto sconosciuto|Luogo sconosciuto/i, /Chrome su Linux/i])
      assert.match(asked, fact)
    await approve(app, await numberOn(desk.page))
    await assertByPush(desk)
    await other.close()
  })
})
