import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import type { Draft, FactorContext } from '../../../src/factors/factor.ts'
import { codeOf } from '../../../src/factors/hardware-token/code.ts'
import { hardwareTokens, type TokenInventory } from '../../../src/factors/hardware-token/hardware-token.ts'
import type { TokenSeed } from '../../../src/tokens/token.ts'
import { credentialOf, hotpToken, seedOf, totpToken, ykgenerate, yubicoToken, yubikey } from './samples.ts'

const now = 1_900_000_000_000 + 12_000
const step = Math.floor(now / 1000 / 30)
const context: FactorContext = {
  now,
  random: (size) => randomBytes(size),
  issuerName: 'Duepassi',
  accountName: 'maria@example.org',
  accountId: 'maria',
}

/** As tokens/ reads it from a file. */
const seed = (change: Partial<TokenSeed> = {}): TokenSeed => ({
  serial: 'FT-1',
  manufacturer: 'Feitian',
  model: 'OTP c100',
  kind: 'hotp',
  algorithm: 'sha1',
  digits: 6,
  period: null,
  counter: 500,
  key: seedOf(20).toString('base64'),
  publicId: null,
  privateId: null,
  owner: null,
  notBefore: null,
  notAfter: null,
  ...change,
})
const clockSeed = seed({ serial: 'GT-2', kind: 'totp', period: 30, counter: 0, model: null })
const yubicoSeed = seed({
  serial: '4711',
  kind: 'yubico',
  counter: 0,
  key: Buffer.from(yubikey.key, 'hex').toString('base64'),
  publicId: yubikey.publicId,
  privateId: yubikey.privateId,
})

interface Row {
  serial: string
  accountId: string | null
  seed: string
  counter: number | null
}

const rowOf = (of: TokenSeed, accountId: string | null, counter: number | null = null): [string, Row] => [
  of.serial,
  { serial: of.serial, accountId, seed: JSON.stringify(of), counter },
]

function scene(rows: readonly [string, Row][], options: { selfService?: boolean; window?: 0 | 1 } = {}) {
  const table = new Map(rows)
  const asked: string[] = []
  const inventory: TokenInventory = {
    async find(serial) {
      asked.push(serial)
      return table.get(serial)
    },
    async ofAccount(accountId) {
      return [...table.values()]
        .filter((row) => row.accountId === accountId)
        .map((row) => JSON.parse(row.seed) as TokenSeed)
    },
  }
  const factor = hardwareTokens({ inventory, ...options })
  const begin = (own: Parameters<typeof factor.enrolment.begin>[0] = [], who = context) =>
    factor.enrolment.begin(own, who)
  const finish = async (answer: string, draft?: Draft, who = context) =>
    factor.enrolment.finish(answer, draft ?? (await begin()), who)
  return { begin, finish, asked }
}

const at = (counter: number) => codeOf(hotpToken(), counter)
const refused = (reason: string) => ({ confirmed: false, reason })
const activated = (secret: object, counter: number, serial = 'FT-1', label = 'OTP c100') => ({
  confirmed: true,
  secret: JSON.stringify(secret),
  counter,
  handle: serial,
  amr: ['otp'],
  assurance: { deviceBound: true },
  label,
  used: true,
})
/** As the secret is written. */
const sameSecret = (verdict: object, expected: { secret: string }) => {
  assert.ok('secret' in verdict && typeof verdict.secret === 'string', JSON.stringify(verdict))
  assert.deepEqual(
    { ...verdict, secret: JSON.parse(verdict.secret) },
    { ...expected, secret: JSON.parse(expected.secret) },
  )
}

describe('activating a hardware token', () => {
  it('offers those that the account has got, and has not activated', async () => {
    const { begin } = scene([
      rowOf(seed(), 'maria'),
      rowOf(clockSeed, 'maria'),
      rowOf(yubicoSeed, 'anna'),
      rowOf(seed({ serial: 'FT-9' }), null),
    ])
    assert.deepEqual((await begin()).shown, {
      tokens: [
        { serial: 'FT-1', model: 'OTP c100' },
        { serial: 'GT-2', model: null },
      ],
      needsSerial: true,
    })
    const own = [credentialOf(hotpToken(), 0)]
    assert.deepEqual(await begin(own), {
      secret: 'GT-2',
      shown: { tokens: [{ serial: 'GT-2', model: null }], needsSerial: false },
    })
    const { accountId: _, ...nobody } = context
    assert.deepEqual((await begin([], nobody)).shown, { tokens: [], needsSerial: true })
  })

  it('asks for a serial number where anybody may activate what they have in hand', async () => {
    const { begin } = scene([rowOf(seed(), 'maria')], { selfService: true })
    assert.deepEqual((await begin()).shown, {
      tokens: [{ serial: 'FT-1', model: 'OTP c100' }],
      needsSerial: true,
    })
  })

  it('tells no seed', async () => {
    const { begin } = scene([rowOf(seed(), 'maria'), rowOf(yubicoSeed, 'maria')])
    const text = JSON.stringify(await begin())
    for (const secret of [seed().key, yubicoSeed.key, yubikey.privateId]) assert.ok(!text.includes(secret))
  })

  it('takes the next code of a HOTP token, or one of 10 further on', async () => {
    const { finish } = scene([rowOf(seed(), 'maria')])
    for (const ahead of [0, 10])
      sameSecret(await finish(`FT-1 ${at(500 + ahead)}`), activated(hotpToken(), 501 + ahead))
    assert.deepEqual(await finish(`FT-1 ${at(511)}`), refused('wrong'))
    assert.deepEqual(await finish(`FT-1 ${at(499)}`), refused('replayed'))
  })

  it('takes two consecutive codes from up to 100 ahead', async () => {
    const { finish } = scene([rowOf(seed(), 'maria')])
    sameSecret(await finish(`FT-1 ${at(599)} ${at(600)}`), activated(hotpToken(), 601))
    assert.deepEqual(await finish(`FT-1 ${at(600)} ${at(601)}`), refused('wrong'))
  })

  it('takes a code of a TOTP token, and learns how its clock goes', async () => {
    for (const window of [0, 1] as const) {
      const { finish } = scene([rowOf(clockSeed, 'maria')], { window })
      for (const offset of [-1, 0, 1])
        sameSecret(
          await finish(`GT-2 ${at(step + offset)}`),
          activated(totpToken({ serial: 'GT-2', drift: offset }), step + offset, 'GT-2', 'GT-2'),
        )
      for (const offset of [-2, 2])
        assert.deepEqual(await finish(`GT-2 ${at(step + offset)}`), {
          ...refused('clock'),
          clockOffset: offset * 30,
        })
      sameSecret(
        await finish(`GT-2 ${at(step + 19)}${at(step + 20)}`),
        activated(totpToken({ serial: 'GT-2', drift: 20 }), step + 20, 'GT-2', 'GT-2'),
      )
      assert.deepEqual(await finish(`GT-2 ${at(step + 20)}${at(step + 21)}`), refused('wrong'))
    }
  })

  it('takes a Yubico OTP, even the very first that a key can type', async () => {
    const { finish } = scene([rowOf(yubicoSeed, 'maria')])
    const token = yubicoToken({ serial: '4711' })
    sameSecret(await finish(`4711 ${yubikey.otp}`), activated(token, yubikey.use, '4711'))
    const first = await ykgenerate({ plugged: '0000', touched: '00' })
    sameSecret(await finish(`4711 ${yubikey.publicId}${first}`), activated(token, 0, '4711'))
    assert.deepEqual(await finish(`4711 ${'c'.repeat(40)}`), refused('wrong'))
    assert.deepEqual(await finish('4711 123456'), refused('wrong'))
  }).timeout(180_000)

  it('takes no code that was used before the token changed hands', async () => {
    for (const [of, code, counter] of [
      [seed(), at(503), 504],
      [clockSeed, at(step), step],
    ] as const) {
      const again = scene([rowOf(of, 'maria', counter)])
      assert.equal((await again.finish(`${of.serial} ${code}`)).confirmed, false)
      const before = scene([rowOf(of, 'maria', counter - 1)])
      assert.equal((await before.finish(`${of.serial} ${code}`)).confirmed, true)
    }
  })

  it('leaves a credential that the same code does not open', async () => {
    const inventory = {
      find: async () => ({ serial: '4711', accountId: 'maria', seed: '', counter: null }),
      ofAccount: async () => [],
    }
    const factor = hardwareTokens({ inventory })
    for (const [of, answer] of [
      [seed(), at(503)],
      [clockSeed, at(step)],
      [yubicoSeed, yubikey.otp],
    ] as const) {
      const { finish } = scene([rowOf(of, 'maria')])
      const verdict = await finish(`${of.serial} ${answer}`)
      assert.ok(verdict.confirmed)
      const credential = { ...credentialOf(hotpToken(), verdict.counter), secret: verdict.secret }
      assert.deepEqual(await factor.verify(answer, {}, [credential], context), {
        verified: false,
        reason: 'replayed',
      })
    }
  })

  it('means the only token where no serial number is there', async () => {
    const one = scene([rowOf(seed(), 'maria')])
    assert.equal((await one.finish(` ${at(500)}`)).confirmed, true)
    const two = scene([rowOf(seed(), 'maria'), rowOf(clockSeed, 'maria')])
    assert.deepEqual(await two.finish(` ${at(500)}`), refused('unknown'))
    assert.deepEqual(two.asked, [])
  })

  it('says of a token of somebody else what it says of none', async () => {
    const right = `FT-1 ${at(500)}`
    for (const selfService of [false, true]) {
      for (const holder of ['anna', '', 'MARIA']) {
        const { finish } = scene([rowOf(seed(), holder)], { selfService })
        assert.deepEqual(await finish(right), refused('unknown'))
        assert.deepEqual(await finish(`FT-1 ${at(499)}`), refused('unknown'))
      }
      const { finish } = scene([], { selfService })
      assert.deepEqual(await finish(right), refused('unknown'))
    }
    const { accountId: _, ...nobody } = context
    const { finish } = scene([rowOf(seed(), 'maria')], { selfService: true })
    assert.deepEqual(await finish(right, undefined, nobody), refused('unknown'))
  })

  it('gives a token that nobody has to whoever has it in hand, if that is allowed', async () => {
    const right = `FT-1 ${at(500)}`
    assert.deepEqual(await scene([rowOf(seed(), null)]).finish(right), refused('unknown'))
    const { finish } = scene([rowOf(seed(), null)], { selfService: true })
    sameSecret(await finish(right), activated(hotpToken(), 501))
    assert.deepEqual(await finish(`FT-1 ${at(520)}`), refused('wrong'))
    const { accountId: _, ...nobody } = context
    assert.deepEqual(await scene([rowOf(seed(), null)]).finish(right, undefined, nobody), refused('unknown'))
  })

  it('knows no token outside of its span, and keeps the span', async () => {
    const right = `FT-1 ${at(500)}`
    for (const change of [{ notBefore: now + 1 }, { notAfter: now }]) {
      const { finish } = scene([rowOf(seed(change), 'maria')])
      assert.deepEqual(await finish(right), refused('unknown'))
    }
    const span = { notBefore: now, notAfter: now + 1 }
    const { finish } = scene([rowOf(seed(span), 'maria')])
    sameSecret(await finish(right), activated(hotpToken(span), 501))
  })

  it('asks the inventory for nothing that is no serial number, and for none without a code', async () => {
    const { finish, asked } = scene([rowOf(seed(), 'maria'), rowOf(clockSeed, 'maria')])
    for (const answer of ['', ' ', 'FT-1', 'FT-1 ', 'FT-1 12345', `FT-1${at(500)}`, `${at(500)}`])
      assert.deepEqual(await finish(answer), refused('malformed'), answer)
    for (const serial of ['FT-1;', "'", 'é', 'a'.repeat(65), '\0'])
      assert.deepEqual(await finish(`${serial} ${at(500)}`), refused('unknown'), serial)
    assert.deepEqual(asked, [])
    assert.equal((await finish(`ＦＴ-1\t${at(500)}\n`)).confirmed, true)
    assert.deepEqual(asked, ['FT-1'])
  })

  it('throws for a seed that is not one, or is another token’s, and tells nothing of it', async () => {
    const good = JSON.stringify(seed())
    for (const text of [
      '',
      '{}',
      'null',
      good.replace('FT-1', 'FT-2'),
      good.replace('"hotp"', '"ocra"'),
      good.replace('500', '-1'),
      good.replace('500', '"500"'),
      good.replace(seed().key, 'c2hvcnQ='),
      JSON.stringify({ ...clockSeed, serial: 'FT-1', period: null }),
      JSON.stringify({ ...yubicoSeed, serial: 'FT-1', privateId: null }),
    ]) {
      const { finish } = scene([['FT-1', { serial: 'FT-1', accountId: 'maria', seed: text, counter: null }]])
      await assert.rejects(
        finish(`FT-1 ${at(500)}`, { secret: '', shown: {} }),
        (error: Error) => {
          assert.equal(error.message, 'The seed of the hardware token FT-1 is not stored as it should be')
          assert.equal(error.cause, undefined)
          return true
        },
        text,
      )
    }
  })

  it('never throws, whatever is typed', async () => {
    const { finish } = scene([rowOf(seed(), 'maria'), rowOf(clockSeed, null)], { selfService: true })
    const draft = { secret: '', shown: {} }
    const typed = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.constantFrom('FT-1', 'GT-2', 'x', ''), fc.string(), fc.stringMatching(/^[0-9 ]{5,17}$/))
        .map((parts) => parts.join(' ')),
      fc.stringMatching(/^(FT-1|GT-2) [0-9]{6}( [0-9]{6})?$/),
    )
    await fc.assert(
      fc.asyncProperty(typed, async (answer) => {
        assert.equal(typeof (await finish(answer, draft)).confirmed, 'boolean')
      }),
      { numRuns: 300 },
    )
  }).timeout(60_000)
})
