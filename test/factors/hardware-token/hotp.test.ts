import assert from 'node:assert/strict'
import type { Verdict } from '../../../src/factors/factor.ts'
import { codeOf } from '../../../src/factors/hardware-token/code.ts'
import { resynchronise, verifyTokens } from '../../../src/factors/hardware-token/verify.ts'
import { program } from '../../support/machine.ts'
import { credentialOf, hotpToken, oathtool, seedOf } from './samples.ts'

const now = 1_900_000_000_000
const token = hotpToken()
const at = (counter: number) => codeOf(token, counter)
const next = 500
const judge = (typed: string, counter = next, lookAhead = 10) =>
  verifyTokens(typed, [credentialOf(token, counter)], now, { lookAhead, window: 1 })

const accepted = (spent: number, expected = next): Verdict => ({
  verified: true,
  credential: 'c1',
  spend: { expected, next: spent },
  amr: ['otp'],
  assurance: { deviceBound: true },
})
const refused = (reason: 'wrong' | 'replayed' | 'malformed' | 'expired'): Verdict => ({
  verified: false,
  reason,
})

describe('a code of a HOTP token', () => {
  it('is accepted from the next counter to 10 further on, and spends all before it', () => {
    for (const ahead of [0, 1, 9, 10]) assert.deepEqual(judge(at(next + ahead)), accepted(next + ahead + 1))
    for (const ahead of [11, 12, 50, 99]) assert.deepEqual(judge(at(next + ahead)), refused('wrong'))
  })

  it('is looked for as far ahead as the options say', () => {
    assert.deepEqual(judge(at(next), next, 0), accepted(next + 1))
    assert.deepEqual(judge(at(next + 1), next, 0), refused('wrong'))
    assert.deepEqual(judge(at(next + 30), next, 30), accepted(next + 31))
    assert.deepEqual(judge(at(next + 31), next, 30), refused('wrong'))
  })

  it('is the very first, when none was used', () => {
    assert.deepEqual(judge(at(0), 0), accepted(1, 0))
    assert.deepEqual(judge(at(10), 0), accepted(11, 0))
    assert.deepEqual(judge(at(11), 0), refused('wrong'))
  })

  it('is never accepted again, and known as used for a while', () => {
    for (const behind of [1, 2, 10]) assert.deepEqual(judge(at(next - behind)), refused('replayed'))
    for (const behind of [11, 12]) assert.deepEqual(judge(at(next - behind)), refused('wrong'))
    const verdict = judge(at(next + 7))
    assert.ok(verdict.verified)
    assert.deepEqual(judge(at(next + 7), verdict.spend.next), refused('replayed'))
    assert.deepEqual(judge(at(next + 6), verdict.spend.next), refused('replayed'))
    assert.deepEqual(judge(at(next + 8), verdict.spend.next), accepted(next + 9, next + 8))
  })

  it('has the length that the token shows', () => {
    const long = hotpToken({ digits: 8 })
    const verify = (typed: string) => verifyTokens(typed, [credentialOf(long, next)], now)
    assert.deepEqual(verify(codeOf(long, next)), accepted(next + 1))
    assert.deepEqual(verify(codeOf(long, next).slice(2)), refused('wrong'))
    assert.deepEqual(judge(codeOf(long, next)), refused('wrong'))
  })

  it('with the digits of one that is another code is wrong', () => {
    for (let guess = 0; guess < 1_000; guess += 1) {
      const typed = String(guess * 997).padStart(6, '0')
      const isNear = Array.from({ length: 21 }, (_, index) => at(next - 10 + index)).includes(typed)
      if (!isNear) assert.deepEqual(judge(typed), refused('wrong'))
    }
  }).timeout(30_000)
})

describe('two consecutive codes of a HOTP token', () => {
  const pair = (counter: number, between = ' ') => `${at(counter)}${between}${at(counter + 1)}`

  it('find it again up to 100 counters ahead, together or apart', () => {
    for (const ahead of [0, 10, 11, 98, 99])
      for (const between of [' ', '', '   ', '-'])
        assert.deepEqual(judge(pair(next + ahead, between)), accepted(next + ahead + 2))
    for (const ahead of [100, 101]) assert.deepEqual(judge(pair(next + ahead)), refused('wrong'))
  })

  it('find one with 8 digits', () => {
    const long = hotpToken({ digits: 8, algorithm: 'sha256' })
    const typed = `${codeOf(long, next + 60)}${codeOf(long, next + 61)}`
    assert.deepEqual(verifyTokens(typed, [credentialOf(long, next)], now), accepted(next + 62))
  })

  it('have to be two, in their order, and both unused', () => {
    for (const [one, other] of [
      [50, 50],
      [51, 50],
      [50, 52],
    ] as const)
      assert.deepEqual(judge(`${at(next + one)} ${at(next + other)}`), refused('wrong'))
    assert.deepEqual(judge(pair(next - 1)), refused('replayed'))
    assert.deepEqual(judge(pair(next - 10)), refused('replayed'))
    assert.deepEqual(judge(pair(next - 12)), refused('wrong'))
  })

  it('do the same for an administrator', () => {
    const credential = credentialOf(token, next)
    const both = (one: string, other: string) => resynchronise(credential, [one, other], now)
    assert.deepEqual(both(at(next + 99), at(next + 100)), accepted(next + 101))
    assert.deepEqual(both(at(next + 100), at(next + 101)), refused('wrong'))
    const long = codeOf(hotpToken({ digits: 8 }), 1)
    for (const [one, other] of [
      ['', at(next + 1)],
      [at(next), ''],
      [pair(next), ''],
      [pair(next), at(next + 2)],
      [at(next), pair(next + 1)],
      [at(next), long],
      [at(next), 'c'.repeat(32)],
      ['123', '456789012'],
    ] as const)
      assert.deepEqual(both(one, other), refused('malformed'))
  })
})

describe('a HOTP token that oathtool plays', () => {
  before(async function () {
    this.timeout(180_000)
    await program('oathtool')
  })

  for (const digits of [6, 8] as const)
    it(`signs in 20 times, pressed in vain in between, ${digits} digits, a seed of 10 bytes`, async () => {
      const played = hotpToken({ digits, key: seedOf(10).toString('base64') })
      const codes = await oathtool(220, ['--hotp', '-d', `${digits}`, '-c', '7'], seedOf(10))
      let counter = 7
      for (let index = 0; index < 220; index += 11) {
        const verdict = verifyTokens(codes[index] ?? '', [credentialOf(played, counter)], now)
        assert.deepEqual(verdict, accepted(7 + index + 1, counter))
        counter = 7 + index + 1
      }
    })
})
