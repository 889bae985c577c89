import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Credential } from '../../../src/directory/directory.ts'
import type { Rejection, Verdict } from '../../../src/factors/factor.ts'
import { readDevice, writeDevice } from '../../../src/factors/push/device.ts'
import type { PushRequest } from '../../../src/factors/push/request.ts'
import { flag } from '../../support/soft-authenticator.ts'
import type { Decide } from '../../support/soft-phone.ts'
import { asked, context, contextAt, createFactor, enrolled, issuer, newPhone, time } from './scene.ts'

type Scene = Awaited<ReturnType<typeof enrolled>>

const judged = async (
  { factor, phone, credential }: Scene,
  knobs: Decide | ((request: PushRequest) => Decide) = {},
  at = context,
): Promise<Verdict> => {
  const request = await asked(factor, [credential])
  const given = typeof knobs === 'function' ? knobs(request) : knobs
  const answer = await phone.decide(request, { num: request.number, ...given })
  return factor.verify(answer, request, [credential], at)
}

const refuses = async (verdict: Promise<Verdict>, reason: Rejection) =>
  assert.deepEqual(await verdict, { verified: false, reason })

describe('an approval on the phone', () => {
  it('is accepted, and spends the time of its request', async () => {
    const scene = await enrolled()
    assert.deepEqual(await judged(scene), {
      verified: true,
      credential: 'c1',
      spend: { expected: time - 60_000, next: time },
      amr: ['pop', 'mca', 'mfa'],
      assurance: { userVerified: true, deviceBound: true, attested: false },
    })
  })

  for (const digits of [2, 3, 6] as const)
    it(`takes a number of ${digits} digits`, async () => {
      const scene = await enrolled({ options: { digits } })
      const { number } = await asked(scene.factor, [scene.credential])
      assert.match(number, new RegExp(`^\\d{${digits}}$`))
      assert.equal((await judged(scene)).verified, true)
    })

  it('says that the authenticator may be synced', async () => {
    const scene = await enrolled({ phone: { authenticator: { backupEligible: true } } })
    const verdict = await judged(scene)
    assert.ok(verdict.verified)
    assert.equal(verdict.assurance?.deviceBound, false)
    assert.equal(verdict.secret, undefined)
  })

  it('keeps what is new of the authenticator: its counter, and where its key lies', async () => {
    const scene = await enrolled({
      phone: { authenticator: { backupEligible: true, counter: { start: 3, step: 1 } } },
    })
    scene.phone.authenticator.settings.backedUp = true
    const verdict = await judged(scene)
    assert.ok(verdict.verified && verdict.secret !== undefined)
    const { authenticator, ...same } = readDevice({ id: 'c1', secret: verdict.secret })
    const { authenticator: before, ...others } = readDevice(scene.credential)
    assert.deepEqual(same, others)
    assert.deepEqual([before.counter, authenticator.counter], [4, 5])
    assert.equal(JSON.parse(authenticator.secret).backedUp, true)
  })

  it('has no number to compare in the browser that asks, and says so', async () => {
    const scene = await enrolled()
    const verdict = await judged(scene, localOf)
    assert.ok(verdict.verified)
    assert.deepEqual(verdict.amr, ['pop', 'mfa'])
  })

  it('has no number where the client shows none, and a binding message instead', async () => {
    const { factor, phone, credential } = await enrolled()
    const request = await asked(factor, [credential], { kind: 'backchannel', bindingMessage: 'Pay 12 €' })
    assert.deepEqual([request.number, request.digits], ['', 0])
    assert.equal(JSON.parse(request.shown).bindingMessage, 'Pay 12 €')
    const right = await factor.verify(await phone.decide(request), request, [credential], context)
    assert.equal(right.verified, true)
    const typed = await phone.decide(request, { num: '1' })
    await refuses(factor.verify(typed, request, [credential], context), 'wrong')
  })

  it('is by any of the phones of the account', async () => {
    const made = createFactor()
    const one = await enrolled({ made, credential: { id: 'one' } })
    const two = await enrolled({ made, credential: { id: 'two' } })
    const own = [one.credential, two.credential]
    const request = await asked(made.factor, own)
    const answer = await two.phone.decide(request, { num: request.number })
    const verdict = await made.factor.verify(answer, request, own, context)
    assert.ok(verdict.verified)
    assert.equal(verdict.credential, 'two')
  })

  it('may be a minute off by its clock, and no more', async () => {
    const scene = await enrolled()
    const at = (seconds: number): Decide => ({ payload: { iat: time / 1000 + seconds } })
    for (const seconds of [-60, 60]) assert.equal((await judged(scene, at(seconds))).verified, true)
    for (const seconds of [-61, 61]) await refuses(judged(scene, at(seconds)), 'wrong')
  })

  it('is in time until the last millisecond', async () => {
    const scene = await enrolled()
    assert.equal((await judged(scene, {}, contextAt(time + 59_999))).verified, true)
    await refuses(judged(scene, { payload: { iat: time / 1000 + 60 } }, contextAt(time + 60_000)), 'expired')
  })

  it('still counts where the last code was of a moment that is yet to come', async () => {
    const scene = await enrolled({ credential: { counter: time + 20_000 } })
    const verdict = await judged(scene)
    assert.ok(verdict.verified)
    assert.deepEqual(verdict.spend, { expected: time + 20_000, next: time + 20_001 })
  })
})

const localOf = ({ local }: PushRequest): Decide => ({ payload: { nonce: local, num: undefined } })
const another = 'A'.repeat(43)

describe('an approval is refused', () => {
  const wrong: ReadonlyArray<[string, Decide | ((request: PushRequest) => Decide), Rejection]> = [
    ['with another number', ({ number }) => ({ num: number === '000000' ? '000001' : '000000' }), 'wrong'],
    ['with a part of the number', ({ number }) => ({ num: number.slice(0, 5) }), 'wrong'],
    ['without the number', { payload: { num: undefined } }, 'wrong'],
    ['for another issuer', { payload: { aud: 'https://other.example' } }, 'wrong'],
    ['for several issuers', { payload: { aud: [issuer] } }, 'malformed'],
    ['for another request', { payload: { txn: another } }, 'wrong'],
    ['with another nonce', { payload: { nonce: another } }, 'wrong'],
    ['for something else than was shown', { payload: { ctx: another } }, 'wrong'],
    ['that is a denial', { decision: 'deny' }, 'wrong'],
    ['that is a report', { decision: 'report' }, 'wrong'],
    [
      'that is a denial, in the browser that asks',
      (request) => ({ ...localOf(request), decision: 'deny' }),
      'wrong',
    ],
    ['that is a denial, with everything that an approval has', { payload: { decision: 'deny' } }, 'wrong'],
    ['that decides anything else', { payload: { decision: 'maybe' } }, 'malformed'],
    ['that says more than it should', { payload: { admin: true } }, 'malformed'],
    ['that is a signature for another purpose', { header: { typ: 'device-call+jwt' } }, 'malformed'],
    ['that brings its own key', { header: { jwk: {} } }, 'malformed'],
    ['without any assertion', { assertion: null }, 'unverified'],
    ['with something else for an assertion', { assertion: { id: 'x' } }, 'malformed'],
    ['whose user was not verified', { userVerified: false }, 'unverified'],
    ['that another page asked for', { origin: 'https://phish.example' }, 'wrong'],
    [
      'whose assertion is of another ceremony',
      { tamper: { clientData: (data) => ({ ...data, type: 'webauthn.create' }) } },
      'wrong',
    ],
    [
      'whose assertion was asked for in an embedded page',
      { tamper: { clientData: (data) => ({ ...data, crossOrigin: true }) } },
      'wrong',
    ],
    [
      'whose assertion is not signed',
      { tamper: { signature: (signature) => Buffer.alloc(signature.length, 1) } },
      'wrong',
    ],
  ]
  for (const [what, knobs, reason] of wrong)
    it(`${what}: ${reason}`, async () => refuses(judged(await enrolled(), knobs), reason))

  it('signed by another key, in the name of this one', async () => {
    await refuses(judged(await enrolled(), { signer: await newPhone() }), 'wrong')
  })

  it('with an algorithm that is not ours, even where it is written so', async () => {
    const scene = await enrolled()
    const request = await asked(scene.factor, [scene.credential])
    const { jws, assertion } = JSON.parse(await scene.phone.decide(request, { num: request.number }))
    for (const alg of ['none', 'HS256', 'ES384']) {
      const header = { alg, typ: 'push-decision+jwt', kid: scene.phone.thumbprint }
      const parts = jws.split('.')
      parts[0] = Buffer.from(JSON.stringify(header)).toString('base64url')
      const answer = JSON.stringify({ jws: parts.join('.'), assertion })
      assert.equal(scene.factor.accepts(answer), false, alg)
      await refuses(scene.factor.verify(answer, request, [scene.credential], context), 'malformed')
    }
  })

  it("by a phone of somebody else, or one that isn't there any more", async () => {
    const made = createFactor()
    const mine = await enrolled({ made })
    const other = await enrolled({ made, credential: { id: 'c2', accountId: 'luca' } })
    const request = await asked(made.factor, [mine.credential])
    const answer = await other.phone.decide(request, { num: request.number })
    await refuses(made.factor.verify(answer, request, [mine.credential], context), 'wrong')
    await refuses(made.factor.verify(answer, request, [], context), 'wrong')
  })

  it('with the signature of one phone and the authenticator of another', async () => {
    const made = createFactor()
    const mine = await enrolled({ made })
    const other = await enrolled({ made, credential: { id: 'c2' } })
    const own = [mine.credential, other.credential]
    const request = await asked(made.factor, own)
    const { jws } = JSON.parse(await mine.phone.decide(request, { num: request.number }))
    const { assertion } = JSON.parse(await other.phone.decide(request, { num: request.number }))
    await refuses(made.factor.verify(JSON.stringify({ jws, assertion }), request, own, context), 'wrong')
  })

  it('with an old assertion on a new decision', async () => {
    const scene = await enrolled()
    const request = await asked(scene.factor, [scene.credential])
    const { assertion } = JSON.parse(await scene.phone.decide(request, { num: request.number }))
    const answer = await scene.phone.decide(request, { num: request.number, assertion })
    await refuses(scene.factor.verify(answer, request, [scene.credential], context), 'wrong')
  })

  it('with an assertion that was made before its number was changed', async () => {
    const scene = await enrolled()
    const request = await asked(scene.factor, [scene.credential])
    const { assertion } = JSON.parse(await scene.phone.decide(request, { num: '1' }))
    const answer = await scene.phone.decide(request, { num: request.number, assertion })
    await refuses(scene.factor.verify(answer, request, [scene.credential], context), 'wrong')
  })

  it('when it was accepted before', async () => {
    const scene = await enrolled()
    const request = await asked(scene.factor, [scene.credential])
    const answer = await scene.phone.decide(request, { num: request.number })
    const verdict = await scene.factor.verify(answer, request, [scene.credential], context)
    assert.ok(verdict.verified)
    const spent: Credential = { ...scene.credential, counter: verdict.spend.next }
    await refuses(scene.factor.verify(answer, request, [spent], context), 'replayed')
  })

  it('when it is to the request before this one', async () => {
    const scene = await enrolled()
    const request = await asked(scene.factor, [scene.credential])
    const later = contextAt(time + 15_000)
    const next = scene.factor.remote.ask(
      request,
      [scene.credential],
      { kind: 'sign-in', app: { name: 'Mail' }, sighting: null },
      later,
    )
    assert.ok(next)
    const answer = await scene.phone.decide(request, { num: String(next['number']) })
    assert.equal(scene.factor.isAnswerTo?.(answer, next), false)
    await refuses(scene.factor.verify(answer, next, [scene.credential], later), 'wrong')
  })

  it('when nothing is asked, or no more', async () => {
    const scene = await enrolled()
    const { factor, credential } = scene
    const request = await asked(factor, [credential])
    const answer = await scene.phone.decide(request, { num: request.number })
    const nothing = await factor.begin([credential], context)
    await refuses(factor.verify(answer, nothing, [credential], context), 'unsent')
    for (const how of ['judging', 'denied', 'wrong'] as const)
      await refuses(factor.verify(answer, factor.remote.end(request, how), [credential], context), 'unsent')
  })

  it('when the counter of the authenticator went back', async () => {
    const scene = await enrolled({ phone: { authenticator: { counter: { start: 3, step: 1 } } } })
    const [own] = scene.phone.authenticator.credentials
    assert.ok(own)
    own.counter = 1
    await refuses(judged(scene), 'cloned')
  })

  it('not for the counter of a synced one, which is noted', async () => {
    const scene = await enrolled({
      phone: { authenticator: { backupEligible: true, counter: { start: 3, step: 1 } } },
    })
    const [own] = scene.phone.authenticator.credentials
    assert.ok(own)
    own.counter = 1
    const verdict = await judged(scene)
    assert.ok(verdict.verified)
    assert.equal(verdict.suspicion, 'counter-went-back')
  })

  it('whose authenticator turned from one kind into another', async () => {
    const scene = await enrolled()
    const backedUp = (data: Buffer) => {
      data[32] = (data[32] ?? 0) | flag.be
      return data
    }
    await refuses(judged(scene, { tamper: { authenticatorData: backedUp } }), 'wrong')
  })
})

describe('what is kept of a phone', () => {
  it('is read as it was written, or not at all', async () => {
    const { credential, factor, phone } = await enrolled()
    const device = readDevice(credential)
    assert.equal(writeDevice(device), credential.secret)
    const request = await asked(factor, [credential])
    const answer = await phone.decide(request, { num: request.number })
    for (const secret of [
      '',
      '{}',
      JSON.stringify({ ...device, more: 1 }),
      JSON.stringify({ ...device, v: 2 }),
    ])
      await assert.rejects(
        factor.verify(answer, request, [{ ...credential, secret }], context),
        /^Error: The authenticator app c1 is not stored as it should be$/,
      )
  })
})

describe('what could be an answer', () => {
  it('is evidence that can be read, or six digits', async () => {
    const { factor, phone, credential } = await enrolled()
    const request = await asked(factor, [credential])
    const answer = await phone.decide(request, { num: request.number })
    const { jws, assertion } = JSON.parse(answer)
    for (const right of [answer, JSON.stringify({ jws }), '123456', ' 123 456'])
      assert.equal(factor.accepts(right), true, right.slice(0, 20))
    const wrong: unknown[] = [
      null,
      [],
      {},
      { jws: 1 },
      { jws: '' },
      { jws: 'a.b.c' },
      { jws: `${jws}.` },
      { jws: ` ${jws}` },
      { jws, assertion, more: 1 },
      { jws: jws.split('.').slice(0, 2).join('.') },
      { jws: `${jws}${'A'.repeat(2_000)}` },
      { jws, assertion: 'A'.repeat(20_000) },
    ]
    for (const one of wrong) {
      const text = JSON.stringify(one)
      assert.equal(factor.accepts(text), false, text.slice(0, 80))
      await refuses(factor.verify(text, request, [credential], context), 'malformed')
    }
    for (const text of ['', 'hello', '12345', '1234567', '{', `{"jws":"${jws}"`])
      assert.equal(factor.accepts(text), false, text.slice(0, 20))
  })

  it('belongs to the question whose request it names; a code belongs to none', async () => {
    const { factor, phone, credential } = await enrolled()
    const request = await asked(factor, [credential])
    const answer = await phone.decide(request, { num: request.number })
    assert.equal(factor.isAnswerTo?.(answer, request), true)
    assert.equal(factor.isAnswerTo?.(answer, await asked(factor, [credential])), false)
    assert.equal(factor.isAnswerTo?.(answer, await factor.begin([credential], context)), false)
    assert.equal(factor.isAnswerTo?.(answer, factor.remote.end(request, 'judging')), false)
    assert.equal(factor.isAnswerTo?.('123456', request), undefined)
  })

  it('may be anything: it is judged, and nothing is thrown', async () => {
    const { factor, phone, credential } = await enrolled()
    const request = await asked(factor, [credential])
    const right = await phone.decide(request, { num: request.number })
    const changed = fc
      .tuple(fc.nat(right.length - 1), fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }))
      .map(([at, text]) => `${right.slice(0, at)}${text}${right.slice(at + 1)}`)
      .filter((text) => text !== right)
    const jose = fc.tuple(fc.json(), fc.json(), fc.json()).map(([header, payload, assertion]) => {
      const parts = [header, payload, 'x'].map((part) => Buffer.from(part).toString('base64url'))
      return JSON.stringify({ jws: parts.join('.'), assertion })
    })
    const { jws } = JSON.parse(right)
    const assertion = fc.jsonValue().map((value) => JSON.stringify({ jws, assertion: value }))
    const texts = fc.oneof(changed, jose, assertion, fc.json(), fc.string({ unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        factor.accepts(text)
        factor.isAnswerTo?.(text, request)
        const verdict = await factor.verify(text, request, [credential], context)
        // White space, escapes and what nobody looks at may differ; what was signed may not.
        if (verdict.verified) assert.equal(JSON.parse(text).jws, jws)
        await factor.remote.readRefusal(text, request, [credential], context)
      }),
      { numRuns: 300 },
    )
  })
})
