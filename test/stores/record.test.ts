import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  isUsed,
  markUsed,
  read,
  readGrant,
  readSession,
  write,
  writeGrant,
  writeSession,
} from '../../src/stores/record.ts'

/** As oidc-provider reads a payload: properties that are undefined are not there. */
const plain = (payload: unknown) => JSON.parse(JSON.stringify(payload))

const word = fc.string({ minLength: 1, maxLength: 43 })
const optional = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined })
const second = fc.integer({ min: 1, max: 2 ** 32 })

const session = fc.record({
  uid: word,
  exp: second,
  accountId: optional(fc.string()),
  loginTs: optional(second),
  acr: optional(fc.oneof(word, fc.constantFrom('https://refeds.org/profile/mfa', '~mfa', '', '0'))),
  amr: optional(fc.array(fc.oneof(word, fc.constantFrom('pwd', 'otp', 'a b', '')))),
  transient: optional(fc.constant(true)),
  state: optional(fc.dictionary(fc.string(), fc.string())),
  authorizations: optional(
    fc.dictionary(
      fc.oneof(word, fc.constantFrom('__proto__', 'constructor')),
      fc.record(
        {
          sid: fc.oneof(word, fc.base64String()),
          grantId: fc.oneof(word, fc.base64String()),
          persistsLogout: fc.boolean(),
          more: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    ),
  ),
})

describe('record', () => {
  it('gives any session back', () => {
    fc.assert(
      fc.property(session, (given) => {
        fc.pre(given.loginTs === undefined || given.loginTs !== given.exp)
        const marks = { check: 'abc', window: 7 }
        const { marks: found, payload } = readSession(
          writeSession(marks, { ...given, jti: 'id', kind: 'Session', iat: 1 }),
        )
        assert.deepEqual(found, marks)
        assert.deepEqual(plain(payload), plain(given))
      }),
    )
  })

  it('gives any grant back', () => {
    const scope = fc.record({ scope: fc.string(), claims: fc.array(word) }, { requiredKeys: [] })
    const grant = fc.record({
      accountId: optional(fc.string()),
      clientId: fc.string(),
      exp: second,
      openid: optional(scope),
      resources: optional(fc.dictionary(word, word)),
      rejected: optional(fc.record({ openid: scope })),
      rar: optional(fc.array(fc.jsonValue())),
    })
    fc.assert(
      fc.property(grant, (given) => {
        assert.deepEqual(
          plain(readGrant(writeGrant({ ...given, jti: 'id', kind: 'Grant', iat: 1 }))),
          plain(given),
        )
      }),
    )
  })

  it('gives any other payload back, with its id, used or not', () => {
    fc.assert(
      fc.property(fc.dictionary(word, fc.jsonValue()), optional(second), (fields, consumed) => {
        const { jti: _, kind: __, consumed: ___, returnTo: ____, ...given } = fields
        const text = write({
          ...given,
          jti: 'id',
          kind: 'RefreshToken',
          ...(consumed === undefined ? {} : { consumed }),
        })
        assert.equal(isUsed(text), consumed !== undefined)
        assert.deepEqual(plain(read(text, 'id')), plain({ ...given, jti: 'id', consumed }))
      }),
    )
  })

  it('marks a text as used, and keeps the rest', () => {
    const text = write({ scope: '{openid}', exp: 5 })
    assert.equal(isUsed(text), false)
    assert.deepEqual(read(markUsed(text, 1_700_000_000), 'id'), {
      scope: '{openid}',
      exp: 5,
      jti: 'id',
      consumed: 1_700_000_000,
    })
  })

  it("keeps an interaction's uid and the session's cookie out of its text", () => {
    const text = write({
      jti: 'V1StGXR8',
      returnTo: 'https://id.example/auth/V1StGXR8',
      session: { uid: 'u', cookie: 'session-id', accountId: 'a' },
    })
    assert.doesNotMatch(text, /V1StGXR8|session-id/)
    assert.deepEqual(read(text, 'V1StGXR8'), {
      jti: 'V1StGXR8',
      returnTo: 'https://id.example/auth/V1StGXR8',
      session: { uid: 'u', accountId: 'a' },
    })
  })
})
