import assert from 'node:assert/strict'
import type { Account } from '../../src/directory/directory.ts'
import { freshDatabase } from '../support/postgres.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf } from '../support/relying-party.ts'
import { codeIn, collectTexts } from '../support/texts.ts'

const many = 50
const times = <T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)))

/** Two nodes on one Redis and one PostgreSQL; the requests reach them in turn. */
describe('Codes by text message at once, on two nodes', function () {
  this.timeout(180_000)
  const { texts, delivery } = collectTexts()
  let op: TestProvider
  let people = 0
  before(async () => {
    op = await startProvider({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      parts: { texts: delivery },
      config: {
        // Twenty are judged at once, and meet at the compare-and-set.
        attempts: { freeFailures: 20, lockAfter: 100 },
        passwords: { freeFailures: 100 },
        lifetimes: { interaction: 86_400 },
        messages: { perHourFromAddress: 10_000 },
      },
    })
  })
  after(() => op.close())
  beforeEach(() => {
    texts.length = 0
    op.clock.advance(3_600)
  })

  const atStepTwo = async ({ username }: Account): Promise<AtPage> =>
    op.typePassword(await op.begin(), { username })
  /** Somebody who has set a number up, an hour ago. */
  const someone = async (): Promise<Account> => {
    people += 1
    const account = await op.addPerson(`person-${people}`)
    const at = await op.choose(await atStepTwo(account), 'sms')
    await op.submit(at, { intent: 'address', address: `+39347${1_000_000 + people}` })
    await op.submit(at, { intent: 'confirm', code: codeIn(texts.at(-1)), label: '' })
    await op.redeem(await op.submit(at, { intent: 'saved' }))
    op.clock.advance(3_600)
    texts.length = 0
    return account
  }
  /** One request of the same browser; redirects are not followed. */
  const post = ({ browser, page }: AtPage, fields: Record<string, string>) =>
    browser.once(page.url, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields),
    })
  const count = async ({ id }: Account, type: string) =>
    (await op.audit(id)).filter((event) => event.type === type).length
  const counterOf = async ({ id }: Account) =>
    (await op.duepassi.directory.credentials(id)).find(({ factor }) => factor === 'sms')?.counter

  it('50 times the right code: it is accepted once, and the sign-in goes on', async () => {
    const account = await someone()
    const finished = await count(account, 'signin.finished')
    for (let round = 1; round <= 3; round++) {
      const at = await atStepTwo(account)
      const code = codeIn(texts.at(-1))
      const answers = await times(many, () => post(at, { intent: 'answer', code }))
      const seen = `round ${round}: ${answers.map(({ status }) => status).join(' ')}`
      assert.equal(await count(account, 'factor.accepted'), round, seen)
      assert.equal(await counterOf(account), round, seen)
      // One that comes between the count of all fifty and the success is told to wait.
      for (const { status } of answers) assert.ok(status === 303 || status === 429, seen)
      // A browser shows the answer to its last click, whichever that is.
      const late = at.browser.copy()
      assert.ok(codeOf(await at.browser.get(at.page.url)), seen)
      assert.equal(codeOf(await late.get(at.page.url)), null, `${seen}: and once only`)
      assert.ok((await count(account, 'signin.finished')) > finished)
      op.clock.advance(3_600)
    }
  })

  it('50 sign-ins with the code of one of them: that one is let in', async () => {
    const account = await someone()
    const own = await atStepTwo(account)
    const code = codeIn(texts.at(-1))
    const all = [own]
    while (all.length < many) all.push(...(await times(7, () => atStepTwo(account))))
    assert.equal(texts.length, 1, 'no second message within 30 s')
    const answers = await Promise.all(all.map((at) => op.submit(at, { intent: 'answer', code })))
    const accepted = await count(account, 'factor.accepted')
    // Of fifty at once twenty are judged; the right one may be among those that wait.
    const others = answers.slice(1).filter(({ page }) => codeOf(page) || /value="saved"/.test(page.body))
    assert.equal(others.length, 0)
    assert.ok(accepted <= 1)
    assert.equal(await counterOf(account), accepted)
  })

  it('50 times "send": one message', async () => {
    const account = await someone()
    const at = await atStepTwo(account)
    assert.equal(texts.length, 1)
    op.clock.advance(30)
    const answers = await times(many, () => post(at, { intent: 'send' }))
    const seen = answers.map(({ status }) => status).join(' ')
    assert.equal(texts.length, 2, seen)
    assert.equal(answers.filter(({ status }) => status === 303).length, 1, seen)
    for (const { status } of answers) assert.ok([303, 422, 429].includes(status), seen)
    assert.equal(await count(account, 'message.sent'), 3, 'with the one that set the number up')
  })

  it('50 sign-ins of one person: one message', async () => {
    const account = await someone()
    const all: AtPage[] = []
    while (all.length < many) all.push(...(await times(5, () => atStepTwo(account))))
    op.clock.advance(30)
    texts.length = 0
    await Promise.all(all.map((at) => post(at, { intent: 'send' })))
    assert.equal(texts.length, 1)
  })

  it('50 people with one new number: one message', async () => {
    const number = '+393479999999'
    const all = await times(many, async () => {
      people += 1
      const account = await op.addPerson(`person-${people}`)
      return op.choose(await atStepTwo(account), 'sms')
    })
    const answers = await Promise.all(all.map((at) => post(at, { intent: 'address', address: number })))
    assert.equal(texts.length, 1, answers.map(({ status }) => status).join(' '))
    assert.equal(answers.filter(({ status }) => status === 303).length, 1)
  })
})
