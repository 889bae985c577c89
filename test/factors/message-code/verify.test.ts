import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import type { Question } from '../../../src/factors/factor.ts'
import { addressed, at, codesBy, maria, messagesOf, not, other, sentTo, start } from './scene.ts'

const sms = codesBy()
const mine = [addressed(maria)]

describe('a code by message', () => {
  it('is asked for where it would go, which is shown in part', async () => {
    deepEqual(await sms.begin(mine, at(start)), { sent: false, to: '•••567', credential: 'c1' })
    deepEqual(await sms.begin([], at(start)), { sent: false })
  })

  it('goes to what was used last, else to what was there first', async () => {
    const first = addressed(maria, { id: 'c1', createdAt: start })
    const second = addressed(other, { id: 'c2', createdAt: start + 1 })
    const chosen = async (...own: (typeof first)[]) => (await sms.begin(own, at(start)))['credential']
    equal(await chosen(first, second), 'c1')
    equal(await chosen(second, first), 'c1')
    equal(await chosen(first, { ...second, lastUsedAt: start + 5 }), 'c2')
    equal(await chosen({ ...first, lastUsedAt: start + 6 }, { ...second, lastUsedAt: start + 5 }), 'c1')
  })

  it('is nowhere but in the message', async () => {
    for (let draw = 0; draw < 20; draw++) {
      const { question, message } = await sentTo(sms, mine)
      const { code, id, ...rest } = message
      match(code, /^\d{6}$/)
      match(id, /^[\w-]{22}$/)
      deepEqual(rest, { to: maria, seconds: 300 })
      const { salt, hash, ...known } = question
      deepEqual(known, {
        sent: true,
        to: '•••567',
        credential: 'c1',
        counter: 0,
        sentAt: start,
        expiresAt: start + 300_000,
      })
      // In base64url six digits in a row may happen; in the bytes they would be no accident.
      for (const kept of [salt, hash]) {
        equal(Buffer.from(String(kept), 'base64url').length, 32)
        ok(!Buffer.from(String(kept), 'base64url').includes(code))
      }
      ok(!JSON.stringify(question).includes(maria))
    }
  })

  it('is another one, with another key and another id, each time', async () => {
    const sent = await Promise.all(Array.from({ length: 20 }, () => sentTo(sms, mine)))
    equal(new Set(sent.map(({ message }) => message.id)).size, 20)
    equal(new Set(sent.map(({ question }) => question['salt'])).size, 20)
    equal(new Set(sent.map(({ question }) => question['hash'])).size, 20)
    ok(new Set(sent.map(({ message }) => message.code)).size > 17)
  })

  it('is hashed with its key', async () => {
    const { question, message } = await sentTo(sms, mine)
    const again = await sentTo(sms, mine)
    const expected = createHmac('sha256', Buffer.from(String(question['salt']), 'base64url'))
      .update(`["c1","${message.code}"]`)
      .digest('base64url')
    equal(question['hash'], expected)
    const mixed = { ...question, salt: again.question['salt'] }
    deepEqual(await sms.verify(message.code, mixed, mine, at(start)), { verified: false, reason: 'wrong' })
  })

  it('is right once: the use is proposed, and then it was used', async () => {
    const own = [addressed(maria, { counter: 7 })]
    const { question, message } = await sentTo(sms, own)
    deepEqual(await sms.verify(message.code, question, own, at(start + 1)), {
      verified: true,
      credential: 'c1',
      spend: { expected: 7, next: 8 },
      amr: ['sms'],
    })
    const spent = [addressed(maria, { counter: 8 })]
    deepEqual(await sms.verify(message.code, question, spent, at(start + 2)), {
      verified: false,
      reason: 'replayed',
    })
    deepEqual(await sms.verify(not(message.code), question, spent, at(start + 2)), {
      verified: false,
      reason: 'wrong',
    })
  })

  it('earns no name by mail', async () => {
    const email = codesBy({ channel: 'email' })
    equal(email.name, 'email')
    const { question, message } = await sentTo(email, mine)
    const verdict = await email.verify(message.code, question, mine, at(start))
    ok(verdict.verified)
    deepEqual(verdict.amr, [])
  })

  it('may be typed with spaces, and in other digits', async () => {
    const { question, message } = await sentTo(sms, mine)
    const { code } = message
    const arabic = code.replace(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit)))
    for (const typed of [` ${code.slice(0, 3)} ${code.slice(3)} `, arabic]) {
      ok(sms.accepts(typed))
      equal((await sms.verify(typed, question, mine, at(start))).verified, true)
    }
    ok(!sms.accepts('12345'))
    deepEqual(await sms.verify('12345', question, mine, at(start)), { verified: false, reason: 'malformed' })
  })

  for (const seconds of [300, 60]) {
    it(`is too late after exactly ${seconds} seconds`, async () => {
      const factor = seconds === 300 ? sms : codesBy({ seconds })
      const { question, message } = await sentTo(factor, mine)
      equal(message.seconds, seconds)
      const expired = { verified: false, reason: 'expired' }
      const end = start + seconds * 1000
      equal((await factor.verify(message.code, question, mine, at(end - 1))).verified, true)
      deepEqual(await factor.verify(message.code, question, mine, at(end)), expired)
      deepEqual(await factor.verify(message.code, question, mine, at(end + 1)), expired)
      // Whether a code would have been right is told to nobody but who has it.
      deepEqual(await factor.verify(not(message.code), question, mine, at(end)), {
        verified: false,
        reason: 'wrong',
      })
    })
  }

  it('is wrong where nothing like it was sent', async () => {
    const question = await sms.begin(mine, at(start))
    deepEqual(await sms.verify('123456', question, mine, at(start)), { verified: false, reason: 'unsent' })
  })

  it('takes the place of the one before', async () => {
    const first = await sentTo(sms, mine)
    let second = await messagesOf(sms).renew(first.question, mine, at(start + 30_000))
    // One pair in a million is the same code twice.
    while (second?.message.code === first.message.code)
      second = await messagesOf(sms).renew(first.question, mine, at(start + 30_000))
    ok(second)
    notEqual(second.message.id, first.message.id)
    equal(second.question['expiresAt'], start + 330_000)
    equal(second.question['sentAt'], start + 30_000)
    const late = at(start + 300_000)
    deepEqual(await sms.verify(first.message.code, second.question, mine, late), {
      verified: false,
      reason: 'wrong',
    })
    equal((await sms.verify(second.message.code, second.question, mine, late)).verified, true)
  })

  it('is for the address it went to, and no other of the same person', async () => {
    const one = addressed(maria)
    const two = addressed(other, { id: 'c2' })
    const { question, message } = await sentTo(sms, [one, two])
    equal(message.to, maria)
    const verdict = await sms.verify(message.code, question, [two, one], at(start))
    ok(verdict.verified)
    equal(verdict.credential, 'c1')
    const wrong = { verified: false, reason: 'wrong' }
    deepEqual(await sms.verify(message.code, question, [two], at(start)), wrong)
    deepEqual(await sms.verify(message.code, question, [], at(start)), wrong)
    deepEqual(await sms.verify(message.code, { ...question, credential: 'c2' }, [one, two], at(start)), wrong)
  })

  it('stays with the address that was asked about, while there is that address', async () => {
    const one = addressed(maria)
    const two = addressed(other, { id: 'c2' })
    const question = await sms.begin([one, two], at(start))
    const used = { ...two, lastUsedAt: start + 1, counter: 4 }
    const { renew } = messagesOf(sms)
    equal((await renew(question, [used, one], at(start + 2)))?.message.to, maria)
    const moved = await renew(question, [used], at(start + 2))
    equal(moved?.message.to, other)
    equal(moved?.question['to'], '•••543')
    equal(moved?.question['credential'], 'c2')
    equal(moved?.question['counter'], 4)
    equal(await renew(question, [], at(start + 2)), undefined)
  })

  it('is made, and right, whatever the codes are', async () => {
    for (const number of [0, 7, 999_999]) {
      const context = {
        ...at(start),
        random: (size: number) => {
          const bytes = Buffer.alloc(size)
          bytes.writeUInt32BE(number)
          return bytes
        },
      }
      const sent = await messagesOf(sms).renew(await sms.begin(mine, context), mine, context)
      equal(sent?.message.code, String(number).padStart(6, '0'))
      equal((await sms.verify(sent?.message.code ?? '', sent?.question ?? {}, mine, context)).verified, true)
    }
  })
})

describe('what is stored of it', () => {
  for (const secret of [
    '',
    'null',
    '{}',
    '[]',
    '{"v":1}',
    '{"v":1,"to":""}',
    '{"v":1,"to":7}',
    '{"v":2,"to":"+393471234567"}',
    '{"v":1,"to":"+393471234567","code":"123456"}',
    '+393471234567',
  ])
    it(`is refused, and not told, where it is none of ours: ${secret}`, async () => {
      const own = [addressed(maria, { secret })]
      const quiet = (error: Error) => {
        equal(error.message, 'The credential c1 for codes by message is not stored as it should be')
        equal(error.cause, undefined)
        return true
      }
      await rejects(async () => sms.begin(own, at(start)), quiet)
      await rejects(async () => messagesOf(sms).renew({ sent: false }, own, at(start)), quiet)
    })

  it('takes nothing for a question that is none', async () => {
    const { question, message } = await sentTo(sms, mine)
    const broken: Question[] = [
      {},
      { ...question, sent: false },
      { ...question, sent: 'true' },
      { ...question, salt: '' },
      { ...question, hash: String(question['hash']).slice(1) },
      { ...question, hash: undefined },
      { ...question, expiresAt: undefined },
      { ...question, expiresAt: Number.POSITIVE_INFINITY },
      { ...question, counter: '0' },
      { ...question, code: message.code },
    ]
    for (const one of broken)
      deepEqual(await sms.verify(message.code, one, mine, at(start)), { verified: false, reason: 'unsent' })
  })

  it('never throws, whatever is typed and asked, and lets nobody in by it', async () => {
    const { question, message } = await sentTo(sms, mine)
    const typed = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.nat({ max: 999_999 }).map((number) => String(number).padStart(6, '0')),
    )
    const asked = fc.oneof(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc
        .record(
          {
            salt: fc.jsonValue(),
            hash: fc.jsonValue(),
            expiresAt: fc.jsonValue(),
            credential: fc.jsonValue(),
          },
          { requiredKeys: [] },
        )
        .map((change) => ({ ...question, ...change })),
    )
    await fc.assert(
      fc.asyncProperty(typed, asked, async (answer, one) => {
        fc.pre(answer !== message.code)
        sms.accepts(answer)
        equal((await sms.verify(answer, one as Question, mine, at(start))).verified, false)
      }),
    )
  })
})
