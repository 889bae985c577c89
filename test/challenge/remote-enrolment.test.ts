import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type SignIn, type Stage, unproven } from '../../src/challenge/machine.ts'
import { createRemoteEnrolment } from '../../src/challenge/remote-enrolment.ts'
import { createSignIns } from '../../src/challenge/sign-ins.ts'
import { createSteps } from '../../src/challenge/steps.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import type { Draft, Factor, RemoteEnrolment } from '../../src/factors/factor.ts'
import { registerFactors } from '../../src/factors/registry.ts'
import { totp } from '../../src/factors/totp/totp.ts'
import { embeddedStore } from '../../src/openers.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { movedClock } from '../contracts/store.ts'
import { endOf } from './messaging.ts'

const draftOf = (step: string): Draft => ({ secret: step, shown: { step }, names: [`name of ${step}`] })

const open = async (change: Partial<RemoteEnrolment> = {}, factorName: 'push' | 'totp' = 'push') => {
  let drawn = 0
  let told = 0
  const remote: RemoteEnrolment = {
    renew: () => draftOf(`scan ${++drawn}`),
    offer: () => ({}),
    async present(answer, draft) {
      if (!draft.secret.startsWith('scan')) return { refused: 'replayed' }
      return answer === 'right'
        ? { draft: draftOf(`confirm ${randomBytes(4).toString('hex')}`), told: { number: '4817' } }
        : { refused: 'wrong' }
    },
    show: () => undefined,
    async tell() {
      told += 1
    },
    ...change,
  }
  const push: Factor = { ...totp(), name: 'push', enrolment: { ...totp().enrolment, remote } }
  const store = embeddedStore(':memory:', movedClock())
  const sealer = createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }])
  const signIns = createSignIns({ store, sealer, seconds: 900 })
  const enrolment = createRemoteEnrolment({
    factors: registerFactors([push, totp()]),
    signIns,
    steps: createSteps(signIns),
    contextFor: async (accountId) => ({
      now: 0,
      random: randomBytes,
      issuerName: 'Test',
      accountName: accountId,
    }),
  })
  const stage: Stage = {
    name: 'enrolling',
    factor: factorName,
    draft: draftOf('scan 0'),
    credentialId: 'c',
    replaces: [],
  }
  const signIn: SignIn = {
    purpose: 'sign-in',
    ...unproven,
    accountId: 'maria',
    clientId: 'rp',
    primary: { amr: ['pwd'], at: 1 },
    rules: noRules,
    stage,
  }
  await signIns.begin('u', signIn)
  return { enrolment, signIns, signIn, toldOf: () => told }
}

describe('a phone that presents itself', () => {
  it('is taken once of fifty with one invitation, and one alone is told the number', async () => {
    const { enrolment, signIns } = await open()
    const presented = await Promise.all(Array.from({ length: 50 }, () => enrolment.present('u', 'right')))
    assert.equal(presented.filter(({ kind }) => kind === 'presented').length, 1)
    assert.ok(presented.every(({ kind }) => ['presented', 'gone', 'refused'].includes(kind)))
    const stage = (await signIns.find('u'))?.signIn.stage
    assert.ok(stage?.name === 'enrolling' && stage.draft.secret.startsWith('confirm'))
    assert.deepEqual(await enrolment.present('u', 'right'), { kind: 'refused', reason: 'replayed' })
  })
  it('is refused where it is none, and the invitation stays', async () => {
    const { enrolment } = await open()
    assert.deepEqual(await enrolment.present('u', 'other'), { kind: 'refused', reason: 'wrong' })
    assert.equal((await enrolment.present('u', 'right')).kind, 'presented')
  })
  it('finds nobody where none is awaited: no sign-in, another factor, another stage', async () => {
    const { enrolment, signIns, signIn } = await open({}, 'totp')
    assert.deepEqual(await enrolment.present('u', 'right'), { kind: 'gone' })
    assert.deepEqual(await enrolment.present('nobody', 'right'), { kind: 'gone' })
    await signIns.begin('v', { ...signIn, stage: { name: 'proven' } })
    assert.deepEqual(await enrolment.present('v', 'right'), { kind: 'gone' })
  })
})

describe('another invitation, or another test', () => {
  it('takes the place of the one before, and tells the phone that has one', async () => {
    const { enrolment, signIns, toldOf } = await open()
    assert.equal(endOf(await enrolment.renew('u')), 'enrolling')
    const stage = (await signIns.find('u'))?.signIn.stage
    assert.ok(stage?.name === 'enrolling' && stage.draft.secret === 'scan 1')
    assert.equal(toldOf(), 1)
    assert.equal(await signIns.named('name of scan 1'), 'u')
  })
  it('is made once where two are asked for', async () => {
    const { enrolment, toldOf } = await open()
    const ends = await Promise.all([enrolment.renew('u'), enrolment.renew('u')])
    assert.deepEqual(ends.map(endOf).toSorted(), ['elsewhere', 'enrolling'])
    assert.equal(toldOf(), 1)
  })
  it('is none for a factor that is no device', async () => {
    const { enrolment } = await open({}, 'totp')
    assert.equal(endOf(await enrolment.renew('u')), 'elsewhere')
  })
  it('keeps nobody waiting for a delivery that fails or hangs', async () => {
    const { enrolment } = await open({ tell: () => Promise.reject(new Error('no network')) })
    assert.equal(endOf(await enrolment.renew('u')), 'enrolling')
    const { enrolment: hanging } = await open({ tell: () => new Promise(() => {}) })
    const begun = performance.now()
    assert.equal(endOf(await hanging.renew('u')), 'enrolling')
    assert.ok(performance.now() - begun < 5_000)
  })
})
