import assert from 'node:assert/strict'
import { Browser } from '../support/browser.ts'
import {
  addPhoneOwner,
  askedOf,
  askPhone,
  enrolPhone,
  invitationOn,
  numberOn,
  openPhone,
  type PhoneOwner,
  reload,
  signInByPhone,
  startWithPhones,
  wrongNumber,
} from '../support/phones.ts'
import { type AtPage, mfa, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { recoveryCodesOn } from '../support/steps.ts'

/** The code for whoever cannot scan. */
const typedOn = ({ body }: { body: string }): string => {
  const code = /<code class="secret">([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2})</.exec(body)?.[1]
  assert.ok(code, 'a code to type on the page')
  return code
}

describe('setting a phone up', () => {
  let op: TestProvider
  let told: Awaited<ReturnType<typeof startWithPhones>>['told']
  let people = 0
  before(async () => {
    ;({ op, told } = await startWithPhones())
  })
  after(() => op.close())
  beforeEach(() => {
    told.length = 0
  })

  const invited = async (): Promise<AtPage & { username: string; id: string }> => {
    people += 1
    const username = `person-${people}`
    const { id } = await op.addPerson(username)
    const at = await op.choose(await op.typePassword(await op.begin(), { username }), 'push')
    return { ...at, username, id }
  }
  const confirm = (at: AtPage, code: string) => op.submit(at, { intent: 'confirm', code, label: '' })
  const held = async (id: string) => (await op.duepassi.directory.credentials(id)).map(({ factor }) => factor)

  it('goes by the picture: number, test, recovery codes, and ends in a token of two factors', async () => {
    const at = await invited()
    const phone = await openPhone(op)
    const number = await phone.accept(at.page)
    assert.match(number, /^\d{4}$/)
    assert.ok(!(await reload(at)).page.body.includes(number), 'the computer never shows it')
    const testing = await confirm(at, number)
    assert.equal(told.length, 1, 'the test is told as every request is')
    const test = await askedOf(phone)
    assert.deepEqual([test.kind, test.digits, test.id], ['test', 2, told[0]?.id])
    assert.deepEqual(await held(at.id), [], 'nothing is added before the test')
    assert.deepEqual((await phone.call('GET', 'device')).body['state'], 'testing')
    assert.equal((await phone.decide(test, { num: numberOn(testing.page) })).status, 200)
    const codes = await reload(at)
    recoveryCodesOn(codes.page)
    const { tokens } = await op.redeem(await op.submit(codes, { intent: 'saved' }))
    assert.deepEqual(tokens.claims()?.['amr'], ['pwd', 'pop', 'mca', 'mfa'])
    assert.equal(tokens.claims()?.acr, mfa)
    assert.deepEqual(await held(at.id), ['push', 'recovery-code'])
    assert.deepEqual((await phone.call('GET', 'device')).body['state'], 'active')
    assert.match(op.mails.at(-1)?.text ?? '', /phone/i)
  })

  it('goes by a code that is typed, in any spelling', async () => {
    const at = await invited()
    const phone = await openPhone(op)
    const typed = ` ${typedOn(at.page).toLowerCase().replaceAll('-', ' ')} `
    const testing = await confirm(at, await phone.accept(typed))
    assert.equal((await phone.decide(await askedOf(phone), { num: numberOn(testing.page) })).status, 200)
    recoveryCodesOn((await reload(at)).page)
  })

  it('is over after the number was typed wrong three times, and the phone is forgotten', async () => {
    const at = await invited()
    const phone = await openPhone(op)
    const number = await phone.accept(at.page)
    const wrong = number === '0000' ? '0001' : '0000'
    for (let time = 1; time <= 3; time++) {
      assert.equal((await phone.call('GET', 'device')).body['state'], 'confirming')
      const refused = await confirm(at, wrong)
      assert.notEqual(refused.page.status, 200)
      op.clock.advance(60)
    }
    assert.equal((await phone.call('GET', 'device')).status, 401)
    const again = await reload(at)
    const late = await confirm(at, number)
    assert.deepEqual([codeOf(late.page), await held(at.id)], [null, []])
    assert.match(again.page.body, /\/authenticator\/#e=/, 'another picture')
    assert.notEqual(invitationOn(again.page), invitationOn(at.page))
  })

  it('counts the tries where they are made at once, too', async () => {
    const at = await invited()
    const phone = await openPhone(op)
    const number = await phone.accept(at.page)
    const guesses = Array.from({ length: 30 }, (_, index) => String((Number(number) + 1 + index) % 10_000))
    const answers = await Promise.all(guesses.map((guess) => confirm(at, guess.padStart(4, '0'))))
    const judged = answers.filter(({ page }) => page.status === 422)
    assert.ok(judged.length <= 3, answers.map(({ page }) => page.status).join(' '))
  })

  it('does not end by a wrong number in the test, which can be repeated by the button alone', async () => {
    const at = await invited()
    const phone = await openPhone(op)
    const testing = await confirm(at, await phone.accept(at.page))
    const test = await askedOf(phone)
    const decided = await phone.decide(test, { num: wrongNumber(testing.page) })
    assert.deepEqual([decided.status, decided.body], [422, { error: 'wrong' }])
    assert.equal(await phone.asked(), undefined, 'that test is over')
    assert.equal((await phone.decide(test, { num: numberOn(testing.page) })).status, 404)
    assert.equal((await phone.call('GET', 'device')).status, 200)
    const renewed = await op.submit(await reload(at), { intent: 'send' })
    const next = await askedOf(phone)
    assert.notEqual(next.id, test.id)
    assert.equal((await phone.decide(next, { num: numberOn(renewed.page) })).status, 200)
    assert.deepEqual(await held(at.id), ['push'])
  })

  it('shows and asks a phone that is not confirmed nothing of the account', async () => {
    const owner = await addPhoneOwner(op)
    const page = await startSecurityPage(owner)
    const adding = await page.add()
    const stranger = await openPhone(op)
    await stranger.accept(adding)
    const asking = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    assert.equal(await stranger.asked(), undefined)
    const answer = await stranger.soft.decide(asked, { num: numberOn(asking.page) })
    assert.equal((await stranger.call('POST', `requests/${asked.id}/decision`, answer)).status, 404)
    // Nor in the name of the one that is.
    const forged = await stranger.soft.decide(asked, {
      num: numberOn(asking.page),
      header: { kid: owner.phone.soft.thumbprint },
    })
    assert.equal((await stranger.call('POST', `requests/${asked.id}/decision`, forged)).status, 404)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(asking.page) })).status, 200)
  })

  it('answers a phone that asks while another factor is set up by now, and logs nothing of that', async () => {
    const at = await invited()
    const phone = await openPhone(op)
    await phone.accept(at.page)
    const other = await op.choose(await op.submit(at, { intent: 'choose-again' }), 'totp')
    const secret = /secret=([A-Z2-7]{32})/.exec(other.page.body)?.[1] ?? ''
    assert.equal(secret.length, 32)
    op.logged.length = 0
    assert.equal((await phone.call('GET', 'device')).status, 401)
    assert.equal((await phone.call('GET', 'requests')).status, 401)
    assert.ok(!op.logged.some((line) => line.includes(secret.slice(0, 8))), 'nothing of the other secret')
  })

  it('tells nothing to an invitation that another one has taken the place of', async () => {
    const at = await invited()
    const phone = await openPhone(op)
    const old = invitationOn(at.page)
    const renewed = await op.submit(at, { intent: 'send' })
    assert.notEqual(invitationOn(renewed.page), old)
    const offered = await phone.post('invitations', { token: old })
    assert.deepEqual([offered.status, offered.body], [404, { error: 'invitation_unknown' }])
    await phone.accept(renewed.page)
  })

  it('is not possible on one phone twice, by the same key', async () => {
    const owner = await addPhoneOwner(op)
    const page = await startSecurityPage(owner)
    const { phone } = owner
    const number = await phone.accept(await page.add())
    await page.post({ intent: 'confirm', code: number, label: '' })
    // It is known as the phone that the account has; the test of the other enrolment is none of its requests.
    assert.equal((await phone.call('GET', 'device')).body['state'], 'active')
    assert.equal(await phone.asked(), undefined)
    assert.deepEqual(await held(owner.account.id), ['push', 'recovery-code'])
  })

  /** The security page of somebody who signs in there with their phone. */
  const startSecurityPage = async (owner: PhoneOwner) => {
    const browser = new Browser()
    const login = await browser.get(`${op.issuer}/account`)
    const at = { browser, page: login, request: undefined as never }
    const asking = await op.typePassword(at, { username: owner.username })
    const asked = await askedOf(owner.phone)
    assert.equal((await owner.phone.decide(asked, { num: numberOn(asking.page) })).status, 200)
    let page = await browser.get(asking.page.url)
    assert.equal(page.url.pathname, '/account', page.body.slice(0, 500))
    const action = () => {
      const found = /<form method="post" action="([^"]*\/account\/change[^"]*)"/.exec(page.body)?.[1]
      assert.ok(found, 'a form of the change')
      return new URL(found.replaceAll('&amp;', '&'), op.issuer)
    }
    return {
      browser,
      async add() {
        page = await browser.get(`${op.issuer}/account/add?factor=push`)
        return page
      },
      async post(fields: Record<string, string>) {
        page = await browser.post(action(), fields)
        return page
      },
      async reload() {
        page = await browser.get(`${op.issuer}/account/change`)
        return page
      },
    }
  }

  it('goes on the security page, for a second phone: any of the two answers then', async () => {
    const owner = await addPhoneOwner(op)
    const page = await startSecurityPage(owner)
    const second = await openPhone(op)
    const number = await second.accept(await page.add())
    const testing = await page.post({ intent: 'confirm', code: number, label: 'The other' })
    const test = await askedOf(second)
    assert.equal(test.kind, 'test')
    assert.equal(await owner.phone.asked(), undefined, 'the first is not asked')
    assert.equal((await second.decide(test, { num: numberOn(testing) })).status, 200)
    assert.equal((await page.reload()).url.pathname, '/account')
    assert.deepEqual(await held(owner.account.id), ['push', 'recovery-code', 'push'])
    op.clock.advance(3_600)
    told.length = 0
    for (const phone of [owner.phone, second]) {
      await signInByPhone(op, { ...owner, phone })
      op.clock.advance(3_600)
    }
    assert.equal(told.length, 4, 'both are told of each')
    // Once one has answered, the other has nothing to answer.
    const at = await askPhone(op, owner)
    const [one, other] = [await askedOf(owner.phone), await askedOf(second)]
    assert.equal(one.id, other.id)
    assert.equal((await owner.phone.decide(one, { num: numberOn(at.page) })).status, 200)
    assert.equal(await second.asked(), undefined)
    const late = await second.decide(other, { num: numberOn(at.page) })
    assert.deepEqual([late.status, late.body], [404, { error: 'request_gone' }])
    await op.redeem(await reload(at))
  })

  it('keeps two accounts on one phone apart', async () => {
    const [maria, anna] = [await addPhoneOwner(op), await addPhoneOwner(op)]
    const forMaria = await askPhone(op, maria)
    assert.equal(await anna.phone.asked(), undefined)
    const asked = await askedOf(maria.phone)
    assert.equal(JSON.parse(asked.shown).account, maria.username)
    // The browser of the phone has one cookie, with both of them.
    const cookie = async (phone: PhoneOwner['phone'], sent = '') => {
      const put = await phone.call('PUT', 'device', { address: null }, sent ? { cookie: sent } : {})
      return put.headers.getSetCookie().find((line) => line.startsWith('duepassi-authenticator=')) ?? ''
    }
    const first = (await cookie(maria.phone)).split(';')[0] ?? ''
    const both = (await cookie(anna.phone, first)).split(';')[0] ?? ''
    assert.equal(both.split('=')[1]?.split('.').length, 2)
    assert.ok(both.includes(first.split('=')[1] ?? '-'))
    assert.equal((await maria.phone.decide(asked, { num: numberOn(forMaria.page) })).status, 200)
    await op.redeem(await reload(forMaria))
    await enrolPhone(op, await op.atSecondStep())
  })
})
