import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Told } from '../../src/factors/factor.ts'
import { openAsking } from './asking.ts'
import { endOf, waitOf } from './messaging.ts'

const times = <T>(count: number, task: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, task))

describe('asking a person’s phones', () => {
  it('goes count → keep → pending → tell → audit, and begins nothing by itself', async () => {
    const { challenge, begin, done, asked, pending, idOf } = await openAsking()
    await begin('u')
    assert.deepEqual(done, [])
    assert.equal(endOf(await challenge.send('u')), 'asking')
    assert.deepEqual(done, ['count', 'keep', 'pending', 'tell', 'audit request.sent'])
    const [{ kind, app, sighting, bindingMessage } = {}] = asked
    assert.deepEqual([kind, app, sighting, bindingMessage], ['sign-in', { name: 'app rp' }, null, undefined])
    const request = await pending.find('maria')
    assert.deepEqual([request?.id, request?.uid], [await idOf('u'), 'u'])
  })

  it('is counted before anything is kept, and where it is refused nothing is', async () => {
    const { challenge, begin, done, idOf, pending } = await openAsking()
    await begin('u')
    await challenge.send('u')
    const id = await idOf('u')
    done.length = 0
    const early = await challenge.send('u')
    assert.deepEqual([endOf(early), waitOf(early)], ['pause', 10])
    assert.deepEqual(done, ['count'])
    assert.equal(await idOf('u'), id)
    assert.equal((await pending.find('maria'))?.id, id)
  })

  it('tells of one request where fifty are wanted at once', async () => {
    const { challenge, begin, done } = await openAsking()
    await begin('u')
    await times(50, () => challenge.send('u'))
    assert.equal(done.filter((what) => what === 'tell').length, 1)
  })

  it('tells nobody, and counts nothing, where this browser can answer', async () => {
    const { challenge, begin, done, pending, idOf } = await openAsking()
    await begin('u')
    assert.equal(endOf(await challenge.send('u', { here: true })), 'asking')
    assert.deepEqual(done, ['keep'])
    assert.equal(await pending.find('maria'), undefined)
    assert.equal(endOf(await challenge.answer('u', `right ${await idOf('u')}`)), 'proven')
  })

  it('keeps nobody waiting for a delivery that hangs, and is answered all the same', async () => {
    const { challenge, begin, idOf } = await openAsking({ tell: () => new Promise(() => {}) })
    await begin('u')
    const begun = performance.now()
    assert.equal(endOf(await challenge.send('u')), 'asking')
    assert.ok(performance.now() - begun < 5_000)
    assert.equal(endOf(await challenge.answer('u', `right ${await idOf('u')}`)), 'proven')
  })

  it('forgets where a phone was told that is gone, unless it has said anew where it is', async () => {
    let tell = (_: Told) => {}
    const telling = () => new Promise<Told>((resolve) => (tell = resolve))
    const { challenge, begin, directory, clock } = await openAsking({ tell: telling })
    const secret = async () => (await directory.credentials('maria'))[0]?.secret
    const gone: Told = { reached: 0, changed: [{ credential: 'phone', secret: 'stale' }] }
    await begin('u')
    const first = challenge.send('u')
    await delay(50)
    tell(gone)
    await first
    assert.equal(await secret(), 'stale')
    clock.advance(60)
    await begin('v')
    const second = challenge.send('v')
    await delay(50)
    await directory.changeCredential('maria', 'phone', { secret: 'mended meanwhile' })
    tell({ reached: 0, changed: [{ credential: 'phone', secret: 'older' }] })
    await second
    assert.equal(await secret(), 'mended meanwhile')
  })

  it('is refused while wrong answers have to be waited for', async () => {
    const { challenge, begin, directory, clock, done } = await openAsking()
    await begin('u')
    await directory.changeAttempts('maria', 'push', (state) => ({
      ...state,
      failures: 3,
      waitUntil: clock.now() + 30_000,
    }))
    const refused = await challenge.send('u')
    assert.deepEqual([endOf(refused), waitOf(refused)], ['pause', 30])
    assert.ok(!done.includes('tell'))
  })
})

describe('an answer of a phone, judged', () => {
  it('that is right ends what is pending, and counts nothing against the next', async () => {
    const { challenge, begin, idOf, pending, counts } = await openAsking()
    await begin('u')
    await challenge.send('u')
    assert.equal(endOf(await challenge.answer('u', `right ${await idOf('u')}`)), 'proven')
    assert.equal(await pending.find('maria'), undefined)
    assert.equal(await counts.waiting('maria'), 0)
  })

  it('that is wrong is one attempt, and the request is over', async () => {
    const { challenge, begin, idOf, pending, failures, questionOf } = await openAsking()
    await begin('u')
    await challenge.send('u')
    const id = await idOf('u')
    assert.equal(endOf(await challenge.answer('u', `wrong ${id}`)), 'wrong')
    assert.equal((await failures()).failures, 1)
    assert.deepEqual(await questionOf('u'), { sends: 1, ended: 'wrong' })
    assert.equal(await pending.find('maria'), undefined)
    assert.notEqual(endOf(await challenge.answer('u', `right ${id}`)), 'proven')
    assert.equal((await failures()).failures, 1)
  })

  it('that is wrong fifty times at once is one attempt, too', async () => {
    const { challenge, begin, idOf, failures, done } = await openAsking()
    await begin('u')
    await challenge.send('u')
    const id = await idOf('u')
    await times(50, () => challenge.answer('u', `wrong ${id}`))
    assert.equal(done.filter((what) => what === 'verify').length, 1)
    assert.equal((await failures()).failures, 1)
  })

  it('that is late counts nothing', async () => {
    const { challenge, begin, idOf, failures, clock } = await openAsking()
    await begin('u')
    await challenge.send('u')
    clock.advance(61)
    assert.equal(endOf(await challenge.answer('u', `right ${await idOf('u')}`)), 'expired')
    assert.deepEqual([(await failures()).failures, (await failures()).waitUntil], [0, 0])
  })

  it('that comes while there is a wait leaves the request as it was', async () => {
    const { challenge, begin, idOf, directory, clock, pending } = await openAsking()
    await begin('u')
    await challenge.send('u')
    const id = await idOf('u')
    await directory.changeAttempts('maria', 'push', (state) => ({
      ...state,
      failures: 3,
      waitUntil: clock.now() + 30_000,
    }))
    assert.equal(endOf(await challenge.answer('u', `right ${id}`)), 'wait')
    assert.deepEqual([await idOf('u'), (await pending.find('maria'))?.id], [id, id])
    clock.advance(31)
    assert.equal(endOf(await challenge.answer('u', `right ${id}`)), 'proven')
  })

  it('in one sign-in ends nothing of another one that waits', async () => {
    const { challenge, begin, idOf, pending } = await openAsking()
    await begin('waiting')
    await challenge.send('waiting')
    await begin('here')
    await challenge.send('here', { here: true })
    assert.equal(endOf(await challenge.answer('here', `wrong ${await idOf('here')}`)), 'wrong')
    assert.equal((await pending.find('maria'))?.uid, 'waiting')
  })

  it('by a code leaves the request open where it is wrong', async () => {
    const { challenge, begin, idOf } = await openAsking()
    await begin('u')
    await challenge.send('u')
    const id = await idOf('u')
    assert.equal(endOf(await challenge.answer('u', '000000')), 'wrong')
    assert.equal(await idOf('u'), id)
  })
})

describe('a refusal on a phone', () => {
  it('is over, counted as a refusal and not as an attempt', async () => {
    const { challenge, begin, idOf, failures, questionOf, done, pending } = await openAsking()
    await begin('u')
    await challenge.send('u')
    done.length = 0
    assert.equal(endOf(await challenge.decline('u', `deny ${await idOf('u')}`)), 'asking')
    assert.deepEqual(done, ['keep', 'audit request.denied'])
    assert.deepEqual(await questionOf('u'), { sends: 1, ended: 'denied' })
    assert.equal((await failures()).failures, 0)
    assert.equal(await pending.find('maria'), undefined)
  })

  it('that is none is said to be malformed, and changes nothing', async () => {
    const { challenge, begin, idOf, done } = await openAsking()
    await begin('u')
    await challenge.send('u')
    done.length = 0
    assert.equal(endOf(await challenge.decline('u', `right ${await idOf('u')}`)), 'malformed')
    assert.deepEqual(done, [])
  })

  it('as a report protects first, then ends the sign-in, then tells', async () => {
    const { challenge, begin, idOf, done, notices, failures, clock } = await openAsking()
    await begin('u')
    await challenge.send('u')
    done.length = 0
    assert.equal(endOf(await challenge.decline('u', `report ${await idOf('u')}`)), 'reported')
    assert.deepEqual(done, ['end trust', 'host', 'keep', 'audit request.reported'])
    assert.deepEqual(notices, [{ kind: 'signin-reported', accountId: 'maria', late: false }])
    const { waitUntil, failures: count } = await failures()
    assert.ok(Math.abs(waitUntil - clock.now() - 3_600_000) < 2_000)
    assert.equal(count, 0)
    await begin('v')
    assert.equal(endOf(await challenge.send('v')), 'pause')
  })

  it('as a report that failed half-way can be made again', async () => {
    let fails = true
    const { challenge, begin, idOf, done } = await openAsking({
      async reported() {
        if (fails) throw new Error('the directory is down')
      },
    })
    await begin('u')
    await challenge.send('u')
    const report = `report ${await idOf('u')}`
    await assert.rejects(challenge.decline('u', report), /down/)
    assert.ok(!done.includes('audit request.reported'))
    fails = false
    assert.equal(endOf(await challenge.decline('u', report)), 'reported')
  })

  it('as a report is heard while the page changes, and while an approval is judged', async () => {
    const opened: Awaited<ReturnType<typeof openAsking>> = await openAsking({
      // What it does takes a while, in which the page asks for another way and comes back.
      async reported(uid) {
        const { signIns } = opened
        const stored = await signIns.find(uid)
        if (stored?.signIn.stage.name === 'asking')
          await signIns.replace(uid, stored, {
            ...stored.signIn,
            stage: { ...stored.signIn.stage, question: { sends: 1, ended: 'judging' } },
          })
      },
    })
    const { challenge, begin, idOf } = opened
    await begin('u')
    await challenge.send('u')
    assert.equal(endOf(await challenge.decline('u', `report ${await idOf('u')}`)), 'reported')
  })

  it('as a report is written down even where the page was faster, and once where fifty come', async () => {
    const opened: Awaited<ReturnType<typeof openAsking>> = await openAsking({
      reported: async (uid) => void (await opened.challenge.giveUp(uid)),
    })
    await opened.begin('u')
    await opened.challenge.send('u')
    await opened.challenge.decline('u', `report ${await opened.idOf('u')}`)
    assert.ok(opened.done.includes('audit request.reported'))
    const { challenge, begin, idOf, done, notices } = await openAsking()
    await begin('u')
    await challenge.send('u')
    const report = `report ${await idOf('u')}`
    const ends = (await times(50, () => challenge.decline('u', report))).map(endOf)
    assert.equal(done.filter((what) => what === 'audit request.reported').length, 1, ends.join(' '))
    assert.equal(notices.length, 1)
  })

  it('comes too late for what was approved', async () => {
    const { challenge, begin, idOf, done } = await openAsking()
    await begin('u')
    await challenge.send('u')
    const id = await idOf('u')
    await challenge.answer('u', `right ${id}`)
    done.length = 0
    assert.equal(endOf(await challenge.decline('u', `deny ${id}`)), 'proven')
    assert.deepEqual(done, [])
  })
})
