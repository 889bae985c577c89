import assert from 'node:assert/strict'
import { not } from '../factors/message-code/scene.ts'
import { endOf, number, openMessaging, waitOf } from './messaging.ts'

describe('setting a number up', () => {
  it('goes count → keep → send → audit, and ends with the code', async () => {
    const { challenge, atNumber, done, sent, held } = await openMessaging()
    await atNumber('u')
    done.length = 0
    const typed = await challenge.provideAddress('u', number)
    assert.equal(endOf(typed), 'enrolling')
    assert.deepEqual(done, ['count', 'keep', 'send', 'audit message.sent'])
    assert.equal(sent[0]?.seconds, 240)
    assert.deepEqual(await held(), [], 'nothing is kept with the account before the code comes back')
    assert.equal(endOf(await challenge.confirm('u', sent[0]?.code ?? '', '')), 'proven')
    assert.deepEqual(await held(), ['sms'])
  })

  it('sends one message for fifty clicks', async () => {
    const { challenge, atNumber, sent, lastCode } = await openMessaging()
    await atNumber('u')
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => challenge.provideAddress('u', number)),
    )
    assert.equal(sent.length, 1)
    assert.equal(outcomes.filter(({ kind }) => kind === 'moved').length, 1)
    assert.equal(endOf(await challenge.confirm('u', lastCode(), '')), 'proven')
  })

  it('sends nothing to what is no number, or not allowed', async () => {
    const { challenge, atNumber, done, clock } = await openMessaging()
    await atNumber('u')
    done.length = 0
    assert.equal(endOf(await challenge.provideAddress('u', 'pigeon')), 'malformed')
    assert.equal(endOf(await challenge.provideAddress('u', '+99912345')), 'not-allowed')
    assert.equal(endOf(await challenge.provideAddress('u', '')), 'malformed')
    assert.deepEqual(done, [])
    // Nor does such a slip begin any wait.
    await clock.pass(0.001)
    assert.equal(endOf(await challenge.provideAddress('u', number)), 'enrolling')
  })

  it('says so when the message could not be handed over', async () => {
    const { challenge, atNumber, events } = await openMessaging({
      deliver: () => Promise.reject(new Error('the line is dead')),
    })
    await atNumber('u')
    assert.equal(endOf(await challenge.provideAddress('u', number)), 'undelivered')
    assert.deepEqual(events, [{ type: 'message.failed', factor: 'sms', reason: null }])
  })

  it('takes the code that was sent last, for the number that was typed last, and until 240 seconds have passed', async () => {
    const { challenge, atNumber, clock, lastCode, held } = await openMessaging()
    await atNumber('u')
    await challenge.provideAddress('u', number)
    const first = lastCode()
    await clock.pass(30)
    assert.equal(endOf(await challenge.provideAddress('u', '')), 'enrolling', 'once more to the same')
    assert.equal(endOf(await challenge.confirm('u', first, '')), 'wrong')
    const second = lastCode()
    await clock.pass(30)
    await challenge.provideAddress('u', '+393479876543')
    assert.equal(endOf(await challenge.confirm('u', second, '')), 'wrong')
    await clock.pass(240)
    assert.equal(endOf(await challenge.confirm('u', lastCode(), '')), 'expired')
    assert.deepEqual(await held(), [])
  })

  it('takes it just before', async () => {
    const { challenge, atNumber, clock, lastCode } = await openMessaging()
    await atNumber('u')
    await challenge.provideAddress('u', number)
    await clock.pass(239.999)
    assert.equal(endOf(await challenge.confirm('u', lastCode(), '')), 'proven')
  })

  it('has four minutes for a number, in whatever sign-in; then it waits for fifteen', async () => {
    const { challenge, atNumber, clock, sent, lastCode } = await openMessaging()
    await atNumber('u')
    await challenge.provideAddress('u', number)
    await clock.pass(240)
    await atNumber('v')
    const late = await challenge.provideAddress('v', number)
    assert.deepEqual([endOf(late), waitOf(late)], ['pause', 900])
    assert.equal(endOf(await challenge.provideAddress('v', '+393479876543')), 'enrolling', 'another is free')
    await clock.pass(899.999)
    assert.equal(waitOf(await challenge.provideAddress('v', number)), 1)
    assert.equal(sent.length, 2)
    await clock.pass(0.001)
    assert.equal(endOf(await challenge.provideAddress('v', number)), 'enrolling')
    assert.equal(endOf(await challenge.confirm('v', lastCode(), '')), 'proven')
  })

  it('forgets the four minutes with the right code', async () => {
    const { challenge, atNumber, clock, lastCode, directory } = await openMessaging()
    await atNumber('u')
    await challenge.provideAddress('u', number)
    await challenge.confirm('u', lastCode(), '')
    await directory.removeCredentials('maria')
    await clock.pass(300)
    await atNumber('v')
    assert.equal(endOf(await challenge.provideAddress('v', number)), 'enrolling')
  })

  it('begins no four minutes where no message goes', async () => {
    const { challenge, atNumber, clock, sent } = await openMessaging()
    await atNumber('u')
    await challenge.provideAddress('u', '+393479876543')
    assert.equal(endOf(await challenge.provideAddress('u', number)), 'pause')
    assert.equal(sent.length, 1)
    await clock.pass(300)
    assert.equal(endOf(await challenge.provideAddress('u', number)), 'enrolling')
    assert.equal(sent.at(-1)?.to, number)
  })
})

describe('wrong codes for a new number', () => {
  it('are counted: after the third the right one waits for 15 minutes, in every sign-in, and nothing is locked', async () => {
    const { challenge, atNumber, clock, lastCode, directory, held, failures } = await openMessaging()
    await atNumber('u')
    await challenge.provideAddress('u', number)
    for (let wrong = 0; wrong < 3; wrong++)
      assert.equal(endOf(await challenge.confirm('u', not(lastCode()), '')), 'wrong')
    const waiting = await challenge.confirm('u', lastCode(), '')
    assert.deepEqual([endOf(waiting), waitOf(waiting)], ['wait', 900])
    await clock.pass(60)
    await atNumber('v')
    await challenge.provideAddress('v', '+393479876543')
    assert.equal(endOf(await challenge.confirm('v', lastCode(), '')), 'wait')
    assert.deepEqual(await held(), [])
    for (let round = 0; round < 12; round++) {
      await clock.pass(3_600)
      const typed = await challenge.provideAddress('v', '+393479876543')
      assert.equal(endOf(typed), 'enrolling', `round ${round}`)
      const wrong = await challenge.confirm('v', not(lastCode()), '')
      assert.equal(endOf(wrong), 'wrong', `round ${round}`)
    }
    assert.equal((await directory.standing('maria')).lockedAt, null)
    assert.equal(await failures(), 0, 'nothing of it counts for signing in')
    await clock.pass(3_600)
    await challenge.provideAddress('v', '+393479876543')
    assert.equal(endOf(await challenge.confirm('v', lastCode(), '')), 'proven')
  })

  it('are forgotten with the right one', async () => {
    const { challenge, atNumber, clock, lastCode, directory } = await openMessaging()
    await atNumber('u')
    await challenge.provideAddress('u', number)
    for (let wrong = 0; wrong < 2; wrong++) await challenge.confirm('u', not(lastCode()), '')
    assert.equal(endOf(await challenge.confirm('u', lastCode(), '')), 'proven')
    await directory.removeCredentials('maria')
    await clock.pass(30)
    await atNumber('v')
    await challenge.provideAddress('v', number)
    for (let wrong = 0; wrong < 2; wrong++)
      assert.equal(endOf(await challenge.confirm('v', not(lastCode()), '')), 'wrong')
    assert.equal(endOf(await challenge.confirm('v', lastCode(), '')), 'proven')
  })

  it('are not what cannot be a code', async () => {
    const { challenge, atNumber, lastCode } = await openMessaging()
    await atNumber('u')
    assert.equal(endOf(await challenge.confirm('u', '123456', '')), 'unsent')
    await challenge.provideAddress('u', number)
    for (const typed of ['', '12345', '1234567', 'abcdef'])
      assert.equal(endOf(await challenge.confirm('u', typed, '')), 'malformed')
    assert.equal(endOf(await challenge.confirm('u', lastCode(), '')), 'proven')
  })

  it('of fifty at once three are judged', async () => {
    const { challenge, atNumber, lastCode, held } = await openMessaging()
    await atNumber('u')
    await challenge.provideAddress('u', number)
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => challenge.confirm('u', not(lastCode()), '')),
    )
    assert.equal(outcomes.map(endOf).filter((end) => end === 'wrong').length, 3)
    assert.equal(outcomes.map(endOf).filter((end) => end === 'wait').length, 47)
    assert.deepEqual(await held(), [])
  })
})
