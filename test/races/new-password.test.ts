import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { isAskedForOne, typed } from '../flows/new-passwords.ts'
import { isLetIn } from '../flows/trusted-browsers.ts'
import { type AtPage, cheapHasher, startProvider, type TestProvider } from '../support/provider.ts'

describe('a new password, of many at once', () => {
  let hashing = 0
  let op: TestProvider
  let asked: AtPage
  beforeEach(async () => {
    const hasher = cheapHasher()
    // Long enough that all of them have looked at the account before one of them changes it.
    const hash = async (password: string) => {
      hashing += 1
      await pause(400)
      return hasher.hash(password)
    }
    op = await startProvider({ parts: { hasher: { ...hasher, hash } } })
    const { secret } = await op.enrol()
    op.clock.advance(1)
    await op.duepassi.directory.changeAccount(op.maria.id, { passwordDue: op.clock.now() })
    const code = op.nextCode(secret)
    asked = await op.submit(await op.atSecondStep(), { intent: 'answer', code })
    isAskedForOne(asked)
    hashing = 0
  })
  afterEach(() => op.close())

  const stored = async () => {
    const account = await op.duepassi.directory.accountById(op.maria.id)
    assert.ok(account)
    return account
  }
  const isNow = async (password: string) => op.duepassi.hasher.verify((await stored()).passwordHash, password)
  const changes = async () =>
    (await op.audit()).filter(({ type, reason }) => type === 'password.changed' && reason === 'by-owner')
      .length
  const post = ({ browser, page }: AtPage, password: string) =>
    browser.once(page.url, {
      method: 'POST',
      headers: {
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(typed(password)),
    })

  it('is changed by one of 50 posts, in two tabs, and both go on', async () => {
    const other = await op.begin({}, asked.browser)
    isAskedForOne(other)
    const passwords = Array.from({ length: 50 }, (_, index) => `tre passi indietro ${index}`)
    const answers = await Promise.all(
      passwords.map((password, index) => post(index % 2 === 0 ? asked : other, password)),
    )
    assert.ok(hashing >= 20, `${hashing} were hashing at once`)
    assert.deepEqual(
      answers.filter(({ status }) => status !== 303),
      [],
    )
    assert.equal(await changes(), 1)
    assert.equal(op.mails.filter(({ subject }) => subject.includes('a new password was chosen')).length, 1)
    const winners = await Promise.all(passwords.map(isNow))
    assert.equal(winners.filter(Boolean).length, 1)
    assert.equal((await stored()).passwordDue, null)
    for (const at of [asked, other]) isLetIn(await op.submit(at, typed('quattro passi di lato')))
    assert.equal(await changes(), 1)
  })

  it('yields to an administrator who sets one meanwhile', async () => {
    const passwordHash = await cheapHasher().hash('set by an administrator')
    const answer = op.submit(asked, typed('tre passi indietro'))
    while (hashing === 0) await pause(5)
    await op.duepassi.directory.changeAccount(op.maria.id, { passwordHash, passwordDue: null })
    isLetIn(await answer)
    assert.equal(await isNow('set by an administrator'), true)
    assert.equal(await changes(), 0)
  })

  it('yields to a demand that is made again meanwhile', async () => {
    const answer = op.submit(asked, typed('tre passi indietro'))
    while (hashing === 0) await pause(5)
    op.clock.advance(5)
    const passwordDue = op.clock.now()
    await op.duepassi.directory.changeAccount(op.maria.id, { passwordDue })
    assert.match((await answer).page.body, /current-password/)
    assert.equal((await stored()).passwordDue, passwordDue)
    assert.equal(await changes(), 0)
  })
})
