import assert from 'node:assert/strict'
import { DuepassiError } from '../../src/errors.ts'
import { open, right, who } from './opened.ts'

describe('answering a factor', () => {
  it('goes reserve → verify → spend → settle → advance → audit', async () => {
    const { challenge, calls, enrolled } = await open()
    await enrolled()
    await challenge.begin('u', who)
    const outcome = await challenge.answer('u', 'code')
    assert.equal(outcome.kind === 'moved' && outcome.signIn.stage.name, 'proven')
    assert.deepEqual(calls, ['reserve', 'verify', 'spend', 'settle', 'advance', 'audit factor.accepted'])
  })
  it('counts before judging: an attempt whose judging fails stays counted', async () => {
    const { challenge, enrolled, directory } = await open(() => {
      throw new Error('the factor broke')
    })
    await enrolled()
    await challenge.begin('u', who)
    await assert.rejects(challenge.answer('u', 'code'), /broke/)
    const { after } = await directory.changeAttempts('maria', 'totp', (state) => state)
    assert.equal(after.failures, 1)
    assert.equal((await challenge.find('u'))?.stage.name, 'asking')
  })
  it('calls a secret that somebody else spent meanwhile replayed, and settles nothing', async () => {
    const { challenge, calls, enrolled, directory } = await open()
    await enrolled()
    await challenge.begin('u', who)
    await directory.spend('c', 1, 2, 5)
    const outcome = await challenge.answer('u', 'code')
    assert.deepEqual(outcome.kind === 'refused' && outcome.refusal, { reason: 'replayed', waitSeconds: 0 })
    assert.deepEqual(calls, ['reserve', 'verify', 'spend', 'audit code.reused'])
  })
  it('spends a code for a later time although it refuses it', async () => {
    const burn = { credential: 'c', spend: { expected: 1, next: 9 } }
    const { challenge, enrolled, directory } = await open(() => ({
      verified: false,
      reason: 'clock',
      clockOffset: 150,
      burn,
    }))
    await enrolled()
    await challenge.begin('u', who)
    const outcome = await challenge.answer('u', 'code')
    assert.deepEqual(outcome.kind === 'refused' && outcome.refusal, {
      reason: 'clock',
      clockOffset: 150,
      waitSeconds: 0,
    })
    assert.equal((await directory.credentials('maria'))[0]?.counter, 9)
  })
  it('counts nothing for what cannot be an answer, nor while waiting', async () => {
    const { challenge, enrolled, directory, calls } = await open(() => ({ verified: false, reason: 'wrong' }))
    await enrolled()
    await challenge.begin('u', who)
    assert.equal((await challenge.answer('u', '')).kind, 'refused')
    assert.deepEqual(calls, [])
    for (let attempt = 0; attempt < 5; attempt++) await challenge.answer('u', 'wrong')
    const { after } = await directory.changeAttempts('maria', 'totp', (state) => state)
    assert.equal(after.failures, 3)
    assert.equal(calls.filter((call) => call === 'verify').length, 3)
  })
  it('locks, tells the person once, and ends the sign-in', async () => {
    const { challenge, enrolled, clock, notices } = await open(() => ({ verified: false, reason: 'wrong' }))
    await enrolled()
    await challenge.begin('u', who)
    for (let attempt = 0; attempt < 12; attempt++) {
      await challenge.answer('u', 'wrong')
      clock.advance(60)
      if (attempt < 9) await challenge.begin('u', who)
      clock.advance(3600)
      await challenge.begin('u', who)
    }
    assert.deepEqual(notices, ['second-factor-locked'])
    assert.equal((await challenge.begin('other', who)).stage.name, 'locked')
  })
  it('is refused where the sign-in has moved on, is over, or never was', async () => {
    const { challenge, enrolled } = await open()
    assert.equal((await challenge.answer('nobody', 'code')).kind, 'gone')
    await enrolled()
    await challenge.begin('u', who)
    await challenge.giveUp('u')
    const outcome = await challenge.answer('u', 'code')
    assert.equal(outcome.kind === 'moved' && outcome.signIn.stage.name, 'given-up')
    for (const act of ['codesSaved', 'continueAsIs'] as const) {
      await challenge.begin('v', who)
      const refused = await challenge[act]('v')
      assert.deepEqual(refused.kind === 'refused' && refused.refusal, { reason: 'elsewhere' })
    }
    assert.equal((await challenge.switchTo('v', 'recovery-code')).kind, 'refused')
    assert.equal((await challenge.enrolAgain('v', { lost: [] })).kind, 'refused')
  })
  it('refuses a sign-in whose record was altered', async () => {
    const { challenge, enrolled, store } = await open()
    await enrolled()
    await challenge.begin('u', who)
    await challenge.begin('v', who)
    await store.put('si:u', (await store.get('si:v')) as string, 900)
    await assert.rejects(
      challenge.answer('u', 'code'),
      (error) => error instanceof DuepassiError && error.code === 'sealed_badly',
    )
  })
})

describe('a question that serves for one answer', () => {
  /** Questions are numbered; an answer names its question, and is right when it says so. */
  const numbered = async () => {
    let asked = 0
    return open(
      (answer) => (answer.endsWith('right') ? right : { verified: false, reason: 'wrong' }),
      undefined,
      {
        isAnswerTo: (answer, { number }) => answer.startsWith(`${number} `),
        begin: async () => {
          asked += 1
          return { number: asked }
        },
      },
    )
  }
  const failuresOf = async ({ directory }: Awaited<ReturnType<typeof open>>) =>
    (await directory.changeAttempts('maria', 'totp', (state) => state)).after.failures

  it('is taken before the attempt is reserved, and another stands in its place', async () => {
    const opened = await numbered()
    const { challenge, calls, enrolled } = opened
    await enrolled()
    const begun = await challenge.begin('u', who)
    assert.deepEqual(begun.stage, { name: 'asking', factor: 'totp', question: { number: 1 } })
    const wrong = await challenge.answer('u', '1 wrong')
    assert.deepEqual(calls, ['advance', 'reserve', 'verify', 'audit factor.refused'])
    assert.deepEqual(wrong.kind === 'refused' && wrong.signIn.stage, {
      name: 'asking',
      factor: 'totp',
      question: { number: 2 },
    })
    const again = await challenge.answer('u', '2 right')
    assert.equal(again.kind === 'moved' && again.signIn.stage.name, 'proven')
  })
  it('answered before is neither judged nor counted, however right', async () => {
    const opened = await numbered()
    const { challenge, calls, enrolled } = opened
    await enrolled()
    await challenge.begin('u', who)
    await challenge.answer('u', '1 wrong')
    calls.length = 0
    const stale = await challenge.answer('u', '1 right')
    assert.deepEqual(stale.kind === 'refused' && stale.refusal, { reason: 'elsewhere' })
    assert.deepEqual(calls, [])
    assert.equal(await failuresOf(opened), 1)
  })
  it('is judged once, however often the same wrong form is sent at once', async () => {
    const opened = await numbered()
    const { challenge, calls, enrolled } = opened
    await enrolled()
    await challenge.begin('u', who)
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => challenge.answer('u', '1 wrong')))
    assert.equal(calls.filter((call) => call === 'verify').length, 1)
    assert.equal(await failuresOf(opened), 1)
    for (const { kind } of outcomes) assert.equal(kind, 'refused')
  })
})

describe('a form that is sent twice', () => {
  it('ends where the single one does, and counts nothing', async () => {
    const { challenge, directory, enrolled } = await open()
    await enrolled()
    await challenge.begin('u', who)
    const outcomes = await Promise.all([1, 2, 3].map(() => challenge.answer('u', 'code')))
    for (const outcome of outcomes)
      assert.equal(outcome.kind === 'moved' && outcome.signIn.stage.name, 'proven')
    const { after } = await directory.changeAttempts('maria', 'totp', (state) => state)
    assert.equal(after.failures, 0)
    await challenge.begin('v', who)
    const replayed = await challenge.answer('v', 'code')
    assert.equal(replayed.kind === 'refused' && replayed.refusal.reason, 'replayed')
  })
})

describe('an account whose factors are not offered here', () => {
  it('is not taken for one that has none', async () => {
    const { challenge, directory } = await open()
    await directory.addCredential({
      id: 'x',
      accountId: 'maria',
      factor: 'carrier-pigeon',
      label: '',
      handle: null,
      secret: 's',
      counter: 1,
      createdAt: 0,
      lastUsedAt: null,
    })
    await assert.rejects(challenge.begin('u', who), /registered/)
  })
})

describe('the first factor of an account', () => {
  it('is one, however many sign-ins set one up at once', async () => {
    const { challenge, directory } = await open()
    const uids = Array.from({ length: 20 }, (_, index) => `u${index}`)
    for (const uid of uids) assert.equal((await challenge.begin(uid, who)).stage.name, 'enrolling')
    const outcomes = await Promise.all(uids.map((uid) => challenge.confirm(uid, 'right', 'phone')))
    assert.equal(outcomes.filter(({ kind }) => kind === 'moved').length, 1)
    assert.equal(outcomes.filter(({ kind }) => kind === 'gone').length, 19)
    assert.equal((await directory.credentials('maria')).length, 1)
  })
  it('cannot be added by a password alone once the account has one', async () => {
    const { challenge, enrolled, directory } = await open()
    await challenge.begin('u', who)
    await enrolled()
    assert.equal((await challenge.confirm('u', 'right', 'mine')).kind, 'gone')
    assert.deepEqual(
      (await directory.credentials('maria')).map(({ id }) => id),
      ['c'],
    )
  })
  it('is not there before a live code confirmed it', async () => {
    const { challenge, directory } = await open()
    await challenge.begin('u', who)
    const outcome = await challenge.confirm('u', 'wrong', 'phone')
    assert.deepEqual(outcome.kind === 'refused' && outcome.refusal, { reason: 'wrong' })
    assert.deepEqual(await directory.credentials('maria'), [])
  })
})
