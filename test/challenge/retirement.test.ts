import assert from 'node:assert/strict'
import { endOf, openMessaging } from './messaging.ts'

const open = () => openMessaging({ retiredBy: ['totp'] })

describe('retiring a number', () => {
  it('happens at the first success of the app, with a notice and a note', async () => {
    const { challenge, holds, begin, held, events, notices, clock } = await open()
    await holds('sms')
    await clock.pass(1)
    await holds('sms', { id: 'second', to: '+393479876543' })
    await clock.pass(1)
    await holds('totp')
    await begin('u')
    assert.equal(endOf(await challenge.answer('u', 'wrong')), 'wrong')
    assert.deepEqual(await held(), ['sms', 'sms', 'totp'], 'not by a wrong answer')
    assert.equal(endOf(await challenge.answer('u', 'right')), 'proven')
    assert.deepEqual(await held(), ['totp'])
    const retired = { type: 'factor.removed', factor: 'sms', reason: 'retired' } as const
    assert.deepEqual(
      events.filter(({ type }) => type === 'factor.removed'),
      [retired, retired],
    )
    const notice = { kind: 'factor-retired', accountId: 'maria', factor: 'sms', by: 'totp' } as const
    assert.deepEqual(notices, [
      { ...notice, label: 'her sms' },
      { ...notice, label: 'her second' },
    ])
    // Once: there is nothing to retire afterwards.
    await begin('v')
    await challenge.answer('v', 'right')
    assert.equal(notices.length, 2)
    assert.deepEqual(await challenge.others(await begin('w')), [])
  })

  it('does not happen when the app is set up, nor by the number itself', async () => {
    const { challenge, holds, begin, held, lastCode, clock } = await open()
    await holds('sms')
    await begin('u', { rules: { required: ['totp'], forbidden: [] } })
    assert.equal(endOf(await challenge.send('u')), 'asking')
    assert.equal(endOf(await challenge.answer('u', lastCode())), 'enrolling')
    await clock.pass(1)
    assert.equal(endOf(await challenge.confirm('u', 'right', '')), 'proven')
    assert.deepEqual(await held(), ['sms', 'totp'])
    await clock.pass(30)
    await begin('v')
    await challenge.switchTo('v', 'sms')
    await challenge.send('v')
    assert.equal(endOf(await challenge.answer('v', lastCode())), 'proven', 'it still serves')
    assert.deepEqual(await held(), ['sms', 'totp'])
    await begin('w')
    assert.equal(endOf(await challenge.answer('w', 'right')), 'proven')
    assert.deepEqual(await held(), ['totp'])
  })

  it('does not happen where the policy requires the number', async () => {
    const { challenge, holds, begin, held, lastCode, notices } = await open()
    await holds('sms')
    await holds('totp')
    await begin('u', { rules: { required: ['sms', 'totp'], forbidden: [] } })
    assert.equal(endOf(await challenge.answer('u', 'right')), 'asking')
    await challenge.send('u')
    assert.equal(endOf(await challenge.answer('u', lastCode())), 'proven')
    assert.deepEqual(await held(), ['sms', 'totp'])
    assert.deepEqual(notices, [])
  })

  it('does not happen where the policy says nothing of it', async () => {
    const { challenge, holds, begin, held } = await openMessaging()
    await holds('sms')
    await holds('totp')
    await begin('u')
    assert.equal(endOf(await challenge.answer('u', 'right')), 'proven')
    assert.deepEqual(await held(), ['sms', 'totp'])
  })

  it('leaves nothing good of a code that was sent before', async () => {
    const { challenge, holds, sentTo, begin, directory } = await open()
    await holds('sms')
    const code = await sentTo('u')
    await holds('totp')
    await begin('v')
    await challenge.answer('v', 'right')
    assert.notEqual(endOf(await challenge.answer('u', code)), 'proven')
    assert.deepEqual((await directory.standing('maria')).factors, ['totp'])
  })
})
