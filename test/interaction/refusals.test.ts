import { deepEqual } from 'node:assert/strict'
import type { FactorName, Rejection } from '../../src/factors/factor.ts'
import { errorOf } from '../../src/interaction/refusals.ts'

describe('errorOf', () => {
  const keyOf = (reason: Exclude<Rejection, 'clock'>, factor: FactorName, isAddress = false): string =>
    errorOf({ reason }, factor, isAddress).key

  it('speaks of the app, the message or the token, whichever the code is of', () => {
    const reasons = ['wrong', 'replayed', 'malformed'] as const
    for (const [factor, of] of [
      ['totp', 'code'],
      ['sms', 'message'],
      ['email', 'message'],
      ['hardware-token', 'token'],
    ] as const)
      deepEqual(
        reasons.map((reason) => keyOf(reason, factor)),
        reasons.map((reason) => `error.${of}.${reason}`),
      )
  })

  it('tells a code that is too old from a token that is', () => {
    deepEqual(keyOf('expired', 'sms'), 'error.message.expired')
    deepEqual(keyOf('expired', 'hardware-token'), 'error.token.expired')
  })

  it('tells a number from a mailbox, and both from a code', () => {
    deepEqual(keyOf('malformed', 'sms', true), 'error.message.number')
    deepEqual(keyOf('malformed', 'email', true), 'error.message.address')
  })

  it('sends nobody to the settings of a token’s clock', () => {
    const refusal = { reason: 'clock', clockOffset: -90 } as const
    deepEqual(errorOf(refusal, 'hardware-token'), { key: 'error.token.clock' })
    deepEqual(errorOf(refusal, 'totp'), {
      key: 'error.code.clock',
      values: { seconds: 90, direction: 'behind' },
    })
  })

  it('says how long nothing is sent', () => {
    deepEqual(errorOf({ reason: 'pause', seconds: 30 }, 'sms'), {
      key: 'error.message.pause',
      values: { seconds: 30 },
    })
  })
})
