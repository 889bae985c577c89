import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { createWatch } from '../../src/challenge/watch.ts'
import { openAsking } from './asking.ts'

const open = async () => {
  const asking = await openAsking()
  const { signIns, pending, clock } = asking
  const watch = createWatch({ signIns, pending, clock })
  await asking.begin('u')
  await asking.challenge.send('u')
  return { ...asking, watch, never: new AbortController().signal }
}
/** Milliseconds until something resolves. */
const timed = async <T>(task: Promise<T>): Promise<[T, number]> => {
  const begun = performance.now()
  const result = await task
  return [result, performance.now() - begun]
}

describe('a page that watches a sign-in', () => {
  it('is told at once of a change on this node, and within a second of one by another', async () => {
    const { watch, challenge, idOf, signIns, store, never } = await open()
    const { watch: known } = await watch.shown('u')
    const here = timed(watch.next('u', known, never))
    await delay(100)
    await challenge.answer('u', `wrong ${await idOf('u')}`)
    const [state, took] = await here
    assert.notEqual(state, known)
    assert.ok(took < 400, String(took))
    // Another node announces nothing here.
    const elsewhere = timed(watch.next('u', state, never))
    await delay(50)
    const stored = await signIns.find('u')
    assert.ok(stored)
    await store.drop('si:u')
    const [gone, later] = await elsewhere
    assert.equal(gone, 'gone')
    assert.ok(later < 1_000, String(later))
  })
  it('hears nothing while an answer is judged, and then what came of it', async () => {
    const { watch, signIns, never } = await open()
    const { watch: known } = await watch.shown('u')
    const set = async (question: Record<string, unknown>) => {
      const stored = await signIns.find('u')
      assert.ok(stored)
      await signIns.replace('u', stored, {
        ...stored.signIn,
        stage: { name: 'asking', factor: 'push', question },
      })
    }
    let told = ''
    const next = watch.next('u', known, never).then((state) => {
      told = state
    })
    await set({ ended: 'judging' })
    await delay(700)
    assert.equal(told, '')
    await set({ ended: 'wrong' })
    await next
    assert.notEqual(told, known)
  })
  it('is told of a request that was opened, without reading itself anew', async () => {
    const { watch, pending, idOf, never } = await open()
    const { watch: known, reached, seen } = await watch.shown('u')
    assert.deepEqual([reached, seen], [1, false])
    const next = watch.next('u', known, never)
    await pending.note('maria', await idOf('u'), { seen: true })
    assert.equal(await next, `${known}.seen`)
    assert.equal((await watch.shown('u')).seen, true)
  })
  it('is told when time runs out, when another sign-in asks, and answered at once where it is behind', async () => {
    const { watch, clock, begin, challenge, never } = await open()
    assert.deepEqual((await watch.shown('u')).superseded, false)
    const first = (await watch.shown('u')).watch
    clock.advance(20)
    await begin('v')
    await challenge.send('v')
    const second = await watch.next('u', first, never)
    assert.notEqual(second, first)
    const { superseded, told } = await watch.shown('u')
    assert.deepEqual([superseded, told], [true, false])
    assert.equal((await watch.shown('v')).told, true)
    clock.advance(61)
    assert.notEqual(await watch.next('u', second, never), second)
    const [, took] = await timed(watch.next('u', '', never))
    assert.ok(took < 200)
  })
  it('goes home with what it knew when its time is over, and leaves nothing behind', async () => {
    const { watch, signIns } = await open()
    const { watch: known } = await watch.shown('u')
    let listeners = 0
    const counting = createWatch({
      signIns: {
        find: signIns.find,
        onChange(uid, changed) {
          listeners += 1
          const off = signIns.onChange(uid, changed)
          return () => {
            listeners -= 1
            off()
          }
        },
      },
      pending: { find: async () => undefined },
      clock: { now: () => 0 },
    })
    const over = new AbortController()
    const state = (await counting.shown('u')).watch
    const next = counting.next('u', state, over.signal)
    await delay(50)
    assert.equal(listeners, 1)
    over.abort()
    assert.equal(await next, state)
    assert.equal(listeners, 0)
    assert.equal(await watch.next('u', known, AbortSignal.abort()), known)
  })
  it('gets a name that says nothing', async () => {
    const { watch, questionOf } = await open()
    const { watch: state } = await watch.shown('u')
    assert.match(state, /^[\w-]{43}(\.seen|\.none)?$/)
    assert.ok(!state.includes(String((await questionOf('u'))['id'])))
    assert.equal((await watch.shown('nobody')).watch, 'gone')
  })
})
