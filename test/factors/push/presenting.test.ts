import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Rejection } from '../../../src/factors/factor.ts'
import { candidateOf } from '../../../src/factors/push/draft.ts'
import { deviceName } from '../../../src/factors/push/invitation.ts'
import type { Enrol, Invited } from '../../support/soft-phone.ts'
import { context, contextAt, createFactor, enrolled, newPhone, offerOf, time, tokenOf } from './scene.ts'

describe('a phone that presents itself', () => {
  const presenting = async (
    change: {
      invited?: Partial<Invited>
      knobs?: Enrol
      body?: Record<string, unknown>
      at?: number
      own?: number
      phone?: Parameters<typeof newPhone>[0]
    } = {},
  ) => {
    const made = createFactor()
    const { factor } = made
    const phone = await newPhone(change.phone)
    const { credential } = change.own ? await enrolled({ made }) : {}
    const own = Array.from({ length: change.own ?? 0 }, () => credential).filter((one) => one !== undefined)
    const draft = await factor.enrolment.begin(own, context)
    const { options } = offerOf(factor, draft)
    const invited = { token: tokenOf(draft), options, ...change.invited }
    const body = { ...(await phone.enrol(invited, change.knobs)), ...change.body }
    const at = contextAt(change.at ?? time)
    return {
      factor,
      phone,
      taken: await factor.enrolment.remote.present(JSON.stringify(body), draft, at),
      draft,
    }
  }

  it('is told a number, and the computer is not', async () => {
    const { phone, taken } = await presenting({
      phone: { label: "  Maria's\nphone\u0000 ", platform: 'ios' },
    })
    assert.ok('draft' in taken)
    const { number, thumbprint, offlineSecret, ...rest } = taken.told as Record<string, string>
    assert.deepEqual(rest, {})
    assert.match(String(number), /^\d{4}$/)
    assert.match(String(offlineSecret), /^[A-Z2-7]{32}$/)
    assert.equal(thumbprint, phone.thumbprint)
    const { draft } = taken
    const label = "Maria's phone"
    assert.deepEqual(draft.shown, { step: 'confirm', label, triesLeft: 3, expiresAt: time + 300_000 })
    assert.deepEqual(draft.names, [deviceName(phone.thumbprint)])
    const candidate = candidateOf(draft)
    assert.equal(candidate?.thumbprint, phone.thumbprint)
    assert.equal(candidate?.label, label)
    const { authenticator, offline, ...device } = candidate?.device ?? assert.fail()
    assert.deepEqual(device, { v: 1, key: phone.jwk, address: null, language: 'en', platform: 'ios' })
    assert.equal(offline, offlineSecret)
    assert.equal(authenticator.id, phone.authenticator.credentials[0]?.id)
  })

  it('may have been told the code', async () => {
    const { factor } = createFactor()
    const draft = await factor.enrolment.begin([], context)
    const token = String(draft.shown['code']).toLowerCase()
    const body = await (await newPhone()).enrol({ token, options: offerOf(factor, draft).options })
    assert.ok('draft' in (await factor.enrolment.remote.present(JSON.stringify(body), draft, context)))
  })

  it('has an address or none, a language, a name', async () => {
    const address = { kind: 'test', to: 'somewhere' }
    const { taken } = await presenting({ invited: { address }, phone: { language: 'it', label: ' ' } })
    assert.ok('draft' in taken)
    const { device, label } = candidateOf(taken.draft) ?? assert.fail()
    assert.deepEqual([device.address, device.language, label], ['somewhere', 'it', 'android'])
    const { taken: odd } = await presenting({ body: { language: 'xx', platform: '<b>', address: undefined } })
    assert.ok('draft' in odd)
    const { device: plain } = candidateOf(odd.draft) ?? assert.fail()
    assert.deepEqual([plain.address, plain.language, plain.platform], [null, 'en', 'other'])
    const { taken: long } = await presenting({ phone: { label: 'x'.repeat(500) } })
    assert.ok('draft' in long)
    assert.equal(candidateOf(long.draft)?.label.length, 60)
  })

  const another = 'A'.repeat(43)
  const wrong: ReadonlyArray<[string, Parameters<typeof presenting>[0], Rejection]> = [
    ['too late', { at: time + 300_000, knobs: { payload: { iat: time / 1000 + 300 } } }, 'expired'],
    ['with another invitation', { invited: { token: another } }, 'wrong'],
    ['with what is no invitation', { knobs: { payload: { token: 'x' } } }, 'wrong'],
    ['for another issuer', { knobs: { payload: { aud: 'https://other.example' } } }, 'wrong'],
    ['by a clock that is wrong', { knobs: { payload: { iat: time / 1000 - 61 } } }, 'wrong'],
    [
      'with a signature for another purpose',
      { knobs: { header: { typ: 'push-decision+jwt' } } },
      'malformed',
    ],
    ['with a name instead of a key', { knobs: { header: { jwk: undefined, kid: another } } }, 'malformed'],
    [
      'with its private key',
      { knobs: { header: { jwk: { kty: 'EC', crv: 'P-256', x: another, y: another, d: another } } } },
      'malformed',
    ],
    [
      'with a key that is no point of the curve',
      { knobs: { header: { jwk: { kty: 'EC', crv: 'P-256', x: another, y: another } } } },
      'wrong',
    ],
    ['without verifying its user', { knobs: { userVerified: false } }, 'unverified'],
    ['from another page', { knobs: { origin: 'https://phish.example' } }, 'wrong'],
    ['without a registration', { body: { registration: undefined } }, 'malformed'],
    ['where nothing is delivered', { invited: { address: { kind: 'pigeon' } } }, 'not-allowed'],
    ['as the sixth', { own: 5 }, 'not-allowed'],
    ['with a name that is none', { body: { label: 7 } }, 'malformed'],
    ['without a signature', { body: { jws: undefined } }, 'malformed'],
    ['with more than anybody reads', { body: { more: 'x'.repeat(40_000) } }, 'malformed'],
  ]
  for (const [what, change, reason] of wrong)
    it(`is refused ${what}: ${reason}`, async () =>
      assert.deepEqual((await presenting(change)).taken, { refused: reason }))

  it('is refused with a key that is not its own', async () => {
    const { taken } = await presenting({ knobs: { signer: await newPhone() } })
    assert.deepEqual(taken, { refused: 'wrong' })
  })

  it('is refused with a registration for another invitation', async () => {
    const { factor, phone, draft } = await presenting()
    const other = await factor.enrolment.begin([], context)
    const body = await phone.enrol({ token: tokenOf(draft), options: offerOf(factor, other).options })
    const taken = await factor.enrolment.remote.present(JSON.stringify(body), draft, context)
    assert.deepEqual(taken, { refused: 'wrong' })
  })

  it('is refused where another was faster', async () => {
    const { factor, phone, draft, taken } = await presenting()
    assert.ok('draft' in taken)
    const body = await phone.enrol({ token: tokenOf(draft), options: offerOf(factor, draft).options })
    const again = await factor.enrolment.remote.present(JSON.stringify(body), taken.draft, context)
    assert.deepEqual(again, { refused: 'replayed' })
  })

  it('may say anything', async () => {
    const { factor } = createFactor()
    const draft = await factor.enrolment.begin([], context)
    const texts = fc.oneof(fc.json(), fc.string({ unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const taken = await factor.enrolment.remote.present(text, draft, context)
        assert.deepEqual(taken, { refused: 'malformed' })
      }),
    )
  })
})
