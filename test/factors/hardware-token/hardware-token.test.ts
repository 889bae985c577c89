import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { codeOf } from '../../../src/factors/hardware-token/code.ts'
import { hardwareTokens, resynchronise } from '../../../src/factors/hardware-token/hardware-token.ts'
import { registerFactors } from '../../../src/factors/registry.ts'
import { credentialOf, hotpToken, totpToken, yubicoToken, yubikey } from './samples.ts'

const now = 1_900_000_000_000 + 12_000
const step = Math.floor(now / 1000 / 30)
const context = {
  now,
  random: (size: number) => randomBytes(size),
  issuerName: 'Duepassi',
  accountName: 'maria@example.org',
}
const inventory = { find: async () => undefined, ofAccount: async () => [] }

describe('the factor of hardware tokens', () => {
  const factor = hardwareTokens({ inventory })
  const verify = (of: typeof factor, code: string, token: Parameters<typeof credentialOf>[0], counter = 0) =>
    of.verify(code, {}, [credentialOf(token, counter)], context)

  it('can be registered, since people set it up themselves', () => {
    assert.equal(registerFactors([factor]).named('hardware-token'), factor)
    assert.equal(factor.selfEnrolled, true)
  })

  it('takes what can be an answer, and nothing else for one', () => {
    for (const typed of ['123456', '1234 5678', '123456 123456', '1234567812345678', yubikey.otp])
      assert.equal(factor.accepts(typed), true, typed)
    for (const typed of ['', '12345', 'FT-1 123456', 'password'])
      assert.equal(factor.accepts(typed), false, typed)
  })

  it('asks by the names of the tokens, and says of which kinds they are', async () => {
    const tokens = [
      credentialOf(yubicoToken(), 0, { label: 'YubiKey' }),
      credentialOf(hotpToken(), 0),
      credentialOf(hotpToken(), 0, { label: '' }),
    ]
    assert.deepEqual(await factor.begin(tokens, context), {
      authenticators: ['YubiKey', 'OTP c100', ''],
      kinds: ['hotp', 'yubico'],
    })
  })

  it('verifies by the tolerance it was given', async () => {
    const strict = hardwareTokens({ inventory, lookAhead: 2, window: 0 })
    for (const [of, ahead, verified] of [
      [factor, 10, true],
      [factor, 11, false],
      [strict, 2, true],
      [strict, 3, false],
    ] as const)
      assert.equal((await verify(of, codeOf(hotpToken(), ahead), hotpToken())).verified, verified)
    const next = codeOf(totpToken(), step + 1)
    assert.equal((await verify(factor, next, totpToken())).verified, true)
    assert.equal((await verify(strict, next, totpToken())).verified, false)
  })

  it('brings a token back for an administrator', () => {
    const codes = [codeOf(hotpToken(), 70), codeOf(hotpToken(), 71)] as const
    const verdict = resynchronise(credentialOf(hotpToken(), 0), codes, now)
    assert.ok(verdict.verified)
    assert.deepEqual(verdict.spend, { expected: 0, next: 72 })
  })
})
