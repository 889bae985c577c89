import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Credential } from '../../../src/directory/directory.ts'
import { codeOf, readCode, stepAt } from '../../../src/factors/totp/code.ts'
import { totp } from '../../../src/factors/totp/totp.ts'
import { verifyTotp } from '../../../src/factors/totp/verify.ts'

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const credential = (change: Partial<Credential> = {}): Credential => ({
  id: 'c1',
  accountId: 'a',
  factor: 'totp',
  label: '',
  handle: null,
  secret,
  counter: 0,
  createdAt: 0,
  lastUsedAt: null,
  ...change,
})
const now = 1_900_000_000_000 + 12_000
const step = stepAt(now)
const context = {
  now,
  random: (size: number) => randomBytes(size),
  issuerName: 'Due: Passi',
  accountName: 'maria@example.org',
}

describe('TOTP codes', () => {
  it('are those of RFC 4226 Appendix D', () => {
    const expected = [
      '755224',
      '287082',
      '359152',
      '969429',
      '338314',
      '254676',
      '287922',
      '162583',
      '399871',
      '520489',
    ]
    const seed = Buffer.from('12345678901234567890')
    for (const [counter, code] of expected.entries()) assert.equal(codeOf(seed, counter), code)
  })
  const seed = (length: number) => Buffer.from('1234567890'.repeat(7).slice(0, length))
  const vectors: Array<[number, string, string, string]> = [
    [59, '94287082', '46119246', '90693936'],
    [1111111109, '07081804', '68084774', '25091201'],
    [1111111111, '14050471', '67062674', '99943326'],
    [1234567890, '89005924', '91819424', '93441116'],
    [2000000000, '69279037', '90698825', '38618901'],
    [20000000000, '65353130', '77737706', '47863826'],
  ]
  for (const [time, sha1, sha256, sha512] of vectors)
    it(`are those of RFC 6238 Appendix B at ${time}`, () => {
      const at = stepAt(time * 1000)
      assert.equal(codeOf(seed(20), at, { digits: 8 }), sha1)
      assert.equal(codeOf(seed(32), at, { digits: 8, algorithm: 'sha256' }), sha256)
      assert.equal(codeOf(seed(64), at, { digits: 8, algorithm: 'sha512' }), sha512)
    })
  it('are read with spaces, dashes and the digits of other scripts, and nothing else', () => {
    assert.equal(readCode(' 123 456 '), '123456')
    assert.equal(readCode('123-456'), '123456')
    assert.equal(readCode('１２３４５６'), '123456')
    for (const typed of ['', '12345', '1234567', '12345a', '123456\0', '0x1234'])
      assert.equal(readCode(typed), undefined, typed)
  })
})

describe('verifying TOTP', () => {
  it('accepts the steps within the window and no other', () => {
    for (const offset of [-1, 0, 1])
      assert.deepEqual(verifyTotp(codeOf(secret, step + offset), [credential()], now, 1), {
        verified: true,
        credential: 'c1',
        spend: { expected: 0, next: step + offset },
        amr: ['otp'],
      })
    for (const offset of [-2, 2])
      assert.equal(verifyTotp(codeOf(secret, step + offset), [credential()], now, 1).verified, false)
  })
  it('accepts the current step alone in strict mode', () => {
    assert.equal(verifyTotp(codeOf(secret, step), [credential()], now, 0).verified, true)
    for (const offset of [-1, 1])
      assert.equal(verifyTotp(codeOf(secret, step + offset), [credential()], now, 0).verified, false)
  })
  it('refuses the last used step and every one before it', () => {
    for (const offset of [0, -1]) {
      const verdict = verifyTotp(codeOf(secret, step + offset), [credential({ counter: step })], now, 1)
      assert.deepEqual(verdict, { verified: false, reason: 'replayed' })
    }
    assert.equal(verifyTotp(codeOf(secret, step + 1), [credential({ counter: step })], now, 1).verified, true)
    assert.deepEqual(verifyTotp(codeOf(secret, step - 5), [credential({ counter: step })], now, 1), {
      verified: false,
      reason: 'replayed',
    })
  })
  it('tells by how much the clock is off, and spends a code from the future', () => {
    const past = verifyTotp(codeOf(secret, step - 5), [credential()], now, 1)
    assert.deepEqual(past, { verified: false, reason: 'clock', clockOffset: -150 })
    const future = verifyTotp(codeOf(secret, step + 5), [credential()], now, 1)
    assert.deepEqual(future, {
      verified: false,
      reason: 'clock',
      clockOffset: 150,
      burn: { credential: 'c1', spend: { expected: 0, next: step + 5 } },
    })
    assert.deepEqual(verifyTotp(codeOf(secret, step + 11), [credential()], now, 1), {
      verified: false,
      reason: 'wrong',
    })
  })
  it('tries every authenticator of the person', () => {
    const other = credential({ id: 'c2', secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' })
    const verdict = verifyTotp(codeOf(other.secret, step), [credential(), other], now, 1)
    assert.deepEqual(verdict, {
      verified: true,
      credential: 'c2',
      spend: { expected: 0, next: step },
      amr: ['otp'],
    })
  })
  it('refuses what is no code, and everything when there is no authenticator', () => {
    assert.deepEqual(verifyTotp('abcdef', [credential()], now, 1), { verified: false, reason: 'malformed' })
    assert.deepEqual(verifyTotp('000000', [], now, 1), { verified: false, reason: 'wrong' })
    assert.deepEqual(
      verifyTotp(String((Number(codeOf(secret, step)) + 1) % 1e6).padStart(6, '0'), [credential()], now, 1)
        .verified,
      false,
    )
  })
})

describe('the TOTP factor', () => {
  const factor = totp()
  it('makes 160-bit seeds and a URI that apps read', async () => {
    const draft = await factor.enrolment.begin([], context)
    assert.match(draft.secret, /^[A-Z2-7]{32}$/)
    assert.notEqual(draft.secret, (await factor.enrolment.begin([], context)).secret)
    const uri = new URL(String(draft.shown.uri))
    assert.equal(uri.protocol, 'otpauth:')
    assert.equal(
      decodeURIComponent(uri.pathname.replace(/^\/+/, '')).replace(/^totp\//, ''),
      'Due  Passi:maria@example.org',
    )
    assert.equal(uri.searchParams.get('secret'), draft.secret)
    assert.equal(uri.searchParams.get('issuer'), 'Due  Passi')
    assert.match(String(draft.shown.qrSvg), /^<svg/)
    assert.equal(String(draft.shown.secret).replaceAll(' ', ''), draft.secret)
  })
  it('is set up by a live code, which then counts as used', async () => {
    const draft = await factor.enrolment.begin([], context)
    assert.deepEqual(await factor.enrolment.finish(codeOf(draft.secret, step), draft, context), {
      confirmed: true,
      secret: draft.secret,
      handle: null,
      amr: ['otp'],
      used: true,
      counter: step,
    })
    assert.deepEqual(await factor.enrolment.finish(codeOf(draft.secret, step - 4), draft, context), {
      confirmed: false,
      reason: 'clock',
      clockOffset: -120,
    })
    assert.deepEqual(await factor.enrolment.finish('nonsense', draft, context), {
      confirmed: false,
      reason: 'malformed',
    })
  })
  it('asks by the names of the authenticators', async () => {
    assert.deepEqual(await factor.begin([credential({ label: 'Telefono' })], context), {
      authenticators: ['Telefono'],
    })
    assert.equal(factor.accepts('123 456'), true)
    assert.equal(factor.accepts(''), false)
    assert.equal((await factor.verify(codeOf(secret, step), {}, [credential()], context)).verified, true)
  })
})
