import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import fc from 'fast-check'
import type { CodeMessage, Draft } from '../../../src/factors/factor.ts'
import { addressed, at, codesBy, maria, messagesOf, not, other, sentTo, start } from './scene.ts'

const sms = codesBy()
const { address } = messagesOf(sms)

const typedIn = async (
  typed: string,
  {
    draft,
    own = [],
    now = start,
  }: { draft?: Draft; own?: ReturnType<typeof addressed>[]; now?: number } = {},
): Promise<{ draft: Draft; message: CodeMessage }> => {
  const sent = await address(typed, draft ?? (await sms.enrolment.begin(own, at(now))), own, at(now))
  if ('refused' in sent) throw new Error(sent.refused)
  return sent
}

describe('a new address for codes', () => {
  it('is asked for first, and nothing answers before a code was sent', async () => {
    const draft = await sms.enrolment.begin([], at(start))
    deepEqual(draft, { secret: '', shown: { step: 'address' } })
    for (const answer of ['123456', '', 'x'])
      deepEqual(await sms.enrolment.finish(answer, draft, at(start)), { confirmed: false, reason: 'unsent' })
  })

  it('gets a code, which is in the message alone', async () => {
    for (let draw = 0; draw < 20; draw++) {
      const { draft, message } = await typedIn(maria)
      const { id, code, ...rest } = message
      match(id, /^[\w-]{22}$/)
      match(code, /^\d{6}$/)
      deepEqual(rest, { to: maria, seconds: 240 })
      deepEqual(draft.shown, { step: 'code', to: '•••567', seconds: 240 })
      const { salt, hash, ...known } = JSON.parse(draft.secret)
      deepEqual(known, { v: 1, to: maria, expiresAt: start + 240_000 })
      for (const kept of [salt, hash]) ok(!Buffer.from(kept, 'base64url').includes(code))
    }
  })

  it('is confirmed by the code, and only then the address is kept', async () => {
    const { draft, message } = await typedIn(maria)
    deepEqual(await sms.enrolment.finish(` ${message.code} `, draft, at(start + 1)), {
      confirmed: true,
      secret: JSON.stringify({ v: 1, to: maria }),
      counter: 0,
      handle: null,
      amr: ['sms'],
      label: '•••567',
      used: true,
    })
  })

  it('earns no name by mail', async () => {
    const email = codesBy({ channel: 'email' })
    const sent = await messagesOf(email).address(
      'maria@example.org',
      await email.enrolment.begin([], at(start)),
      [],
      at(start),
    )
    ok('draft' in sent)
    const verdict = await email.enrolment.finish(sent.message.code, sent.draft, at(start))
    ok(verdict.confirmed)
    deepEqual(verdict.amr, [])
    equal(verdict.secret, '{"v":1,"to":"maria@example.org"}')
  })

  it('is what a sign-in then sends to', async () => {
    const { draft, message } = await typedIn(maria)
    const verdict = await sms.enrolment.finish(message.code, draft, at(start))
    ok(verdict.confirmed)
    const own = [addressed('', { secret: verdict.secret, counter: verdict.counter })]
    const sent = await sentTo(sms, own)
    equal(sent.message.to, maria)
    equal((await sms.verify(sent.message.code, sent.question, own, at(start))).verified, true)
  })

  for (const enrolmentSeconds of [240, 30])
    it(`is too late after exactly ${enrolmentSeconds} seconds`, async () => {
      const factor = codesBy({ enrolmentSeconds, seconds: 999 })
      const sent = await messagesOf(factor).address(
        maria,
        await factor.enrolment.begin([], at(start)),
        [],
        at(start),
      )
      ok('draft' in sent)
      const { draft, message } = sent
      const end = start + enrolmentSeconds * 1000
      equal((await factor.enrolment.finish(message.code, draft, at(end - 1))).confirmed, true)
      deepEqual(await factor.enrolment.finish(message.code, draft, at(end)), {
        confirmed: false,
        reason: 'expired',
      })
      deepEqual(await factor.enrolment.finish(not(message.code), draft, at(end)), {
        confirmed: false,
        reason: 'wrong',
      })
    })

  it('is not confirmed by another code, nor by what is no code', async () => {
    const { draft, message } = await typedIn(maria)
    deepEqual(await sms.enrolment.finish(not(message.code), draft, at(start)), {
      confirmed: false,
      reason: 'wrong',
    })
    for (const answer of ['', '12345', 'abcdef'])
      deepEqual(await sms.enrolment.finish(answer, draft, at(start)), {
        confirmed: false,
        reason: 'malformed',
      })
  })

  it('gets another code when nothing is typed, which takes the place of the first', async () => {
    const first = await typedIn(maria)
    let second = await typedIn(' ', { draft: first.draft, now: start + 30_000 })
    while (second.message.code === first.message.code)
      second = await typedIn('', { draft: first.draft, now: start + 30_000 })
    equal(second.message.to, maria)
    deepEqual(second.draft.shown, first.draft.shown)
    const late = at(start + 240_000)
    deepEqual(await sms.enrolment.finish(first.message.code, second.draft, late), {
      confirmed: false,
      reason: 'wrong',
    })
    equal((await sms.enrolment.finish(second.message.code, second.draft, late)).confirmed, true)
  })

  it('may be typed again: the code is for the address it went to', async () => {
    const first = await typedIn(maria)
    const second = await typedIn(other, { draft: first.draft })
    equal(second.message.to, other)
    const verdict = await sms.enrolment.finish(second.message.code, second.draft, at(start))
    ok(verdict.confirmed)
    equal(verdict.secret, JSON.stringify({ v: 1, to: other }))
    // The code of the first address, with the second put in its place.
    const forged = { ...first.draft, secret: first.draft.secret.replace(maria, other) }
    deepEqual(await sms.enrolment.finish(first.message.code, forged, at(start)), {
      confirmed: false,
      reason: 'wrong',
    })
  })

  it('is refused where no message goes, or there is no address', async () => {
    const draft = await sms.enrolment.begin([], at(start))
    deepEqual(await address('+999 1', draft, [], at(start)), { refused: 'not-allowed' })
    deepEqual(await address('nonsense', draft, [], at(start)), { refused: 'malformed' })
    deepEqual(await address('', draft, [], at(start)), { refused: 'malformed' })
  })

  it('is refused where the account has it already, however it is written', async () => {
    const draft = await sms.enrolment.begin([], at(start))
    deepEqual(await address(maria, draft, [addressed(maria)], at(start)), { refused: 'known' })
    const mailbox = addressed('Maria@example.org')
    deepEqual(await address('maria@example.org', draft, [mailbox], at(start)), { refused: 'known' })
    // Added by another page meanwhile.
    const sent = await typedIn(maria)
    deepEqual(await address('', sent.draft, [addressed(maria)], at(start)), { refused: 'known' })
  })

  it('is a second one where a number is changed, and never a third', async () => {
    const one = addressed(maria)
    const two = addressed(other, { id: 'c2' })
    equal((await typedIn(other, { own: [one] })).message.to, other)
    const draft = await sms.enrolment.begin([one, two], at(start))
    deepEqual(await address('+393330000000', draft, [one, two], at(start)), { refused: 'not-allowed' })
    deepEqual(await address(maria, draft, [one, two], at(start)), { refused: 'known' })
  })

  it('takes nothing for a draft that is none', async () => {
    const { draft, message } = await typedIn(maria)
    const kept = JSON.parse(draft.secret)
    for (const secret of [
      'nonsense',
      'null',
      '{}',
      JSON.stringify({ ...kept, v: 2 }),
      JSON.stringify({ ...kept, to: '' }),
      JSON.stringify({ ...kept, hash: '' }),
      JSON.stringify({ ...kept, expiresAt: null }),
      JSON.stringify({ ...kept, code: message.code }),
    ])
      deepEqual(await sms.enrolment.finish(message.code, { ...draft, secret }, at(start)), {
        confirmed: false,
        reason: 'unsent',
      })
  })

  it('never throws, whatever is typed', async () => {
    const { draft, message } = await typedIn(maria)
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string(), async (typed, secret) => {
        fc.pre(typed !== message.code)
        for (const one of [draft, { ...draft, secret }]) {
          await address(typed, one, [], at(start))
          equal((await sms.enrolment.finish(typed, one, at(start))).confirmed, false)
        }
      }),
    )
  })
})

describe('a factor of codes by message', () => {
  it('sends by what it was given', async () => {
    const sent: unknown[] = []
    const factor = codesBy({
      send: async (...message) => {
        sent.push(message)
      },
    })
    const message = { id: 'i', to: maria, code: '123456', seconds: 300 }
    await messagesOf(factor).send('a', message)
    deepEqual(sent, [['a', message]])
    const broken = codesBy({ send: () => Promise.reject(new Error('no route')) })
    await rejects(messagesOf(broken).send('a', message), /no route/)
  })

  it('says what makes it needless, if anything does', () => {
    deepEqual(codesBy({ retiredBy: ['totp'] }).retiredBy, ['totp'])
    ok(!('retiredBy' in sms))
    equal(sms.name, 'sms')
    equal(sms.selfEnrolled, true)
  })
})
