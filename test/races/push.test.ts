import assert from 'node:assert/strict'
import type { Account } from '../../src/directory/directory.ts'
import {
  type ApiAnswer,
  addPhoneOwner,
  askedOf,
  askPhone,
  eventsOf,
  failuresOf,
  invitationOn,
  numberOn,
  openPhone,
  type PhoneOwner,
  postFrom,
  reload,
  signInByPhone,
  startWithPhones,
} from '../support/phones.ts'
import { freshDatabase } from '../support/postgres.ts'
import type { AtPage, TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf } from '../support/relying-party.ts'
import { recoveryCodesOn } from '../support/steps.ts'

const many = 50
const times = <T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)))

/** Two nodes on one Redis and one PostgreSQL; the requests reach them in turn. */
describe('Phones at once, on two nodes', function () {
  this.timeout(180_000)
  let op: TestProvider
  let told: Awaited<ReturnType<typeof startWithPhones>>['told']
  let owner: PhoneOwner
  let people = 0
  before(async () => {
    ;({ op, told } = await startWithPhones({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      config: {
        passwords: { freeFailures: 100 },
        attempts: { freeFailures: 20, lockAfter: 100 },
        lifetimes: { interaction: 86_400 },
      },
    }))
  })
  after(() => op.close())
  beforeEach(async () => {
    owner = await addPhoneOwner(op)
    told.length = 0
  })

  /** One request of the same browser; redirects are not followed. */
  const post = ({ browser, page }: AtPage, fields: Record<string, string>) =>
    browser.once(page.url, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields),
    })
  const count = async ({ account }: { account: Account }, type: string) =>
    (await eventsOf(op, account)).filter((one) => one === type).length
  /** How often what was answered. */
  const tally = (answers: readonly ApiAnswer[]): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const { status, body } of answers) {
      const what = `${status} ${body['outcome'] ?? body['error'] ?? ''}`
      counts[what] = (counts[what] ?? 0) + 1
    }
    return counts
  }
  const invited = async () => {
    people += 1
    const account = await op.addPerson(`raced-${people}`)
    const at = await op.choose(await askPhone(op, account), 'push')
    return { account, at }
  }

  it('50 times one approval: it is accepted once', async () => {
    for (let round = 1; round <= 2; round++) {
      const at = await askPhone(op, owner)
      const asked = await askedOf(owner.phone)
      const answer = await owner.phone.soft.decide(asked, { num: numberOn(at.page) })
      const url = `requests/${asked.id}/decision`
      const seen = tally(await times(many, () => owner.phone.call('POST', url, answer)))
      assert.equal(await count(owner, 'factor.accepted'), round, JSON.stringify(seen))
      assert.ok((seen['200 approved'] ?? 0) >= 1, JSON.stringify(seen))
      for (const what of Object.keys(seen)) assert.match(what, /^(200 approved|404 request_gone)$/)
      assert.equal(await failuresOf(op, owner.account), 0)
      const late = at.browser.copy()
      assert.ok(codeOf((await reload(at)).page))
      assert.equal(codeOf(await late.get(at.page.url)), null, 'and once only')
      op.clock.advance(60)
    }
  })

  it('50 approvals and 50 denials: one outcome, and everybody hears the same', async () => {
    const outcomes = new Set<string>()
    for (let round = 0; round < 3; round++) {
      const [accepted, denied] = [await count(owner, 'factor.accepted'), await count(owner, 'request.denied')]
      const at = await askPhone(op, owner)
      const asked = await askedOf(owner.phone)
      const answers = await times(2 * many, async (index) =>
        owner.phone.decide(asked, index % 2 === 0 ? { num: numberOn(at.page) } : { decision: 'deny' }),
      )
      const seen = tally(answers)
      const said = Object.keys(seen).filter((what) => what.startsWith('200'))
      assert.equal(said.length, 1, JSON.stringify(seen))
      outcomes.add(said[0] as string)
      const approved = said[0] === '200 approved'
      assert.equal((await count(owner, 'factor.accepted')) - accepted, approved ? 1 : 0)
      assert.equal((await count(owner, 'request.denied')) - denied, approved ? 0 : 1)
      assert.equal(codeOf((await reload(at)).page) !== null, approved)
      assert.equal(await failuresOf(op, owner.account), 0, 'nothing was wrong')
      op.clock.advance(3_600)
    }
    assert.ok(outcomes.size > 0)
  })

  it('50 reports of what nobody answered: all are heard, one mail and one alert', async () => {
    await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    op.clock.advance(120)
    const mails = op.mails.length
    const answers = await times(many, () => owner.phone.decide(asked, { decision: 'report' }))
    const seen = tally(answers)
    assert.equal((seen['200 reported'] ?? 0) + (seen['404 request_gone'] ?? 0), many, JSON.stringify(seen))
    assert.ok(seen['200 reported'])
    assert.deepEqual([await count(owner, 'request.reported'), op.mails.length - mails], [1, 1])
    assert.notEqual((await op.duepassi.directory.accountById(owner.account.id))?.passwordDue, null)
  })

  it('50 reports in time end that sign-in, and no other session of the person', async () => {
    const own = await signInByPhone(op, owner)
    op.clock.advance(3_600)
    const fresh = await op.rp.refresh(own.tokens.refresh_token as string)
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    await times(many, () => owner.phone.decide(asked, { decision: 'report' }))
    assert.equal((await reload(at)).page.status, 403)
    assert.equal((await op.rp.introspect(fresh.access_token)).active, true)
  })

  it('50 approvals and 50 reports: whoever reported is heard, and one outcome', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    const answers = await times(2 * many, async (index) =>
      owner.phone.decide(asked, index % 2 === 0 ? { decision: 'report' } : { num: numberOn(at.page) }),
    )
    const seen = tally(answers)
    const approved = codeOf((await reload(at)).page) !== null
    assert.equal(approved, !seen['200 reported'], JSON.stringify(seen))
    if (!approved) {
      const account = await op.duepassi.directory.accountById(owner.account.id)
      assert.ok(account?.passwordDue)
      assert.equal(await count(owner, 'request.reported'), 1)
    }
  })

  it('50 wrong answers to one request: one is counted, and the request is over', async () => {
    const at = await askPhone(op, owner)
    const asked = await askedOf(owner.phone)
    const number = numberOn(at.page)
    const numbers = Array.from({ length: 100 }, (_, index) => String(index).padStart(2, '0'))
    const guesses = numbers.filter((one) => one !== number).slice(0, many)
    const seen = tally(
      await times(many, (index) => owner.phone.decide(asked, { num: guesses[index] as string })),
    )
    assert.equal(await failuresOf(op, owner.account), 1, JSON.stringify(seen))
    assert.equal(seen['422 wrong'], 1, JSON.stringify(seen))
    assert.equal((await owner.phone.decide(asked, { num: number })).status, 404)
    assert.equal(codeOf((await reload(at)).page), null)
  })

  it('50 phones with one invitation: one is taken', async () => {
    const { at, account } = await invited()
    const token = invitationOn(at.page)
    const phones = await times(many, () => openPhone(op))
    const { options } = (await (phones[0] as (typeof phones)[0]).post('invitations', { token })).body
    const bodies = await Promise.all(phones.map(({ soft }) => soft.enrol({ token, options })))
    // Each from an address of its own: more than ten at once from one would be taken for guesses.
    const url = `${op.issuer}/authenticator/api/devices`
    const answers = await times(many, (index) => postFrom(`127.0.1.${index + 1}`, url, bodies[index]))
    const seen = tally(answers)
    const taken = answers.filter(({ status }) => status === 201)
    assert.equal(taken.length, 1, JSON.stringify(seen))
    for (const what of Object.keys(seen)) assert.match(what, /^(201 |409 invitation_used)$/)
    const known = await Promise.all(phones.map((phone) => phone.call('GET', 'device')))
    assert.equal(known.filter(({ status }) => status === 200).length, 1)
    assert.deepEqual(await op.duepassi.directory.credentials(account.id), [])
  })

  it('50 times the number of an enrolment: one test is sent; 50 approvals of it: one phone', async () => {
    const { at, account } = await invited()
    const phone = await openPhone(op)
    const number = await phone.accept(at.page)
    await times(many, () => post(at, { intent: 'confirm', code: number, label: 'One' }))
    assert.equal(told.length, 1)
    const testing = await reload(at)
    const test = await askedOf(phone)
    const answer = await phone.soft.decide(test, { num: numberOn(testing.page) })
    const seen = tally(await times(many, () => phone.call('POST', `requests/${test.id}/decision`, answer)))
    assert.ok((seen['200 approved'] ?? 0) >= 1, JSON.stringify(seen))
    const held = async () => (await op.duepassi.directory.credentials(account.id)).map(({ factor }) => factor)
    assert.deepEqual(await held(), ['push'])
    assert.equal(await count({ account }, 'factor.enrolled'), 1)
    recoveryCodesOn((await reload(at)).page)
  })

  it('50 times "send again": one notification', async () => {
    const at = await askPhone(op, owner)
    assert.equal(told.length, 1)
    op.clock.advance(15.5)
    const answers = await times(many, () => post(at, { intent: 'send' }))
    const seen = answers.map(({ status }) => status).join(' ')
    assert.equal(told.length, 2, seen)
    assert.equal(answers.filter(({ status }) => status === 303).length, 1, seen)
    assert.equal(await count(owner, 'request.sent'), 2)
  })

  it('50 sign-ins of one person: one notification', async () => {
    const all: AtPage[] = []
    while (all.length < many) all.push(...(await times(5, () => askPhone(op, owner))))
    assert.equal(told.length, 1)
    op.clock.advance(11)
    await Promise.all(all.map((at) => post(at, { intent: 'send' })))
    assert.equal(told.length, 2)
    const asked = await askedOf(owner.phone)
    assert.equal(asked.id, told.at(-1)?.id, 'and the last is the one that waits')
  })

  it('an approval while another request is sent: that one or this one, and it can be approved', async () => {
    for (let round = 0; round < 6; round++) {
      const at = await askPhone(op, owner)
      const asked = await askedOf(owner.phone)
      op.clock.advance(15.5)
      const [decided, sent] = await Promise.all([
        owner.phone.decide(asked, { num: numberOn(at.page) }),
        post(at, { intent: 'send' }),
      ])
      const page = await reload(at)
      const seen = `round ${round}: ${JSON.stringify(decided.body)} ${sent.status}`
      if (decided.status === 200) assert.ok(codeOf(page.page), seen)
      else {
        assert.deepEqual(decided.body, { error: 'request_gone' }, seen)
        const next = await askedOf(owner.phone)
        assert.equal((await owner.phone.decide(next, { num: numberOn(page.page) })).status, 200, seen)
        await op.redeem(await reload(at))
      }
      op.clock.advance(3_600)
    }
  })

  it('50 guesses of an invitation: ten are judged', async () => {
    op.clock.advance(3_600)
    const answers = await times(many, () => owner.phone.post('invitations', { token: 'B'.repeat(10) }))
    const seen = tally(answers)
    assert.ok((seen['404 invitation_unknown'] ?? 0) <= 11, JSON.stringify(seen))
    op.clock.advance(3_600)
  })
})
