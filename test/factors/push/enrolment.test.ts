import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Draft, EnrolmentVerdict, Rejection } from '../../../src/factors/factor.ts'
import { readDevice } from '../../../src/factors/push/device.ts'
import { candidateOf } from '../../../src/factors/push/draft.ts'
import { deviceName, invitationName } from '../../../src/factors/push/invitation.ts'
import {
  asked,
  context,
  contextAt,
  createFactor,
  credentialOf,
  issuer,
  newPhone,
  offerOf,
  presented,
  testing,
  testOf,
  time,
  tokenOf,
} from './scene.ts'

describe('an invitation', () => {
  it('is scanned or typed, for five minutes', async () => {
    const { factor } = createFactor()
    const draft = await factor.enrolment.begin([], context)
    const { uri, qrSvg, code, ...rest } = draft.shown as Record<string, string>
    assert.deepEqual(rest, { step: 'scan', expiresAt: time + 300_000 })
    assert.match(String(uri), /^https:\/\/sso\.example\.org\/authenticator\/#e=[\w-]{43}$/)
    assert.match(String(qrSvg), /^<svg .*<\/svg>\s*$/s)
    assert.match(String(code), /^[0-9B-DF-HJKMNP-TV-Z]{4}-[0-9B-DF-HJKMNP-TV-Z]{4}-[0-9B-DF-HJKMNP-TV-Z]{2}$/)
    assert.deepEqual(draft.names, [invitationName(tokenOf(draft)), invitationName(String(code))])
    assert.equal(new Set(draft.names).size, 2)
    assert.equal(draft.secret.includes(tokenOf(draft)), false)
    assert.equal(factor.enrolment.counted, true)
  })

  it('is another each time', async () => {
    const { factor } = createFactor()
    const [one, two] = [await factor.enrolment.begin([], context), await factor.enrolment.begin([], context)]
    const all = [one, two, factor.enrolment.remote.renew(one, context)].flatMap(({ names = [] }) => names)
    assert.equal(new Set(all).size, 6)
  })

  it('is found however it is typed', () => {
    const name = invitationName('K7QP2M9X01')
    assert.match(String(name), /^[\w-]{43}$/)
    for (const typed of ['k7qp-2m9x-01', ' K7QP 2M9X OI ', 'K7QP–2M9X–ol', 'Ｋ７ＱＰ２Ｍ９Ｘ０１'])
      assert.equal(invitationName(typed), name, typed)
    for (const typed of [
      '',
      'K7QP2M9X0',
      'K7QP2M9X011',
      'A7QP2M9X01',
      'K7QP2M9X0!',
      'é'.repeat(10),
      'x'.repeat(44),
    ])
      assert.equal(invitationName(typed), undefined, typed)
    assert.notEqual(invitationName('K7QP2M9X02'), name)
    assert.equal(invitationName(`K7QP2M9X01${' '.repeat(60)}`), undefined)
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (typed) => void invitationName(typed)))
  })

  it('has codes of which none is likelier than another', async () => {
    const { factor } = createFactor()
    const seen = new Map<string, number>()
    // The bytes that would be one round more, and then all there are.
    const random = (size: number) => Buffer.from(Array.from({ length: size }, (_, index) => 255 - index))
    const draft = await factor.enrolment.begin([], { ...context, random })
    assert.equal(draft.shown['code'], 'ZYXW-VTSR-QP')
    for (let draw = 0; draw < 100; draw++) {
      const { code } = factor.enrolment.remote.renew(draft, context).shown as { code: string }
      for (const one of code.replaceAll('-', '')) seen.set(one, (seen.get(one) ?? 0) + 1)
    }
    assert.equal(seen.size, 30)
    assert.throws(
      () => factor.enrolment.remote.renew(draft, { ...context, random: (size) => Buffer.alloc(size, 255) }),
      /no random bytes/,
    )
  })

  it('offers what the phone needs, while it is good', async () => {
    const { factor } = createFactor({ issuerName: 'Example' })
    const draft = await factor.enrolment.begin([], context)
    const { options, ...rest } = offerOf(factor, draft)
    assert.deepEqual(rest, {
      issuer,
      brand: 'Example',
      account: 'maria@example.org',
      rpId: 'sso.example.org',
      expiresAt: time + 300_000,
      applicationServerKey: 'BKey',
      offline: true,
    })
    assert.deepEqual(offerOf(factor, draft).options, options, 'asked twice, the same')
    const { offer } = factor.enrolment.remote
    assert.ok(offer(draft, contextAt(time + 299_999)))
    assert.equal(offer(draft, contextAt(time + 300_000)), undefined)
    const { draft: later } = await presented(factor, await newPhone())
    assert.equal(offer(later, context), undefined)
    const unnamed = createFactor().factor
    assert.equal((offerOf(unnamed, draft) as Record<string, unknown>)['brand'], 'Duepassi')
  })
})

const refused = (verdict: EnrolmentVerdict, reason: Rejection): Draft | undefined => {
  assert.ok(!verdict.confirmed && 'reason' in verdict, JSON.stringify(verdict))
  assert.equal(verdict.reason, reason)
  return verdict.draft
}

describe('the number that the phone shows', () => {
  it('is typed on the computer, and a test begins', async () => {
    const { factor } = createFactor()
    const phone = await newPhone()
    const { draft, number } = await presented(factor, phone)
    const typed = number.replace(/^../, '$& ')
    const verdict = await factor.enrolment.finish(typed, draft, contextAt(time + 299_999))
    assert.ok(!verdict.confirmed && 'next' in verdict)
    const { number: test, ...shown } = verdict.next.shown
    assert.match(String(test), /^\d{6}$/)
    assert.deepEqual(shown, { step: 'test', label: 'Phone', digits: 6, expiresAt: time + 299_999 + 60_000 })
    assert.deepEqual(verdict.next.names, [deviceName(phone.thumbprint)])
    assert.equal(candidateOf(verdict.next)?.step, 'test')
  })

  it('has three tries, then the phone is invited anew', async () => {
    const { factor } = createFactor()
    const { draft, number } = await presented(factor, await newPhone())
    const wrong = number === '0000' ? '0001' : '0000'
    const second = refused(await factor.enrolment.finish(wrong, draft, context), 'wrong')
    assert.ok(second)
    assert.equal(second.shown['triesLeft'], 2)
    assert.deepEqual(second.names, draft.names)
    const right = await factor.enrolment.finish(number, second, context)
    assert.ok(!right.confirmed && 'next' in right)
    const third = refused(await factor.enrolment.finish(wrong, second, context), 'wrong')
    assert.ok(third)
    const last = refused(await factor.enrolment.finish(wrong, third, context), 'wrong')
    assert.equal(last?.shown['step'], 'scan')
    assert.equal(candidateOf(last ?? draft), undefined)
    refused(await factor.enrolment.finish(number, last ?? draft, context), 'unsent')
  })

  it('is no try where it cannot be the number', async () => {
    const { factor } = createFactor()
    const { draft } = await presented(factor, await newPhone())
    for (const typed of ['', '123', '12345', 'abcd'])
      assert.equal(refused(await factor.enrolment.finish(typed, draft, context), 'malformed'), undefined)
  })

  it('is too late after five minutes', async () => {
    const { factor } = createFactor()
    const { draft, number } = await presented(factor, await newPhone())
    const late = refused(await factor.enrolment.finish(number, draft, contextAt(time + 300_000)), 'expired')
    assert.equal(late?.shown['step'], 'scan')
  })

  it('is waited for by nobody before a phone is there', async () => {
    const { factor } = createFactor()
    const draft = await factor.enrolment.begin([], context)
    assert.equal(refused(await factor.enrolment.finish('1234', draft, context), 'unsent'), undefined)
    assert.equal(candidateOf(draft), undefined)
    assert.equal(factor.enrolment.remote.show(draft, time), undefined)
    await factor.enrolment.remote.tell(draft)
  })

  it('may be left: another phone is invited', async () => {
    const { factor, sent } = createFactor()
    const { draft } = await presented(factor, await newPhone())
    assert.equal(factor.enrolment.remote.show(draft, time), undefined)
    await factor.enrolment.remote.tell(draft)
    assert.deepEqual(sent, [])
    assert.equal(factor.enrolment.remote.renew(draft, context).shown['step'], 'scan')
  })
})

describe('the test', () => {
  const address = { kind: 'test', to: 'somewhere' }

  it('is a request like any other', async () => {
    const { factor, sent } = createFactor()
    const { draft } = await testing(factor, await newPhone({ language: 'it' }), address)
    const { shown, num } = testOf(factor, draft)
    const { id, nonce, shown: text, ...rest } = shown
    assert.deepEqual(rest, { digits: 6, expiresAt: time + 60_000, kind: 'test' })
    assert.equal(nonce.length, 43)
    assert.equal(JSON.parse(text).app.name, 'Duepassi')
    assert.equal(JSON.stringify(shown).includes(num), false)
    await factor.enrolment.remote.tell(draft)
    assert.deepEqual(sent, [{ address: 'somewhere', id, expiresAt: time + 60_000, language: 'it' }])
    assert.equal(factor.enrolment.remote.show(draft, time + 60_000), undefined)
  })

  it('that nobody can be told of is there all the same', async () => {
    const { factor, sent, outcomes } = createFactor()
    outcomes.set('somewhere', 'throws')
    const { draft } = await testing(factor, await newPhone(), address)
    await factor.enrolment.remote.tell(draft)
    assert.equal(sent.length, 1)
    const { draft: silent } = await testing(factor, await newPhone())
    await factor.enrolment.remote.tell(silent)
    assert.equal(sent.length, 1)
    assert.ok(factor.enrolment.remote.show(silent, time))
  })

  it('that is approved makes the phone a factor', async () => {
    const { factor } = createFactor()
    const phone = await newPhone({ authenticator: { counter: { start: 1, step: 1 } } })
    const { draft } = await testing(factor, phone, address)
    const { shown, num } = testOf(factor, draft)
    const verdict = await factor.enrolment.finish(await phone.decide(shown, { num }), draft, context)
    assert.ok(verdict.confirmed)
    const { secret, ...rest } = verdict
    assert.deepEqual(rest, {
      confirmed: true,
      counter: time,
      handle: phone.thumbprint,
      amr: ['pop', 'mca', 'mfa'],
      assurance: { userVerified: true, deviceBound: true, attested: false },
      label: 'Phone',
      used: true,
    })
    const device = readDevice({ id: 'c1', secret })
    assert.deepEqual([device.address, device.authenticator.counter], ['somewhere', 2])
    const credential = credentialOf(verdict)
    const request = await asked(factor, [credential], {}, contextAt(time + 1))
    const answer = await phone.decide(request, { num: request.number })
    assert.equal((await factor.verify(answer, request, [credential], contextAt(time + 1))).verified, true)
  })

  it('that is answered wrongly is over, and another one is to be had', async () => {
    const { factor } = createFactor()
    const phone = await newPhone()
    const other = await newPhone()
    const { draft } = await testing(factor, phone)
    const { shown, num } = testOf(factor, draft)
    const wrong = num === '000000' ? '000001' : '000000'
    const answers: ReadonlyArray<[string, Rejection]> = [
      [await phone.decide(shown, { num: wrong }), 'wrong'],
      [await phone.decide(shown, { num, decision: 'deny' }), 'wrong'],
      [await phone.decide(shown, { num, signer: other }), 'wrong'],
      [await phone.decide(shown, { num, header: { kid: other.thumbprint } }), 'wrong'],
      [await phone.decide(shown, { num, userVerified: false }), 'unverified'],
      [await phone.decide(shown, { num, assertion: null }), 'unverified'],
    ]
    for (const [answer, reason] of answers) {
      const left = refused(await factor.enrolment.finish(answer, draft, context), reason)
      assert.ok(left)
      assert.deepEqual(left.shown, { step: 'test', label: 'Phone', number: '', digits: 0, expiresAt: 0 })
      assert.equal(factor.enrolment.remote.show(left, time), undefined)
      await factor.enrolment.remote.tell(left)
      const right = await phone.decide(shown, { num })
      refused(await factor.enrolment.finish(right, left, context), 'unsent')
      const again = factor.enrolment.remote.renew(left, context)
      const next = testOf(factor, again)
      assert.notEqual(next.shown.id, shown.id)
      const verdict = await factor.enrolment.finish(
        await phone.decide(next.shown, { num: next.num }),
        again,
        context,
      )
      assert.equal(verdict.confirmed, true)
    }
  })

  it('that is answered too late is over as well', async () => {
    const { factor } = createFactor()
    const phone = await newPhone()
    const { draft } = await testing(factor, phone)
    const { shown, num } = testOf(factor, draft)
    const answer = await phone.decide(shown, { num, payload: { iat: time / 1000 + 60 } })
    assert.ok(refused(await factor.enrolment.finish(answer, draft, contextAt(time + 60_000)), 'expired'))
  })

  it('goes on where the number is sent once more, a code is typed, or an earlier test is answered', async () => {
    const { factor } = createFactor()
    const phone = await newPhone()
    const { draft, offlineSecret } = await testing(factor, phone)
    const { shown, num } = testOf(factor, draft)
    const again = factor.enrolment.remote.renew(draft, context)
    for (const typed of ['4817', phone.offlineCode(offlineSecret), ''])
      assert.equal(refused(await factor.enrolment.finish(typed, again, context), 'malformed'), undefined)
    const earlier = await phone.decide(shown, { num })
    assert.equal(refused(await factor.enrolment.finish(earlier, again, context), 'unsent'), undefined)
  })
})
