import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeOf } from '../../../src/factors/hardware-token/code.ts'
import { readToken } from '../../../src/factors/hardware-token/credential.ts'
import { resynchronise, verifyTokens } from '../../../src/factors/hardware-token/verify.ts'
import { credentialOf, hotpToken, seedOf, totpToken, yubicoToken, yubikey } from './samples.ts'

const now = 1_900_000_000_000 + 12_000
const step = Math.floor(now / 1000 / 30)

describe('the tokens of one person', () => {
  const key = (letter: string) => Buffer.from(letter.repeat(20)).toString('base64')
  const [button, clock] = [hotpToken({ key: key('h') }), totpToken({ serial: 'GT-2', key: key('t') })]
  const tokens = [
    credentialOf(button, 40, { id: 'button' }),
    credentialOf(clock, step - 1, { id: 'clock' }),
    credentialOf(yubicoToken(), 5, { id: 'key' }),
  ]
  const verify = (typed: string) => verifyTokens(typed, tokens, now)
  const spent = (typed: string) => {
    const verdict = verify(typed)
    return verdict.verified ? [verdict.credential, verdict.spend] : verdict.reason
  }

  it('are all tried, each with its own counter', () => {
    assert.deepEqual(spent(codeOf(button, 42)), ['button', { expected: 40, next: 43 }])
    assert.deepEqual(spent(codeOf(clock, step)), ['clock', { expected: step - 1, next: step }])
    assert.deepEqual(spent(yubikey.otp), ['key', { expected: 5, next: yubikey.use }])
    assert.equal(spent('c'.repeat(32)), 'wrong')
    assert.deepEqual(verifyTokens(codeOf(button, 42), [], now), { verified: false, reason: 'wrong' })
    assert.deepEqual(verifyTokens('12345', tokens, now), { verified: false, reason: 'malformed' })
  })

  it('refuse with what tells most, and burn with the token that it belongs to', () => {
    assert.equal(spent(codeOf(button, 39)), 'replayed')
    assert.equal(spent(codeOf(clock, step - 1)), 'replayed')
    assert.deepEqual(verify(codeOf(clock, step + 9)), {
      verified: false,
      reason: 'clock',
      clockOffset: 270,
      burn: { credential: 'clock', spend: { expected: step - 1, next: step + 9 } },
    })
    // The same seed in two tokens: one says that it was used, the other that it is for another time.
    const twins = [
      credentialOf(clock, -1, { id: 'one' }),
      credentialOf({ ...clock, drift: 8 }, step + 9, { id: 'other' }),
    ]
    for (const both of [twins, twins.toReversed()])
      assert.deepEqual(verifyTokens(codeOf(clock, step + 6), both, now), {
        verified: false,
        reason: 'replayed',
      })
    const fresh = twins.map((one) => ({ ...one, counter: -1 }))
    for (const both of [fresh, fresh.toReversed()]) {
      const verdict = verifyTokens(codeOf(clock, step + 8), both, now)
      assert.ok(verdict.verified)
      assert.equal(verdict.credential, 'other')
    }
  })
})

describe('a token with a span', () => {
  const judge = (notBefore: number | null, notAfter: number | null) => {
    const verdicts = [
      [hotpToken({ notBefore, notAfter }), codeOf(hotpToken(), 0)],
      [totpToken({ notBefore, notAfter }), codeOf(totpToken(), step)],
      [yubicoToken({ notBefore, notAfter }), yubikey.otp],
    ] as const
    return [
      ...new Set(
        verdicts.map(([token, typed]) => {
          const verdict = verifyTokens(typed, [credentialOf(token, 0)], now)
          return verdict.verified ? 'accepted' : verdict.reason
        }),
      ),
    ]
  }

  it('is accepted within, from its first millisecond to before its last', () => {
    assert.deepEqual(judge(null, null), ['accepted'])
    assert.deepEqual(judge(now, now + 1), ['accepted'])
    assert.deepEqual(judge(now + 1, null), ['expired'])
    assert.deepEqual(judge(null, now), ['expired'])
    assert.deepEqual(judge(0, now - 1), ['expired'])
  })

  it('is not told apart by a wrong code', () => {
    const token = hotpToken({ notAfter: 1 })
    const verdict = verifyTokens(codeOf(token, 50), [credentialOf(token, 0)], now)
    assert.deepEqual(verdict, { verified: false, reason: 'wrong' })
  })
})

describe('a token that is not stored as it should be', () => {
  const good = hotpToken()
  const secrets: unknown[] = [
    '',
    'null',
    '{',
    {},
    { ...good, v: 2 },
    { ...good, more: 1 },
    { ...good, kind: 'ocra' },
    { ...good, digits: 7 },
    { ...good, algorithm: 'md5' },
    { ...good, serial: '' },
    { ...good, serial: 'a b' },
    { ...good, key: seedOf(9).toString('base64') },
    { ...good, key: Buffer.alloc(65).toString('base64') },
    { ...good, key: 'not base64!' },
    { ...good, period: 30 },
    { ...good, notAfter: undefined },
    { ...totpToken(), period: 45 },
    { ...totpToken(), drift: 21 },
    { ...totpToken(), drift: 0.5 },
    { ...totpToken(), drift: undefined },
    { ...yubicoToken(), key: seedOf(20).toString('base64') },
    { ...yubicoToken(), publicId: 'abc' },
    { ...yubicoToken(), privateId: '8792EBFE26CC' },
    { ...yubicoToken(), privateId: '' },
  ]

  it('is an error that tells nothing of it, whatever is typed', () => {
    for (const secret of secrets) {
      const text = typeof secret === 'string' ? secret : JSON.stringify(secret)
      const credential = { ...credentialOf(good, 0), secret: text }
      for (const judge of [
        () => verifyTokens('123456', [credential], now),
        () => verifyTokens('c'.repeat(32), [credentialOf(good, 0, { id: 'c0' }), credential], now),
        () => resynchronise(credential, ['123456', '654321'], now),
      ])
        assert.throws(judge, (error: Error) => {
          assert.equal(error.message, 'The hardware token c1 is not stored as it should be', text)
          assert.equal(error.cause, undefined)
          return true
        })
    }
  })

  it('is one that is, otherwise', () => {
    for (const token of [good, totpToken({ drift: -20 }), yubicoToken({ publicId: null })])
      assert.deepEqual(readToken(credentialOf(token, 0)), token)
  })
})

describe('any answer at all', () => {
  const tokens = [
    credentialOf(hotpToken(), 0),
    credentialOf(hotpToken({ digits: 8 }), 1e15),
    credentialOf(totpToken({ drift: -20 }), step),
    credentialOf(totpToken({ digits: 8, period: 60 }), -1),
    credentialOf(yubicoToken({ publicId: null }), 0),
  ]
  const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`))
  const modhex = fc.stringMatching(/^(?:[cbdefghijklnrtuv]{2}){14,34}$/)
  const answers = fc.oneof(
    fc.string({ unit: 'binary' }),
    modhex,
    ...[5, 6, 7, 8, 11, 12, 13, 16].map(digits),
    fc.tuple(digits(6), fc.constantFrom(' ', '\t', '-', '\0'), digits(6)).map((parts) => parts.join('')),
  )

  it('gets a verdict, and what is accepted moves a counter forward', () => {
    fc.assert(
      fc.property(answers, fc.nat({ max: 4e12 }), (typed, at) => {
        const verdict = verifyTokens(typed, tokens, at)
        if (verdict.verified) assert.ok(verdict.spend.next > verdict.spend.expected)
        else assert.ok(['wrong', 'malformed', 'replayed', 'clock'].includes(verdict.reason))
      }),
      { numRuns: 400 },
    )
  }).timeout(60_000)

  it('that is two codes is a verdict for an administrator as well', () => {
    fc.assert(
      fc.property(answers, answers, fc.nat({ max: tokens.length - 1 }), (one, other, index) => {
        const [token] = tokens.slice(index)
        assert.ok(token)
        assert.equal(typeof resynchronise(token, [one, other], now).verified, 'boolean')
      }),
      { numRuns: 200 },
    )
  }).timeout(60_000)
})
