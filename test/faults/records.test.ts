import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { Answer } from '../support/browser.ts'
import { type AtPage, type Enrolled, startProvider, type TestProvider } from '../support/provider.ts'
import { command, type PrivateRedis, startRedis } from '../support/redis.ts'
import { codeOf } from '../support/relying-party.ts'
import { codeNow } from '../support/steps.ts'

const answer = (op: TestProvider, at: AtPage, code: string) => op.submit(at, { intent: 'answer', code })
const refused = (page: Answer, what: string) => {
  assert.equal(codeOf(page), null, what)
  assert.ok(page.status >= 400, `${what}: ${page.status}`)
  assert.match(page.headers.get('content-type') ?? '', /html/, what)
  assert.match(page.body, /<h1>/, what)
  assert.doesNotMatch(
    page.body.slice(page.body.indexOf('<main'), page.body.indexOf('</main>')),
    /SyntaxError|JSON|at \w+ \(|sealed_badly/,
    what,
  )
}
const uidOf = ({ page }: AtPage) => /interaction\/([\w-]+)/.exec(page.url.pathname)?.[1] as string

describe('records that somebody damaged', function () {
  this.timeout(60_000)
  let redis: PrivateRedis
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    redis = await startRedis()
    op = await startProvider({ redis: redis.url })
    maria = await op.enrol()
  })
  after(async () => {
    await op.close()
    await redis.stop()
  })
  const redisDo = (...words: string[]) => command(redis.port, words)
  const keyed = (key: string) => `${op.config.redis?.prefix}${key}`
  const stored = async (key: string) =>
    /\r\n([\s\S]*)\r\n\+OK/.exec(await redisDo('GET', keyed(key)))?.[1] as string

  const damages: Array<[string, (text: string) => string]> = [
    ['nothing', () => ''],
    [
      'no sealed text',
      () => '{"accountId":"x","stage":{"name":"proven"},"proven":["otp"],"primary":{"amr":["pwd"],"at":0}}',
    ],
    ['cut off', (text) => text.slice(0, Math.floor(text.length / 2))],
    ['a flipped letter', (text) => `${text.slice(0, -3)}${text.at(-3) === 'A' ? 'B' : 'A'}${text.slice(-2)}`],
    ['another key', (text) => text.replace('k1', 'k2')],
  ]
  for (const [name, damage] of damages) {
    it(`a sign-in: ${name}`, async () => {
      const at = await op.atSecondStep()
      const key = `si:${uidOf(at)}`
      const before = await stored(key)
      assert.ok(before, 'the sign-in stands in Redis')
      await redisDo('SET', keyed(key), damage(before), 'KEEPTTL')
      refused((await answer(op, at, op.nextCode(maria.secret))).page, 'an answer')
      refused(await at.browser.get(at.page.url), 'the page')
      refused((await op.submit(at, { intent: 'saved' })).page, 'another intent')
    })
  }
  it('a sign-in: that of somebody else', async () => {
    const luigi = await op.enrolOther('luigi')
    const theirs = await op.typePassword(await op.begin(), { username: 'luigi' })
    const at = await op.atSecondStep()
    await redisDo('SET', keyed(`si:${uidOf(at)}`), await stored(`si:${uidOf(theirs)}`), 'KEEPTTL')
    refused((await answer(op, at, op.nextCode(luigi.secret))).page, 'sealed for another uid')
  })
  it('the attempts at a password', async () => {
    const anna = await op.addPerson('anna')
    const key = `at:password:${anna.id}`
    for (const garbled of [
      '',
      'x',
      '{}',
      'null',
      '[]',
      '{"failures":"0","waitUntil":0,"lockedAt":null}',
      '{"failures":-5,"waitUntil":1e999,"lockedAt":null}',
      '{"failures":-5,"waitUntil":0,"lockedAt":null}',
      '{"failures":1.5,"waitUntil":0,"lockedAt":null}',
    ]) {
      await redisDo('SET', keyed(key), garbled, 'EX', '100')
      refused((await op.typePassword(await op.begin(), { username: 'anna' })).page, garbled)
    }
    await redisDo('DEL', keyed(key))
    assert.match(
      (await op.typePassword(await op.begin(), { username: 'anna' })).page.url.pathname,
      /second-factor/,
    )
  })

  const sqlite = (statement: string, ...values: Array<string | number | null>) => {
    const database = new DatabaseSync(op.config.database.url.replace('sqlite:', ''))
    database.prepare(statement).run(...values)
    database.close()
  }
  it('the attempts at a code', async () => {
    for (const [column, value] of [
      ['failures', 'many'],
      ['failures', -7],
      ['failures', 1.5],
      ['wait_until', 'never'],
      ['locked_at', 'yes'],
    ] as const) {
      sqlite('delete from attempt')
      sqlite(
        'insert into attempt (account_id, authenticator, failures, wait_until, locked_at) values (?, ?, 0, 0, null)',
        op.maria.id,
        'totp',
      )
      try {
        sqlite(`update attempt set ${column} = ?`, value)
      } catch {
        continue // The table itself refuses it.
      }
      const { page } = await answer(op, await op.atSecondStep(), op.nextCode(maria.secret))
      refused(page, `${column} ${value}`)
    }
    sqlite('delete from attempt')
  })
  it('a seed', async () => {
    const database = new DatabaseSync(op.config.database.url.replace('sqlite:', ''))
    const row = database
      .prepare("select id, secret from credential where account_id = ? and factor = 'totp'")
      .get(op.maria.id) as { id: string; secret: string }
    const other = (await op.enrolOther('giulia')).account
    const theirs = database
      .prepare("select secret from credential where account_id = ? and factor = 'totp'")
      .get(other.id) as { secret: string }
    for (const damaged of ['', 'x', row.secret.slice(0, -4), theirs.secret]) {
      sqlite('update credential set secret = ? where id = ?', damaged, row.id)
      const at = await op.begin()
      const typed = await op.typePassword(at)
      assert.equal(codeOf(typed.page), null)
      refused((await answer(op, typed, codeNow(maria.secret, op.clock))).page, damaged.slice(0, 10))
    }
    sqlite('update credential set secret = ? where id = ?', row.secret, row.id)
    database.close()
    await op.duepassi.directory.clearAttempts(op.maria.id)
    assert.ok(codeOf((await answer(op, await op.atSecondStep(), op.nextCode(maria.secret))).page))
  })
  it('a session', async () => {
    const { browser } = await op.signIn(maria.secret)
    const keys = (await redisDo('KEYS', keyed('*')))
      .split('\r\n')
      .filter((line) => line.startsWith(op.config.redis?.prefix ?? '!'))
    for (const key of keys) {
      const type = await redisDo('TYPE', key)
      if (type.includes('string')) await redisDo('SET', key, '{"accountId":"x"', 'KEEPTTL')
    }
    const { page } = await op.begin({}, browser)
    assert.equal(codeOf(page), null)
  })
})
