import assert from 'node:assert/strict'
import { oathtool } from '../factors/hardware-token/samples.ts'
import { program } from '../support/machine.ts'
import { freshDatabase } from '../support/postgres.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf } from '../support/relying-party.ts'
import { tokenOf } from '../support/tokens.ts'

const many = 50
const times = <T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => task(index)))

/** Two nodes on one Redis and one PostgreSQL; the requests reach them in turn. */
describe('Hardware tokens at once, on two nodes', function () {
  this.timeout(180_000)
  let op: TestProvider
  before(async () => {
    await program('oathtool')
    op = await startProvider({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      config: {
        tokens: { enabled: true },
        attempts: { freeFailures: 20, lockAfter: 100 },
        passwords: { freeFailures: 100 },
        lifetimes: { interaction: 86_400 },
      },
    })
  })
  after(() => op.close())

  const imported = async (serial: string) => {
    const { token, seed } = tokenOf(serial)
    await op.duepassi.directory.addTokens([token])
    return oathtool(20, ['--hotp', '-d', '6', '-c', '0'], seed)
  }
  const holders = async (ids: readonly string[]) => {
    const all = await Promise.all(ids.map((id) => op.duepassi.directory.credentials(id)))
    return all.flat().filter(({ factor }) => factor === 'hardware-token')
  }

  it('50 people with one token that nobody has: one of them gets it', async () => {
    const [first = ''] = await imported('T-race')
    const all = await times(many, async (index) => {
      const account = await op.addPerson(`racer-${index}`)
      const at = await op.typePassword(await op.begin(), { username: account.username })
      return { account, at: await op.choose(at, 'hardware-token') }
    })
    const answers = await Promise.all(
      all.map(async ({ account, at }) => ({
        account,
        at: await op.submit(at, { intent: 'confirm', serial: 'T-race', code: first, label: '' }),
      })),
    )
    const seen = answers.map(({ at }) => at.page.status).join(' ')
    const won = answers.filter(({ at }) => /value="saved"/.test(at.page.body))
    assert.equal(won.length, 1, seen)
    assert.deepEqual(
      (await holders(all.map(({ account }) => account.id))).map(({ accountId, handle }) => [
        accountId,
        handle,
      ]),
      [[won[0]?.account.id, 'T-race']],
    )
    for (const { at } of answers) if (at !== won[0]?.at) assert.equal(at.page.status, 422, seen)
    const ends = await Promise.all(answers.map(({ at }) => op.submit(at, { intent: 'saved' })))
    assert.equal(ends.filter(({ page }) => codeOf(page)).length, 1)
  })

  it('one code 50 times: it is accepted in one sign-in', async () => {
    const codes = await imported('T-codes')
    const account = await op.addPerson('holder')
    const begin = async () => op.typePassword(await op.begin(), { username: 'holder' })
    const at = await op.choose(await begin(), 'hardware-token')
    const [first = '', second = ''] = codes
    await op.submit(at, { intent: 'confirm', serial: 'T-codes', code: first, label: '' })
    await op.redeem(await op.submit(at, { intent: 'saved' }))
    const all = []
    while (all.length < many) all.push(...(await times(5, begin)))
    const answers = await Promise.all(all.map((one) => op.submit(one, { intent: 'answer', code: second })))
    const seen = answers.map(({ page }) => page.status).join(' ')
    assert.equal(answers.filter(({ page }) => codeOf(page)).length, 1, seen)
    assert.equal((await holders([account.id]))[0]?.counter, 2)
  })
})
