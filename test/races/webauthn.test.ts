import assert from 'node:assert/strict'
import type { Directory } from '../../src/directory/directory.ts'
import { Browser } from '../support/browser.ts'
import {
  answerWith,
  assertionFor,
  atKey,
  badSignature,
  enrolKey,
  enterWith,
  type KeyHolder,
  offers,
  questionOn,
  registrationFor,
} from '../support/passkeys.ts'
import { freshDatabase } from '../support/postgres.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { recoveryCodesOn } from '../support/steps.ts'

const many = 50
const times = <T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)))

/** Two nodes on one Redis and one PostgreSQL; the requests reach them in turn. */
describe('Security keys at once, on two nodes', function () {
  this.timeout(120_000)
  let op: TestProvider
  before(async () => {
    op = await startProvider({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      config: { passwords: { freeFailures: 100 }, lifetimes: { interaction: 86_400 } },
    })
  })
  after(() => op.close())

  const post = ({ browser, page }: AtPage, fields: Record<string, string>) =>
    browser.once(page.url, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields),
    })
  const answer = (at: AtPage, response: string) => post(at, { intent: 'answer', response })
  const failures = async ({ account }: KeyHolder) =>
    (await op.duepassi.directory.changeAttempts(account.id, 'webauthn', (state) => state)).before.failures
  const count = async ({ account }: KeyHolder, type: string) =>
    (await op.audit(account.id)).filter((event) => event.type === type).length
  const webauthnOf = async (id: string) =>
    (await op.duepassi.directory.credentials(id)).filter(({ factor }) => factor === 'webauthn')

  it('50 identical answers to one question: one is accepted, and the sign-in goes on', async () => {
    const key = createSoftAuthenticator({ counter: { start: 1, step: 1 } })
    const holder = await enrolKey(op, 'fifty', key)
    for (let round = 1; round <= 3; round++) {
      const at = await atKey(op, 'fifty')
      const response = assertionFor(at.page, key)
      const answers = await times(many, () => answer(at, response))
      const seen = `round ${round}: ${answers.map(({ status }) => status).join(' ')}`
      assert.equal(await count(holder, 'factor.accepted'), round, seen)
      // A browser shows the answer to its last click: whichever that was, the sign-in is over.
      assert.ok(codeOf(await at.browser.get(at.page.url)), seen)
      assert.equal(await count(holder, 'factor.refused'), 0, seen)
      assert.equal(await failures(holder), 0, seen)
    }
  })
  it('the same form sent three times ends where the single one does', async () => {
    const key = createSoftAuthenticator()
    const holder = await enrolKey(op, 'clicks', key)
    for (let round = 1; round <= 10; round++) {
      const at = await atKey(op, 'clicks')
      const response = assertionFor(at.page, key)
      const answers = await times(3, () => answer(at, response))
      const seen = `round ${round}: ${answers.map(({ status }) => status).join(' ')}`
      for (const { status } of answers) assert.equal(status, 303, seen)
      assert.ok(codeOf(await at.browser.get(at.page.url)), seen)
      assert.equal(await count(holder, 'factor.accepted'), round, seen)
      assert.equal(await failures(holder), 0, seen)
    }
  })
  it('answers that are wrong are judged once for each question, and each is counted', async () => {
    const key = createSoftAuthenticator()
    const holder = await enrolKey(op, 'wrong', key)
    const at = await atKey(op, 'wrong')
    const response = assertionFor(at.page, key, badSignature)
    const answers = await times(many, () => answer(at, response))
    const seen = answers.map(({ status }) => status).join(' ')
    assert.equal(await count(holder, 'factor.refused'), 1, seen)
    assert.equal(await failures(holder), 1, seen)
    for (const { status } of answers) assert.equal(status, 422, seen)
    assert.equal(await count(holder, 'factor.accepted'), 0)
    assert.equal(codeOf(await at.browser.get(at.page.url)), null)
  })
  it('two sign-ins of one person do not disturb one another, though the key counts', async () => {
    const key = createSoftAuthenticator({ counter: { start: 1, step: 1 } })
    const holder = await enrolKey(op, 'tabs', key)
    const first = await op.redeem(await answerWith(await atKey(op, 'tabs'), key))
    // Two tabs of one browser: each is a sign-in of its own, with a question of its own.
    const tabs = [
      await op.typePassword(await op.begin({ prompt: 'login' }, first.browser), { username: 'tabs' }),
      await op.typePassword(await op.begin({ prompt: 'login' }, first.browser), { username: 'tabs' }),
    ]
    const responses = tabs.map(({ page }) => assertionFor(page, key))
    const before = await count(holder, 'factor.accepted')
    const answers = await Promise.all(
      tabs.map((at, index) => op.submit(at, { intent: 'answer', response: responses[index] ?? '' })),
    )
    const won = answers.filter(({ page }) => codeOf(page) !== null)
    assert.ok(won.length >= 1, answers.map(({ page }) => page.status).join(' '))
    assert.equal(await count(holder, 'factor.accepted'), before + won.length)
    // Whoever came with the lower count, or lost the compare-and-set, is asked again.
    for (const at of answers.filter(({ page }) => codeOf(page) === null)) {
      assert.equal(at.page.status, 422)
      assert.ok(codeOf((await answerWith(at, key)).page))
    }
  })
  it('one question asked in two tabs of one sign-in is judged in one of them', async () => {
    const key = createSoftAuthenticator()
    const holder = await enrolKey(op, 'same', key)
    const at = await atKey(op, 'same')
    const tab = { ...at, page: await at.browser.get(at.page.url) }
    const responses = [assertionFor(at.page, key), assertionFor(tab.page, key)]
    assert.notEqual(responses[0], responses[1])
    const answers = await Promise.all([at, tab].map((one, index) => answer(one, responses[index] ?? '')))
    assert.equal(await count(holder, 'factor.accepted'), 1, answers.map(({ status }) => status).join(' '))
    assert.ok(codeOf(await at.browser.get(at.page.url)))
    assert.equal(await failures(holder), 0)
  })
  it('20 enrolments of different keys by one account: one is added', async () => {
    const { id } = await op.addPerson('twenty')
    const all: AtPage[] = []
    // Five at a time: more right passwords of one account at once would be told to wait.
    while (all.length < 20)
      all.push(
        ...(await times(5, async () => op.choose(await atKey(op, 'twenty', new Browser()), 'webauthn'))),
      )
    const keys = all.map(() => createSoftAuthenticator())
    const answers = await Promise.all(
      all.map((at, index) =>
        op.submit(at, {
          intent: 'confirm',
          label: `key ${index}`,
          response: registrationFor(at.page, keys[index] as (typeof keys)[number]),
        }),
      ),
    )
    const own = await webauthnOf(id)
    assert.equal(own.length, 1)
    const winner = keys.findIndex(({ credentials }) => credentials[0]?.id === own[0]?.handle)
    assert.equal(own[0]?.label, `key ${winner}`)
    const shown = answers.filter(({ page }) => /[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{4}/.test(page.body))
    assert.equal(shown.length, 1, 'one page with recovery codes')
    const ends = await Promise.all(all.map((at) => op.submit(at, { intent: 'saved' })))
    assert.equal(ends.filter(({ page }) => codeOf(page) !== null).length, 1)
    assert.equal((await webauthnOf(id)).length, 1)
    // The others are asked for the key that is there now, and theirs open nothing.
    const asked = await atKey(op, 'twenty', new Browser())
    assert.ok(offers(asked.page, 'get'))
    const loser = keys[(winner + 1) % keys.length] as (typeof keys)[number]
    assert.equal((await enterWith(await op.begin(), loser)).page.status, 401)
    await op.redeem(await answerWith(asked, keys[winner] as (typeof keys)[number]))
  })
  it('one registration that is sent five times: one key, one set of codes, and the sign-in goes on', async () => {
    for (let round = 1; round <= 3; round++) {
      const account = await op.addPerson(`sent-${round}`)
      const at = await op.choose(await atKey(op, account.username, new Browser()), 'webauthn')
      const key = createSoftAuthenticator()
      const fields = { intent: 'confirm', label: 'once', response: registrationFor(at.page, key) }
      const answers = await times(5, () => post(at, fields))
      const seen = answers.map(({ status }) => status).join(' ')
      assert.deepEqual(
        (await webauthnOf(account.id)).map(({ handle }) => handle),
        [key.credentials[0]?.id],
      )
      const enrolled = (await op.audit(account.id)).filter(({ type }) => type === 'factor.enrolled')
      assert.equal(enrolled.length, 1, seen)
      const issuing = { ...at, page: await at.browser.get(at.page.url) }
      assert.equal(recoveryCodesOn(issuing.page).length, 10, seen)
      await op.redeem(await op.submit(issuing, { intent: 'saved' }))
      await op.redeem(await answerWith(await atKey(op, account.username, new Browser()), key))
    }
  })
  it('one credential id that two accounts register: one has it', async () => {
    for (let round = 0; round < 5; round++) {
      const names = [`left-${round}`, `right-${round}`]
      const people = await Promise.all(names.map((name) => op.addPerson(name)))
      const credentialId = Buffer.alloc(32, round + 1)
      const keys = names.map(() => createSoftAuthenticator())
      const pages = await Promise.all(
        names.map(async (name) => op.choose(await atKey(op, name, new Browser()), 'webauthn')),
      )
      const responses = pages.map(({ page }, index) =>
        registrationFor(page, keys[index] as (typeof keys)[number], { tamper: { credentialId } }),
      )
      const answers = await Promise.all(
        pages.map((at, index) =>
          op.submit(at, { intent: 'confirm', label: '', response: responses[index] ?? '' }),
        ),
      )
      const owned = await Promise.all(people.map(({ id }) => webauthnOf(id)))
      const seen = answers.map(({ page }) => `${page.status} ${page.url.pathname}`).join(', ')
      assert.deepEqual(owned.map(({ length }) => length).toSorted(), [0, 1], seen)
      const winner = owned.findIndex(({ length }) => length === 1)
      assert.match((answers[winner] as AtPage).page.body, /[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{4}/)
      assert.equal(
        (await enterWith(await op.begin(), keys[1 - winner] as (typeof keys)[number])).page.status,
        401,
      )
      // Nobody is left behind: whoever lost sets another one up.
      const again = await op.choose(await atKey(op, names[1 - winner] ?? '', new Browser()), 'webauthn')
      assert.ok(offers(again.page, 'create'))
    }
  })
  it('50 identical passkey answers, on both nodes: one signs in', async () => {
    const key = createSoftAuthenticator()
    const holder = await enrolKey(op, 'alone', key)
    for (let round = 1; round <= 3; round++) {
      const at = await op.begin()
      const fields = {
        intent: 'passkey',
        question: questionOn(at.page),
        response: assertionFor(at.page, key),
      }
      const answers = await times(many, () => post(at, fields))
      const seen = answers.map(({ status }) => status).join(' ')
      assert.equal(answers.filter(({ status }) => status === 303).length, 1, seen)
      assert.equal(await count(holder, 'factor.accepted'), round)
      assert.equal(await count(holder, 'factor.refused'), 0)
      const end = await at.browser.get(`${at.page.url.href}/second-factor`)
      assert.ok((await at.request.finish(end.url)).access_token)
    }
  })
})

/** Not left to chance: one request is held until another is over. */
describe('Answers of a security key in the worst order', () => {
  const key = createSoftAuthenticator()
  let hooks: Partial<Record<keyof Directory, () => Promise<void>>> = {}
  let op: TestProvider
  let holder: KeyHolder
  before(async () => {
    op = await startProvider({ parts: { wrapDirectory: (directory) => hooked(directory) } })
    holder = await enrolKey(op, 'anna', key)
  })
  after(() => op.close())
  beforeEach(() => op.duepassi.directory.clearAttempts(holder.account.id))

  /** Runs a task before the next call of a method, once. */
  const hooked = (directory: Directory): Directory =>
    new Proxy(directory, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return async (...given: unknown[]) => {
          const hook = hooks[name as keyof Directory]
          hooks = { ...hooks, [name]: undefined }
          await hook?.()
          return value.apply(target, given)
        }
      },
    })
  const send = ({ browser, page }: AtPage, response: string) =>
    browser.once(page.url, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ intent: 'answer', response }),
    })

  it('a second click while the first is judged does not undo it', async () => {
    const at = await atKey(op, 'anna')
    const right = assertionFor(at.page, key)
    const codes: number[] = []
    hooks = { spend: async () => void codes.push((await send(at, right)).status) }
    codes.push((await send(at, right)).status)
    assert.equal(codes.length, 2)
    assert.equal(codes[1], 303, `the second, then the first: ${codes}`)
    assert.ok(codeOf(await at.browser.get(at.page.url)), 'what was accepted is accepted')
  })
  it('nor does one by which somebody else signs in meanwhile count for them', async () => {
    const other = await enrolKey(op, 'luigi', createSoftAuthenticator())
    const at = await atKey(op, 'anna')
    const right = assertionFor(at.page, key)
    hooks = {
      async spend() {
        const login = {
          ...at,
          page: { ...at.page, url: new URL(at.page.url.href.replace('/second-factor', '')) },
        }
        const asked = await op.typePassword(login, { username: 'luigi' })
        assert.ok(offers(asked.page, 'get'))
      },
    }
    await send(at, right)
    const later = await at.browser.get(at.page.url)
    assert.equal(codeOf(later), null)
    assert.ok(offers(later, 'get'))
    assert.equal(await signInsOf(other), 1, 'that of the enrolment')
  })
  it('what is wrong is not remembered as what worked in this browser', async () => {
    const browser = new Browser()
    const at = await atKey(op, 'anna', browser)
    let asked = at
    for (let time = 0; time < 2; time++) asked = await answerWith(asked, key, badSignature)
    const wrong = assertionFor(asked.page, key, badSignature)
    hooks = { changeAttempts: async () => void (await send(asked, wrong)) }
    await send(asked, wrong)
    assert.equal(codeOf(await browser.get(at.page.url)), null)
    assert.equal(
      browser.cookies().some(({ name }) => name === 'duepassi-way'),
      false,
    )
  })
  it('one that is removed while it is judged proves nothing', async () => {
    const own = createSoftAuthenticator()
    const { account } = await enrolKey(op, 'gone', own)
    const at = await atKey(op, 'gone')
    const alone = await op.begin()
    hooks = { spend: async () => void (await op.duepassi.directory.removeCredentials(account.id)) }
    assert.equal(codeOf((await answerWith(at, own)).page), null)
    await op.duepassi.directory.clearAttempts(account.id)
    const again = createSoftAuthenticator()
    const { account: another } = await enrolKey(op, 'gone-too', again)
    hooks = { spend: async () => void (await op.duepassi.directory.removeCredentials(another.id)) }
    const { page } = await enterWith(alone, again)
    assert.equal(page.status, 401)
    assert.equal(codeOf(page), null)
  })

  const signInsOf = async ({ account }: KeyHolder) =>
    (await op.audit(account.id)).filter(({ type }) => type === 'signin.finished').length
})
