import assert from 'node:assert/strict'
import { DuepassiError } from '../../src/errors.ts'
import { createHasher, type Hasher } from '../../src/passwords/hashing.ts'
import { type AtPage, cheapHasher, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'

/** A page without what differs between any two answers: nonces, and the name that was typed. */
const comparable = ({ page }: AtPage, username: string) => ({
  status: page.status,
  body: page.body
    .replaceAll(/nonce="[^"]*"/g, 'nonce')
    .replaceAll(/&#34;challenge&#34;:&#34;[\w-]+&#34;/g, 'challenge')
    .replaceAll(/(name="question") value="[^"]*"/g, '$1')
    .replaceAll(/value="[^"]*"/g, (value) => (value === `value="${username}"` ? 'value' : value)),
  headers: Object.fromEntries(
    [...page.headers]
      .filter(([name]) => !['date', 'x-request-id', 'content-length'].includes(name))
      .map(([name, value]) => [name, value.replaceAll(/'nonce-[^']*'/g, 'nonce')]),
  ),
})

describe('a wrong password', () => {
  let op: TestProvider
  let verified: Array<string | undefined> = []
  before(async () => {
    const cheap = cheapHasher()
    const spied: Hasher = {
      ...cheap,
      async verify(phc, text) {
        verified.push(phc)
        return cheap.verify(phc, text)
      },
    }
    op = await startProvider({ parts: { hasher: spied } })
    await op.addPerson('disabled', { disabledAt: 1 })
    await op.enrolOther('enrolled')
    await op.enrolOther('locked')
    const { id } = (await op.duepassi.directory.accountByName('locked')) as { id: string }
    await op.duepassi.directory.changeAttempts(id, 'totp', (state) => ({ ...state, lockedAt: 1 }))
  })
  after(() => op.close())
  beforeEach(() => {
    verified = []
    op.clock.advance(4000)
  })
  const type = async (username: string, password: string, at?: AtPage) =>
    op.typePassword(at ?? (await op.begin()), { username, password })

  it('looks the same whether the name is known, disabled, enrolled, locked or not at all', async () => {
    for (let time = 0; time < 7; time++) {
      const answers = await Promise.all(
        [
          ['nobody', 'due passi avanti'],
          ['maria', 'wrong'],
          ['disabled', 'due passi avanti'],
          ['enrolled', 'wrong'],
          ['locked', 'wrong'],
        ].map(async ([username = '', password = '']) => comparable(await type(username, password), username)),
      )
      assert.equal(answers[0]?.status, time < 5 ? 401 : 429)
      for (const answer of answers) assert.deepEqual(answer, answers[0])
    }
    // The same work for each: as many hashes as judged attempts.
    assert.equal(verified.length, 25)
    // And the right password does not tell either, while it waits.
    assert.deepEqual(comparable(await type('enrolled', 'due passi avanti'), 'enrolled').status, 429)
  })
  it('is counted for the account, in whatever spelling the name was typed', async () => {
    const anna = await op.addPerson('anna', { email: 'anna.bianchi@example.org' })
    for (const username of ['anna', ' ANNA ', 'ａｎｎａ', 'Anna.Bianchi@Example.org', 'an na'])
      assert.equal((await type(username, 'wrong')).page.status, 401, username)
    assert.equal((await type('anna', 'due passi avanti')).page.status, 429)
    assert.equal((await type('anna.bianchi@example.org', 'due passi avanti')).page.status, 429)
    assert.ok(anna)
  })
  it('is counted for a name that nobody has, in whatever spelling', async () => {
    for (const username of ['ghost', ' GHOST', 'Ｇhost', 'gh ost', 'ghosT'])
      assert.equal((await type(username, 'wrong')).page.status, 401)
    assert.equal((await type('ghost', 'wrong')).page.status, 429)
  })
  it('counts nothing where there is no name or no password', async () => {
    for (const [username, password] of [
      ['', ''],
      ['maria', ''],
      ['', 'due passi avanti'],
      ['   ', 'due passi avanti'],
      ['　', 'x'],
    ] as const)
      for (let time = 0; time < 3; time++) assert.equal((await type(username, password)).page.status, 401)
    assert.deepEqual(verified, [])
    assert.match((await type('maria', 'due passi avanti')).page.url.pathname, /second-factor$/)
  })
  it('waits no longer after a right one', async () => {
    for (let time = 0; time < 4; time++) await type('maria', 'wrong')
    assert.match((await type('maria', 'due passi avanti')).page.url.pathname, /second-factor$/)
    for (let time = 0; time < 4; time++) assert.equal((await type('maria', 'wrong')).page.status, 401)
  })
  it('never locks, and waits no longer than the setting says', async () => {
    await op.addPerson('patient')
    for (let time = 0; time < 15; time++) {
      const { page } = await type('patient', 'wrong')
      assert.equal(page.status, 401)
      op.clock.advance(op.config.passwords.longestWait + 1)
    }
    assert.match((await type('patient', 'due passi avanti')).page.url.pathname, /second-factor$/)
  })
  it('as long as a novel is wrong, and not hashed as a whole', async () => {
    assert.equal((await type('maria', 'x'.repeat(40_000))).page.status, 401)
    assert.equal((await type('maria', 'x'.repeat(80_000))).page.status, 400)
  })
  it('shows the typed name again, and never the password', async () => {
    const { page } = await type('"><script>alert(1)</script>', 'my "secret" password')
    assert.equal(/<script>alert|secret.{1,6} password/.test(page.body), false)
    assert.match(page.body, /&#34;&gt;&lt;script|&quot;&gt;&lt;script/)
    assert.equal(codeOf(page), null)
  })
})

describe('a password', () => {
  it('goes through argon2id on the way to a code', async () => {
    const hasher = createHasher({ concurrency: 2, queue: 10, random: (size) => Buffer.alloc(size, 7) })
    await using op = await startProvider({ parts: { hasher } })
    assert.match(op.maria.passwordHash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    assert.ok((await op.enrol()).codes.length)
  })
  it('is asked for later when too many want to sign in at once: 503, and a time', async () => {
    const hasher = createHasher({ concurrency: 1, queue: 1, random: (size) => Buffer.alloc(size, 7) })
    await using op = await startProvider({ parts: { hasher }, config: { passwords: { freeFailures: 100 } } })
    const many = await Promise.all(Array.from({ length: 6 }, () => op.begin()))
    const answers = await Promise.all(many.map((at) => op.typePassword(at)))
    const busy = answers.filter(({ page }) => page.status === 503)
    assert.ok(busy.length > 0 && busy.length < 6, `${busy.length} of 6`)
    for (const { page } of busy) {
      assert.ok(Number(page.headers.get('retry-after')) > 0)
      assert.match(page.body, /was not lost or counted/)
    }
  })
  it('or a recovery code that found no free place is not counted, as the page says', async () => {
    let full = false
    const cheap = cheapHasher()
    const busy = () =>
      Promise.reject(new DuepassiError('busy', 'too many sign-ins at once', { retryAfter: 5 }))
    const hasher: Hasher = {
      ...cheap,
      verify: (phc, text) => (full ? busy() : cheap.verify(phc, text)),
      derive: (text, salt) => (full ? busy() : cheap.derive(text, salt)),
    }
    await using op = await startProvider({ parts: { hasher } })
    const { codes } = await op.enrol()
    const at = await op.begin()
    full = true
    for (let time = 0; time < 8; time++) assert.equal((await op.typePassword(at)).page.status, 503)
    full = false
    const second = await op.submit(await op.typePassword(at), { intent: 'switch', factor: 'recovery-code' })
    assert.match(second.page.url.pathname, /second-factor$/)
    full = true
    for (let time = 0; time < 4; time++)
      assert.equal((await op.submit(second, { intent: 'answer', code: codes[0] as string })).page.status, 503)
    full = false
    const recovered = await op.submit(second, { intent: 'answer', code: codes[0] as string })
    assert.match(recovered.page.body, /9 recovery codes left/)
  })
})
