import assert from 'node:assert/strict'
import type { Account } from '../../src/directory/directory.ts'
import type { TokenSeed } from '../../src/tokens/token.ts'
import { oathtool } from '../factors/hardware-token/samples.ts'
import type { Answer } from '../support/browser.ts'
import { program } from '../support/machine.ts'
import { type AtPage, mfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { recoveryCodesOn } from '../support/steps.ts'
import { tokenOf } from '../support/tokens.ts'
import { amrOf, asksApp, othersOn } from './ruled-people.ts'

/** What the page says; the rest of it is style. */
const saysOn = ({ body }: Answer): string => /<main.*<\/main>/s.exec(body)?.[0] ?? body

/** The whole page, but for what is another one each time. */
const mainOf = (page: Answer): string => saysOn(page).replace(/nonce="[^"]*"|person-\d+|T-\d+-\w+/g, '')

describe('hardware tokens', () => {
  let op: TestProvider
  /** Where only those may activate a token whom it was given to. */
  let strict: TestProvider
  let made = 0
  before(async function () {
    this.timeout(180_000)
    await program('oathtool')
    op = await startProvider({ config: { tokens: { enabled: true } } })
    strict = await startProvider({ config: { tokens: { enabled: true, selfService: false } } })
  })
  after(async () => {
    await op.close()
    await strict.close()
  })

  const someone = (at = op): Promise<Account> => {
    made += 1
    return at.addPerson(`person-${made}`)
  }
  const atStepTwo = async ({ username }: Account, at = op): Promise<AtPage> =>
    at.typePassword(await at.begin(), { username })
  /** Imports a token; with its first codes, as Debian's oathtool makes them. */
  const imported = async ({
    change = {},
    owner = null,
    at = op,
  }: {
    change?: Partial<TokenSeed>
    owner?: string | null
    at?: TestProvider
  } = {}) => {
    made += 1
    const serial = `T-${made}-a`
    const { token, seed } = tokenOf(serial, change, owner)
    await at.duepassi.directory.addTokens([token])
    const codes = await oathtool(130, ['--hotp', '-d', '6', '-c', `${change.counter ?? 0}`], seed)
    return { serial, seed, code: (at: number) => codes[at] as string }
  }
  const activate = (at: AtPage, serial: string, code: string, on = op) =>
    on.submit(at, { intent: 'confirm', serial, code, label: '' })
  const held = async ({ id }: Account, at = op) =>
    (await at.duepassi.directory.credentials(id)).filter(({ factor }) => factor === 'hardware-token')
  const answer = (at: AtPage, code: string) => op.submit(at, { intent: 'answer', code })

  /** Somebody with a token that nobody had, whose first code activated it. */
  const someoneWithToken = async (change: Partial<TokenSeed> = {}) => {
    const account = await someone()
    const token = await imported({ change })
    const choosing = await op.choose(await atStepTwo(account), 'hardware-token')
    const issuing = await activate(choosing, token.serial, token.code(0))
    const done = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
    return { account, done, issuing, ...token }
  }

  it('are activated at the first sign-in by serial number and code, and used from then on', async () => {
    const { account, serial, code, issuing, done } = await someoneWithToken()
    recoveryCodesOn(issuing.page)
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'mfa'])
    assert.equal(done.tokens.claims()?.['acr'], mfa)
    const [credential] = await held(account)
    assert.equal(credential?.handle, serial)
    assert.equal(credential?.label, 'OTP c100', 'called by its model')
    const asked = await atStepTwo(account)
    assert.ok(asksApp(asked.page))
    assert.deepEqual(othersOn(asked.page), ['recovery-code'])
    const next = await op.redeem(await answer(asked, code(1)))
    assert.deepEqual(amrOf(next), ['pwd', 'otp', 'mfa'])
    assert.equal(next.tokens.claims()?.['acr'], mfa)
    const types = (await op.audit(account.id)).map(({ type, factor }) => `${type} ${factor}`)
    assert.ok(types.includes('factor.enrolled hardware-token'))
    assert.ok(types.includes('factor.accepted hardware-token'))
  })

  it('that were assigned need no serial number, and go to nobody else', async () => {
    const account = await someone(strict)
    const other = await someone(strict)
    const { serial, code } = await imported({ owner: account.id, at: strict })
    const theirs = await strict.choose(await atStepTwo(other, strict), 'hardware-token')
    assert.ok(!saysOn(theirs.page).includes(serial))
    const refused = await activate(theirs, serial, code(0), strict)
    assert.equal(refused.page.status, 422)
    assert.deepEqual(await held(other, strict), [])
    const own = await strict.choose(await atStepTwo(account, strict), 'hardware-token')
    assert.match(saysOn(own.page), new RegExp(`type="hidden" name="serial" value="${serial}"`))
    const issuing = await activate(own, serial, code(0), strict)
    const done = await strict.redeem(await strict.submit(issuing, { intent: 'saved' }))
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'mfa'])
    assert.equal((await held(account, strict))[0]?.handle, serial)
  })

  it('that nobody was given are for nobody, where the policy says so', async () => {
    const account = await someone(strict)
    const { serial, code } = await imported({ at: strict })
    const at = await strict.choose(await atStepTwo(account, strict), 'hardware-token')
    const refused = await activate(at, serial, code(0), strict)
    assert.equal(refused.page.status, 422)
    assert.deepEqual(await held(account, strict), [])
  })

  it('accept no code twice, not even the one that activated them', async () => {
    const { account, code } = await someoneWithToken()
    const at = await atStepTwo(account)
    const replayed = await answer(at, code(0))
    assert.equal(replayed.page.status, 422)
    assert.match(saysOn(replayed.page), /already used/)
    assert.ok(codeOf((await answer(at, code(1))).page))
    const again = await answer(await atStepTwo(account), code(1))
    assert.equal(again.page.status, 422)
    assert.match(saysOn(again.page), /already used/)
    const types = (await op.audit(account.id)).map(({ type }) => type)
    assert.equal(types.filter((type) => type === 'code.reused').length, 2)
  })

  it('accept a code that is up to ten ahead, and none of those that were skipped', async () => {
    const { account, code } = await someoneWithToken()
    const at = await atStepTwo(account)
    // The next is number 1.
    const far = await answer(at, code(12))
    assert.equal(far.page.status, 422)
    assert.match(saysOn(far.page), /not right/)
    assert.ok(codeOf((await answer(at, code(11))).page))
    const skipped = await answer(await atStepTwo(account), code(5))
    assert.equal(skipped.page.status, 422)
    assert.equal((await held(account))[0]?.counter, 12)
  })

  it('are found again by two codes in a row, up to a hundred ahead', async () => {
    const { account, code } = await someoneWithToken()
    const at = await atStepTwo(account)
    assert.equal((await answer(at, code(60))).page.status, 422)
    assert.equal((await answer(at, `${code(60)} ${code(62)}`)).page.status, 422, 'not in a row')
    const found = await answer(at, `${code(60)} ${code(61)}`)
    assert.ok(codeOf(found.page))
    const next = await atStepTwo(account)
    assert.equal((await answer(next, code(61))).page.status, 422)
    assert.ok(codeOf((await answer(next, code(62))).page))
  })

  it('may be far ahead when they are activated, and then take two codes', async () => {
    const account = await someone()
    const { serial, code } = await imported()
    const at = await op.choose(await atStepTwo(account), 'hardware-token')
    assert.equal((await activate(at, serial, code(50))).page.status, 422)
    const issuing = await activate(at, serial, `${code(50)} ${code(51)}`)
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
    assert.equal((await held(account))[0]?.counter, 52)
  })

  it('with a clock are used with the codes of the time', async () => {
    const account = await someone()
    const { serial, seed } = await imported({
      change: { kind: 'totp', algorithm: 'sha256', digits: 8, period: 60 },
    })
    const codeAt = async () =>
      (
        await oathtool(
          1,
          ['--totp=sha256', '-d', '8', '-s', '60s', '-N', `@${Math.floor(op.clock.now() / 1000)}`],
          seed,
        )
      )[0] as string
    const at = await op.choose(await atStepTwo(account), 'hardware-token')
    const first = await codeAt()
    const issuing = await activate(at, serial, first)
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
    assert.equal((await answer(await atStepTwo(account), first)).page.status, 422)
    op.clock.advance(60)
    const done = await op.redeem(await answer(await atStepTwo(account), await codeAt()))
    assert.deepEqual(amrOf(done), ['pwd', 'otp', 'mfa'])
  })

  describe('of others', () => {
    it('are as unknown as those that do not exist', async () => {
      const owner = await someone()
      const assigned = await imported({ owner: owner.id })
      const pages: string[] = []
      for (const serial of [assigned.serial, 'T-0-nowhere'])
        for (const code of [assigned.code(0), assigned.code(90)]) {
          // Another person each time: answers are counted.
          const at = await op.choose(await atStepTwo(await someone()), 'hardware-token')
          const { page } = await activate(at, serial, code)
          assert.equal(page.status, 422, serial)
          pages.push(mainOf(page))
        }
      assert.match(pages[0] ?? '', /no token with this serial number/)
      assert.equal(new Set(pages).size, 1)
      // The owner is not hindered by that.
      const own = await op.choose(await atStepTwo(owner), 'hardware-token')
      assert.match(saysOn(own.page), new RegExp(assigned.serial))
      const issuing = await activate(own, assigned.serial, assigned.code(0))
      assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
    })

    it('are so once somebody has activated them, however right the code', async () => {
      const { serial, code, account: owner } = await someoneWithToken()
      const account = await someone()
      const at = await op.choose(await atStepTwo(account), 'hardware-token')
      const taken = await activate(at, serial, code(1))
      const unknown = await activate(at, 'T-0-nowhere', code(1))
      assert.equal(taken.page.status, 422)
      assert.equal(mainOf(taken.page), mainOf(unknown.page))
      assert.deepEqual(await held(account), [])
      assert.equal((await held(owner)).length, 1)
    })

    it('are so for a wrong code too, once somebody has activated them', async () => {
      const { serial, code } = await someoneWithToken()
      const at = await op.choose(await atStepTwo(await someone()), 'hardware-token')
      const taken = await activate(at, serial, code(90))
      const unknown = await activate(at, 'T-0-nowhere', code(90))
      assert.equal(mainOf(taken.page), mainOf(unknown.page))
    })
  })

  it('that change hands know no code again that was used before', async () => {
    const { account, serial, code } = await someoneWithToken()
    assert.ok(codeOf((await answer(await atStepTwo(account), code(5))).page))
    const { directory } = op.duepassi
    await directory.removeCredentials(account.id)
    const [token] = await directory.tokens(account.id)
    assert.equal(token?.serial, serial, 'it stays with whom it was')
    const other = await someone()
    assert.equal(await directory.assignToken(serial, account.id, other.id), true)
    const at = await op.choose(await atStepTwo(other), 'hardware-token')
    for (const used of [0, 5]) assert.equal((await activate(at, serial, code(used))).page.status, 422)
    const issuing = await activate(at, serial, code(6))
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
    assert.equal((await held(other))[0]?.counter, 7)
  })

  it('are found whichever way their serial number is typed', async () => {
    for (const [printed, typed] of [
      ['FT-SPELLED', ' ft-spelled '],
      ['ft-written', 'FT-Written'],
    ] as const) {
      const { token, seed } = tokenOf(printed)
      await op.duepassi.directory.addTokens([token])
      const [first = ''] = await oathtool(1, ['--hotp', '-d', '6', '-c', '0'], seed)
      const account = await someone()
      const at = await op.choose(await atStepTwo(account), 'hardware-token')
      const issuing = await activate(at, typed, first)
      assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page), typed)
      assert.equal((await held(account))[0]?.handle, printed)
    }
  })

  it('are activated by nobody who guesses: wrong codes are counted, and then the right one waits', async () => {
    const account = await someone()
    const { serial, code } = await imported({ owner: account.id })
    const at = await op.choose(await atStepTwo(account), 'hardware-token')
    const statuses: number[] = []
    for (let guess = 20; guess < 30; guess++)
      statuses.push((await activate(at, serial, code(guess))).page.status)
    assert.ok(statuses.includes(429), `answers: ${statuses.join(' ')}`)
    assert.equal((await activate(at, serial, code(0))).page.status, 429)
    assert.deepEqual(await held(account), [])
    assert.equal((await op.duepassi.directory.standing(account.id)).lockedAt, null)
  })

  it('lock the account after ten wrong codes', async () => {
    const { account, code } = await someoneWithToken()
    const at = await atStepTwo(account)
    for (let wrong = 0; wrong < 10; wrong++) {
      assert.equal((await answer(at, code(30 + wrong))).page.status, 422)
      await op.duepassi.directory.changeAttempts(account.id, 'hardware-token', (was) => ({
        ...was,
        waitUntil: 0,
      }))
    }
    assert.equal((await answer(at, code(1))).page.status, 403)
    assert.ok((await op.duepassi.directory.standing(account.id)).lockedAt)
  })

  it('take nothing that is no code, and count none of it', async () => {
    const { account, code } = await someoneWithToken()
    const at = await atStepTwo(account)
    for (const typed of ['', '12345', '1234567', 'abcdef', '١٢٣'])
      assert.equal((await answer(at, typed)).page.status, 422, typed)
    const { after } = await op.duepassi.directory.changeAttempts(account.id, 'hardware-token', (was) => was)
    assert.equal(after.failures, 0)
    assert.ok(codeOf((await answer(at, code(1))).page))
  })

  it('are not accepted outside of their time', async () => {
    const now = op.clock.now()
    const { account, code } = await someoneWithToken({ notAfter: now + 3_600_000 })
    op.clock.advance(3_600)
    const { page } = await answer(await atStepTwo(account), code(1))
    assert.equal(page.status, 422)
    const late = await imported({ change: { notAfter: now } })
    const early = await imported({ change: { notBefore: op.clock.now() + 60_000 } })
    const at = await op.choose(await atStepTwo(await someone()), 'hardware-token')
    for (const { serial, code: codeOfIt } of [late, early])
      assert.equal((await activate(at, serial, codeOfIt(0))).page.status, 422)
    op.clock.advance(60)
    const issuing = await activate(at, early.serial, early.code(0))
    assert.ok(codeOf((await op.submit(issuing, { intent: 'saved' })).page))
  })

  it('are sealed where they are kept, and never in the log', async () => {
    const { account, seed } = await someoneWithToken()
    const key = seed.toString('base64')
    assert.ok((await held(account))[0]?.secret.includes(key), 'the provider reads it')
    assert.ok(!op.logged.join('\n').includes(key))
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(op.config.database.url.replace('sqlite:', ''), { readOnly: true })
    const rows = ['credential', 'token'].flatMap((table) =>
      database
        .prepare(`SELECT * FROM ${table}`)
        .all()
        .map((row) => JSON.stringify(row)),
    )
    database.close()
    assert.ok(rows.length > 2)
    assert.ok(!rows.join('\n').includes(key))
  })
})
