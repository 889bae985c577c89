import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { not } from '../factors/message-code/scene.ts'
import { endOf, number, openMessaging, waitOf } from './messaging.ts'

const times = <T>(count: number, task: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, task))

describe('sending a code', () => {
  it('goes count → keep → send → audit, and only then says that it was sent', async () => {
    const { challenge, holds, begin, done, sent, events } = await openMessaging()
    await holds('sms')
    const begun = await begin('u')
    assert.deepEqual(begun.stage, {
      name: 'asking',
      factor: 'sms',
      question: { sent: false, to: '•••567', credential: 'sms' },
    })
    assert.deepEqual(done, [])
    const outcome = await challenge.send('u')
    assert.deepEqual(done, ['count', 'keep', 'send', 'audit message.sent'])
    assert.deepEqual(events, [{ type: 'message.sent', factor: 'sms', reason: null }])
    const { stage } = outcome.kind === 'moved' ? outcome.signIn : assert.fail(endOf(outcome))
    assert.ok(stage.name === 'asking' && stage.question['sent'] === true)
    assert.deepEqual((await challenge.find('u'))?.stage, stage)
    const [message] = sent
    assert.equal(message?.to, number)
    assert.match(message?.code ?? '', /^\d{6}$/)
    assert.ok(!JSON.stringify(stage).includes(message?.code ?? ''), 'the code is not kept')
    assert.equal(endOf(await challenge.answer('u', message?.code ?? '')), 'proven')
  })

  it('is counted before anything is kept, and where it is refused nothing is', async () => {
    const { challenge, holds, begin, done, clock, lastCode } = await openMessaging()
    await holds('sms')
    await begin('u')
    await challenge.send('u')
    const code = lastCode()
    done.length = 0
    const early = await challenge.send('u')
    assert.deepEqual([endOf(early), waitOf(early)], ['pause', 30])
    await clock.pass(29.999)
    assert.equal(waitOf(await challenge.send('u')), 1)
    assert.deepEqual(done, ['count', 'count'])
    assert.equal(endOf(await challenge.answer('u', code)), 'proven', 'the code that was sent is still good')
  })

  for (const [how, counted] of [
    ['by the count', true],
    ['by the compare-and-set alone', false],
  ] as const)
    it(`sends one message for two clicks, or for fifty (${how})`, async () => {
      const { challenge, holds, begin, sent, events, lastCode } = await openMessaging({ counted })
      await holds('sms')
      for (const [uid, clicks] of [['two', 2], ...(counted ? [] : [['fifty', 50] as const])] as const) {
        await begin(uid)
        const before = sent.length
        const outcomes = await times(clicks, () => challenge.send(uid))
        assert.equal(sent.length - before, 1, uid)
        assert.deepEqual(outcomes.map(endOf).toSorted(), [
          'asking',
          ...Array.from({ length: clicks - 1 }, () => (counted ? 'pause' : 'elsewhere')),
        ])
        assert.equal(events.filter(({ type }) => type === 'message.sent').length, sent.length)
        assert.equal(endOf(await challenge.answer(uid, lastCode())), 'proven')
      }
    })

  it('says so when it could not be handed over, and keeps a note of it', async () => {
    const { challenge, holds, begin, events, clock } = await openMessaging({
      deliver: () => Promise.reject(new Error('the line is dead')),
    })
    await holds('sms')
    await begin('u')
    assert.equal(endOf(await challenge.send('u')), 'undelivered')
    assert.deepEqual(events, [{ type: 'message.failed', factor: 'sms', reason: null }])
    assert.equal((await challenge.find('u'))?.stage.name, 'asking')
    // It was counted all the same: a line that fails late would otherwise send as often as anybody likes.
    assert.equal(waitOf(await challenge.send('u')), 30)
    await clock.pass(30)
    assert.equal(endOf(await challenge.send('u')), 'undelivered')
  })

  it('does not wait for longer than three seconds, and the message goes on', async function () {
    this.timeout(10_000)
    let handOver = () => {}
    let handedOver = false
    const { challenge, holds, begin, lastCode } = await openMessaging({
      deliver: () =>
        new Promise<void>((resolve) => {
          handOver = resolve
        }).then(() => {
          handedOver = true
        }),
    })
    await holds('sms')
    await begin('u')
    const before = performance.now()
    // The page's own timer keeps nothing running; a server's socket does.
    const [outcome] = await Promise.all([challenge.send('u'), delay(3_300)])
    assert.ok(performance.now() - before < 8_000)
    assert.equal(endOf(outcome), 'asking')
    assert.equal(handedOver, false)
    handOver()
    await delay(0)
    assert.equal(handedOver, true)
    assert.equal(endOf(await challenge.answer('u', lastCode())), 'proven')
  })

  it('is for somebody who is asked for one, and has a number', async () => {
    const { challenge, holds, begin, sent, directory } = await openMessaging()
    await holds('sms')
    await holds('totp')
    assert.equal(endOf(await challenge.send('nobody')), 'gone')
    await begin('u')
    assert.equal(endOf(await challenge.send('u')), 'elsewhere', 'an app is asked')
    await challenge.switchTo('u', 'sms')
    await directory.removeCredentials('maria', ['sms'])
    assert.equal(endOf(await challenge.send('u')), 'elsewhere', 'the number is gone')
    await challenge.giveUp('u')
    assert.equal(endOf(await challenge.send('u')), 'given-up')
    assert.equal(sent.length, 0)
  })
})

describe('a code that was sent', () => {
  it('is good until just before 300 seconds have passed', async () => {
    const { challenge, holds, begin, clock, lastCode, events } = await openMessaging()
    await holds('sms')
    for (const [uid, after, end] of [
      ['u', 299.999, 'proven'],
      ['v', 300, 'expired'],
    ] as const) {
      await begin(uid)
      await challenge.send(uid)
      await clock.pass(after)
      assert.equal(endOf(await challenge.answer(uid, lastCode())), end)
    }
    assert.deepEqual(events.at(-1), { type: 'factor.refused', factor: 'sms', reason: 'expired' })
  })

  it('is refused once another was sent', async () => {
    const { challenge, holds, sentTo, lastCode, failures } = await openMessaging()
    await holds('sms')
    const old = await sentTo('u')
    await challenge.send('u')
    assert.notEqual(lastCode(), old)
    assert.equal(endOf(await challenge.answer('u', old)), 'wrong')
    assert.equal(await failures(), 1)
    assert.equal(endOf(await challenge.answer('u', lastCode())), 'proven')
  })

  it('is for one sign-in and no other', async () => {
    const { challenge, holds, sentTo } = await openMessaging()
    await holds('sms')
    const one = await sentTo('u')
    const other = await sentTo('v')
    assert.equal(endOf(await challenge.answer('v', one)), 'wrong')
    assert.equal(endOf(await challenge.answer('u', other)), 'wrong')
    assert.equal(endOf(await challenge.answer('u', one)), 'proven')
    assert.equal(endOf(await challenge.answer('v', other)), 'replayed', 'a later use makes it void')
  })

  it('is good for nothing where none was asked for', async () => {
    const { challenge, holds, sentTo, begin } = await openMessaging()
    await holds('sms')
    const code = await sentTo('u')
    await begin('v')
    assert.equal(endOf(await challenge.answer('v', code)), 'unsent')
    // Asked anew, it is another question.
    await begin('u')
    assert.equal(endOf(await challenge.answer('u', code)), 'unsent')
  })

  it('opens nothing when the number was taken away meanwhile', async () => {
    const { challenge, holds, sentTo, sent, clock, directory } = await openMessaging()
    await holds('sms')
    await clock.pass(1)
    await holds('sms', { id: 'second', to: '+393479876543' })
    const code = await sentTo('u')
    assert.equal(sent[0]?.to, number)
    await directory.removeCredentials('maria', ['sms'])
    assert.equal(endOf(await challenge.answer('u', code)), 'wrong')
    // The next one goes to the number that is left.
    await challenge.send('u')
    assert.equal(sent[1]?.to, '+393479876543')
  })
})

describe('wrong codes', () => {
  it('count on, whatever is sent or chosen in between, until the lock', async () => {
    const { challenge, holds, begin, clock, lastCode, failures, directory } = await openMessaging()
    await holds('sms')
    await holds('totp')
    await begin('u')
    await challenge.switchTo('u', 'sms')
    for (let wrong = 1; wrong <= 10; wrong++) {
      // An hour is longer than any wait, of answers and of messages.
      await clock.pass(3_600)
      assert.equal(endOf(await challenge.send('u')), 'asking')
      if (wrong === 5) {
        await challenge.switchTo('u', 'totp')
        await challenge.switchTo('u', 'sms')
        assert.equal(endOf(await challenge.send('u')), 'pause')
        await clock.pass(30)
        await challenge.send('u')
      }
      assert.equal(await failures(), wrong - 1, 'a new code takes nothing back')
      assert.equal(endOf(await challenge.answer('u', not(lastCode()))), 'wrong')
      assert.equal(await failures(), wrong)
    }
    await clock.pass(3_600)
    await challenge.send('u')
    assert.equal(endOf(await challenge.answer('u', lastCode())), 'locked', 'however right')
    assert.ok((await directory.standing('maria')).lockedAt)
  })

  it('make the right one wait too, and it is not judged before', async () => {
    const { challenge, holds, sentTo, clock } = await openMessaging()
    await holds('sms')
    const code = await sentTo('u')
    for (let wrong = 0; wrong < 3; wrong++) await challenge.answer('u', not(code))
    const waiting = await challenge.answer('u', code)
    assert.deepEqual([endOf(waiting), waitOf(waiting)], ['wait', 30])
    await clock.pass(30)
    assert.equal(endOf(await challenge.answer('u', code)), 'proven')
  })

  it('are not what cannot be a code', async () => {
    const { challenge, holds, sentTo, failures } = await openMessaging()
    await holds('sms')
    await sentTo('u')
    for (const typed of ['', '12345', '1234567', 'abcdef'])
      assert.equal(endOf(await challenge.answer('u', typed)), 'malformed')
    assert.equal(await failures(), 0)
  })
})
