import assert from 'node:assert/strict'
import type { Verdict } from '../../../src/factors/factor.ts'
import { codeOf } from '../../../src/factors/hardware-token/code.ts'
import type { TotpToken } from '../../../src/factors/hardware-token/credential.ts'
import { resynchronise, verifyTokens } from '../../../src/factors/hardware-token/verify.ts'
import { program } from '../../support/machine.ts'
import { credentialOf, oathtool, seedOf, totpToken } from './samples.ts'

const now = 1_900_000_000_000 + 12_000
const step = Math.floor(now / 1000 / 30)
const token = totpToken()
const at = (number: number) => codeOf(token, number)
/** With the secret in the open. */
const told = (verdict: Verdict) =>
  verdict.verified && verdict.secret !== undefined
    ? { ...verdict, secret: JSON.parse(verdict.secret) as unknown }
    : verdict
const judge = (
  typed: string,
  { drift = 0, counter = -1, window = 1 }: { drift?: number; counter?: number; window?: 0 | 1 } = {},
) => told(verifyTokens(typed, [credentialOf(totpToken({ drift }), counter)], now, { lookAhead: 10, window }))

/** `drift`: where the secret says something new. */
const accepted = (next: number, drift?: number, expected = -1, of: TotpToken = token) => ({
  verified: true,
  credential: 'c1',
  spend: { expected, next },
  amr: ['otp'],
  assurance: { deviceBound: true },
  ...(drift !== undefined && { secret: { ...of, drift } }),
})
const refused = (reason: 'wrong' | 'replayed' | 'malformed'): Verdict => ({ verified: false, reason })
const elsewhen = (offset: number, burn: boolean, expected = -1): Verdict => ({
  verified: false,
  reason: 'clock',
  clockOffset: offset * 30,
  ...(burn && { burn: { credential: 'c1', spend: { expected, next: step + offset } } }),
})

describe('a code of a TOTP token', () => {
  it('is accepted one step before and after, and tells where the clock is', () => {
    assert.deepEqual(judge(at(step)), accepted(step))
    assert.deepEqual(judge(at(step + 1)), accepted(step + 1, 1))
    assert.deepEqual(judge(at(step - 1)), accepted(step - 1, -1))
  })

  it('is accepted for this step alone in strict mode', () => {
    assert.deepEqual(judge(at(step), { window: 0 }), accepted(step))
    assert.deepEqual(judge(at(step + 1), { window: 0 }), elsewhen(1, true))
    assert.deepEqual(judge(at(step - 1), { window: 0 }), elsewhen(-1, false))
    assert.deepEqual(judge(at(step + 4), { window: 0, drift: 4 }), accepted(step + 4))
    assert.deepEqual(judge(at(step + 3), { window: 0, drift: 4 }), elsewhen(3, false))
    assert.deepEqual(judge(at(step + 5), { window: 0, drift: 4 }), elsewhen(5, true))
  })

  it('is looked for where the clock was the last time', () => {
    for (const drift of [-10, -3, 3, 10]) {
      assert.deepEqual(judge(at(step + drift), { drift }), accepted(step + drift))
      if (Math.abs(drift) === 3) {
        assert.deepEqual(judge(at(step + drift + 1), { drift }), accepted(step + drift + 1, drift + 1))
        assert.deepEqual(judge(at(step + drift - 1), { drift }), accepted(step + drift - 1, drift - 1))
      }
      assert.deepEqual(judge(at(step + drift + 2), { drift }), elsewhen(drift + 2, true))
      assert.deepEqual(judge(at(step + drift - 2), { drift }), elsewhen(drift - 2, false))
    }
  })

  it('follows the clock for 10 steps, and no further', () => {
    assert.deepEqual(judge(at(step + 10), { drift: 9 }), accepted(step + 10, 10))
    assert.deepEqual(judge(at(step + 11), { drift: 10 }), accepted(step + 11))
    assert.deepEqual(judge(at(step - 11), { drift: -10 }), accepted(step - 11))
    assert.deepEqual(judge(at(step + 12), { drift: 10 }), elsewhen(12, true))
    assert.deepEqual(judge(at(step + 9), { drift: 10 }), accepted(step + 9, 9))
  })

  it('keeps what two codes found further out, and comes back from there', () => {
    assert.deepEqual(judge(at(step + 20), { drift: 20 }), accepted(step + 20))
    assert.deepEqual(judge(at(step + 21), { drift: 20 }), accepted(step + 21))
    assert.deepEqual(judge(at(step + 22), { drift: 20 }), refused('wrong'))
    assert.deepEqual(judge(at(step - 21), { drift: -20 }), accepted(step - 21))
    assert.deepEqual(judge(at(step - 22), { drift: -20 }), refused('wrong'))
    assert.deepEqual(judge(at(step + 14), { drift: 15 }), accepted(step + 14, 14))
    assert.deepEqual(judge(at(step + 16), { drift: 15 }), accepted(step + 16))
  })

  it('is never accepted again, nor one before it', () => {
    for (const offset of [0, -1, -5, -20])
      assert.deepEqual(judge(at(step + offset), { counter: step }), refused('replayed'))
    assert.deepEqual(judge(at(step + 1), { counter: step }), accepted(step + 1, 1, step))
    assert.deepEqual(judge(at(step + 5), { counter: step + 5 }), refused('replayed'))
    assert.deepEqual(judge(at(step + 6), { counter: step + 5 }), elsewhen(6, true, step + 5))
  })

  it('for another time is refused with how far the clock is off, and spent when its time is to come', () => {
    for (const offset of [2, 5, 20]) {
      assert.deepEqual(judge(at(step + offset)), elsewhen(offset, true))
      assert.deepEqual(judge(at(step - offset)), elsewhen(-offset, false))
    }
    for (const offset of [21, -21]) assert.deepEqual(judge(at(step + offset)), refused('wrong'))
    // Before now, and still to come for a token that is behind.
    assert.deepEqual(judge(at(step - 4), { drift: -8 }), elsewhen(-4, true))
  })

  it('of 60 seconds, SHA-512 and 8 digits is one as well', () => {
    const other = totpToken({
      period: 60,
      algorithm: 'sha512',
      digits: 8,
      key: seedOf(64).toString('base64'),
    })
    const minute = Math.floor(now / 60_000)
    const verify = (offset: number) =>
      told(verifyTokens(codeOf(other, minute + offset), [credentialOf(other, -1)], now))
    assert.deepEqual(verify(0), accepted(minute))
    assert.deepEqual(verify(-1), accepted(minute - 1, -1, -1, other))
    assert.deepEqual(verify(3), {
      verified: false,
      reason: 'clock',
      clockOffset: 180,
      burn: { credential: 'c1', spend: { expected: -1, next: minute + 3 } },
    })
  })

  it('is judged at the beginning of time as well', () => {
    const verify = (typed: string) => told(verifyTokens(typed, [credentialOf(token, -1)], 0))
    assert.deepEqual(verify(at(0)), accepted(0))
    assert.deepEqual(verify(`${at(0)} ${at(1)}`), accepted(1, 1))
  })
})

describe('two consecutive codes of a TOTP token', () => {
  const pair = (offset: number, between = ' ') => `${at(step + offset)}${between}${at(step + offset + 1)}`

  it('find its clock again within 20 steps, together or apart', () => {
    for (const offset of [-20, -12, -2, 0, 5, 18, 19])
      for (const between of ['', ' '])
        assert.deepEqual(judge(pair(offset, between)), accepted(step + offset + 1, offset + 1))
    assert.deepEqual(judge(pair(-1)), accepted(step))
    for (const offset of [-21, 20]) assert.deepEqual(judge(pair(offset)), refused('wrong'))
  })

  it('are within 20 steps of now, whatever was known of the clock', () => {
    assert.deepEqual(judge(pair(19), { drift: -20 }), accepted(step + 20, 20))
    assert.deepEqual(judge(pair(20), { drift: 20 }), refused('wrong'))
    assert.deepEqual(judge(pair(-20), { drift: 20 }), accepted(step - 19, -19))
  })

  it('make the next code right', () => {
    const verdict = verifyTokens(pair(14), [credentialOf(token, -1)], now)
    assert.ok(verdict.verified && verdict.secret !== undefined)
    const found = { ...credentialOf(token, verdict.spend.next), secret: verdict.secret }
    const later = now + 60_000
    assert.deepEqual(
      verifyTokens(at(step + 2 + 15), [found], later),
      accepted(step + 17, undefined, step + 15),
    )
  })

  it('may begin with the one that was refused for its time and spent', () => {
    assert.deepEqual(judge(pair(7), { counter: step + 7 }), accepted(step + 8, 8, step + 7))
    assert.deepEqual(judge(pair(6), { counter: step + 7 }), refused('replayed'))
    assert.deepEqual(judge(pair(-20), { counter: step + 7 }), refused('replayed'))
  })

  it('have to be two, in their order', () => {
    for (const [one, other] of [
      [5, 5],
      [6, 5],
      [5, 7],
    ] as const)
      assert.deepEqual(judge(`${at(step + one)} ${at(step + other)}`), refused('wrong'))
  })

  it('do the same for an administrator', () => {
    const credential = credentialOf(token, -1)
    const both = (offset: number) =>
      told(resynchronise(credential, [at(step + offset), at(step + offset + 1)], now))
    assert.deepEqual(both(-20), accepted(step - 19, -19))
    assert.deepEqual(both(19), accepted(step + 20, 20))
    assert.deepEqual(both(20), refused('wrong'))
    assert.deepEqual(resynchronise(credential, ['', ''], now), refused('malformed'))
  })
})

describe('a TOTP token that oathtool plays', () => {
  before(async function () {
    this.timeout(180_000)
    await program('oathtool')
  })

  for (const algorithm of ['sha1', 'sha256', 'sha512'] as const)
    for (const digits of [6, 8] as const)
      for (const period of [30, 60] as const)
        it(`signs in at each step, with a clock that runs fast: ${algorithm}, ${digits} digits, ${period} s`, async () => {
          const seed = seedOf(32)
          const key = seed.toString('base64')
          const options = [`--totp=${algorithm}`, '-d', `${digits}`, '-s', `${period}s`, '-N', '@1900000020']
          const codes = await oathtool(30, options, seed)
          let credential = credentialOf(totpToken({ algorithm, digits, period, key }), -1)
          const first = Math.floor(1_900_000_020 / period)
          for (const [index, code] of codes.entries()) {
            // A third of a step is gained at each.
            const at = (1_900_000_020 + index * period - Math.floor((index * period) / 3)) * 1000
            const verdict = verifyTokens(code, [credential], at)
            assert.ok(verdict.verified, `${index}: ${JSON.stringify(verdict)}`)
            assert.equal(verdict.spend.next, first + index)
            const { secret = credential.secret, spend } = verdict
            credential = { ...credential, secret, counter: spend.next }
          }
        })
})
