import assert from 'node:assert/strict'
import {
  createRequestCounts,
  defaultRequestLimits,
  type RequestLimits,
  secondsUntilNext,
} from '../../src/challenge/request-limits.ts'
import { embeddedStore } from '../../src/openers.ts'
import type { Store } from '../../src/stores/store.ts'
import { movedClock } from '../contracts/store.ts'

const now = 1_700_000_000_000
const ago = (...seconds: number[]) => seconds.map((second) => now - second * 1000)
const until = (sent: number[], silentUntil = 0, limits: Partial<RequestLimits> = {}) =>
  secondsUntilNext({ sent, silentUntil }, now, { ...defaultRequestLimits, ...limits })

describe('the wait until the next request', () => {
  it('is none for the first, and doubles from ten seconds with each that was not approved', () => {
    assert.equal(until([]), 0)
    assert.equal(until(ago(0)), 10)
    assert.equal(until(ago(700, 0)), 20)
    assert.equal(until(ago(900, 700, 0)), 40)
    assert.equal(until(ago(9.5)), 1)
    assert.equal(until(ago(10)), 0)
  })
  it('does not grow beyond an hour', () => {
    const many = ago(...Array.from({ length: 15 }, (_, index) => 80_000 - index * 1_000), 0)
    assert.equal(until(many), 3_600)
  })
  it('lasts until one of five in ten minutes, or of twenty in a day, is so old', () => {
    const few = { firstWait: 1, longestWait: 1 }
    assert.equal(until(ago(599, 400, 300, 200, 100), 0, few), 1)
    assert.equal(until(ago(600, 400, 300, 200, 100), 0, few), 0)
    assert.equal(until(ago(599, 400, 300, 200), 0, few), 0)
    const twenty = Array.from({ length: 20 }, (_, index) => 86_399 - index * 1_000)
    assert.equal(until(ago(...twenty), 0, few), 1)
    assert.equal(until(ago(...twenty.slice(1)), 0, few), 0)
  })
  it('lasts as long as requests are silent', () => {
    assert.equal(until([], now + 4_500), 5)
    assert.equal(until([], now), 0)
  })
})

describe('how many requests a person got', () => {
  const open = (limits: Partial<RequestLimits> = {}) => {
    const clock = movedClock()
    const store = embeddedStore(':memory:', clock)
    const counts = createRequestCounts({ store, clock, limits: { ...defaultRequestLimits, ...limits } })
    return { clock, store, counts }
  }

  it('is counted before one is sent, and of fifty at once one may be', async () => {
    const { counts } = open()
    const waits = await Promise.all(Array.from({ length: 50 }, () => counts.reserve('maria')))
    assert.equal(waits.filter((seconds) => seconds === 0).length, 1)
    assert.equal(await counts.waiting('maria'), 10)
    assert.equal(await counts.reserve('anna'), 0, 'each for themselves')
  })
  it('is not counted by asking how long to wait', async () => {
    const { counts } = open()
    await counts.waiting('maria')
    assert.equal(await counts.reserve('maria'), 0)
  })
  it('is forgotten by an approval, or in a day', async () => {
    const { counts, clock } = open()
    await counts.reserve('maria')
    await counts.approved('maria')
    assert.equal(await counts.waiting('maria'), 0)
    for (let sent = 0; sent < 4; sent++) {
      await counts.reserve('maria')
      await clock.pass(700)
    }
    await clock.pass(86_400)
    assert.equal(await counts.reserve('maria'), 0)
    assert.equal(await counts.waiting('maria'), 10)
  })
  it('grows silent by three refusals in five minutes, for fifteen', async () => {
    const { counts, clock } = open()
    await counts.refused('maria')
    await counts.refused('maria')
    await clock.pass(301)
    await counts.refused('maria')
    assert.equal(await counts.waiting('maria'), 0)
    await counts.refused('maria')
    await clock.pass(298)
    await counts.refused('maria')
    assert.equal(await counts.waiting('maria'), 900)
    await clock.pass(899)
    assert.equal(await counts.waiting('maria'), 1)
    await clock.pass(1)
    assert.equal(await counts.waiting('maria'), 0)
  })
  it('is an error where somebody else changes it every time, and never "none"', async () => {
    const { store, clock } = open()
    const racing: Store = { ...store, add: async () => false, swap: async () => false }
    const counts = createRequestCounts({ store: racing, clock, limits: defaultRequestLimits })
    await assert.rejects(counts.reserve('maria'), { code: 'busy' })
    const failing: Store = { ...store, get: () => Promise.reject(new Error('down')) }
    const down = createRequestCounts({ store: failing, clock, limits: defaultRequestLimits })
    await assert.rejects(down.reserve('maria'), /down/)
    await assert.rejects(down.waiting('maria'), /down/)
  })
})
