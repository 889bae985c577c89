import assert from 'node:assert/strict'
import type { Rejection, Verdict } from '../../../src/factors/factor.ts'
import { asked, context, createFactor, enrolled, time } from './scene.ts'

const refuses = async (verdict: Promise<Verdict>, reason: Rejection) =>
  assert.deepEqual(await verdict, { verified: false, reason })

describe('the code of a phone without network', () => {
  it('is that of now, or of the half minutes around it, and spends its time', async () => {
    const { factor, phone, credential, offlineSecret } = await enrolled({ credential: { counter: 0 } })
    const step = Math.floor(time / 30_000) * 30_000
    for (const off of [-30_000, 0, 30_000])
      assert.deepEqual(
        await factor.verify(phone.offlineCode(offlineSecret, time + off), {}, [credential], context),
        { verified: true, credential: 'c1', spend: { expected: 0, next: step + off }, amr: ['otp'] },
      )
    for (const off of [-60_000, 60_000])
      await refuses(
        factor.verify(phone.offlineCode(offlineSecret, time + off), {}, [credential], context),
        'wrong',
      )
  })

  it('is good whatever is asked, and needs no phone that can be told', async () => {
    const { factor, phone, credential, offlineSecret } = await enrolled()
    const request = await asked(factor, [credential])
    const typed = phone.offlineCode(offlineSecret).replace(/^.../, '$& ')
    assert.equal((await factor.verify(typed, request, [credential], context)).verified, true)
  })

  it('is good once, and not after an approval that came later', async () => {
    const { factor, phone, credential, offlineSecret } = await enrolled()
    const code = phone.offlineCode(offlineSecret)
    const step = Math.floor(time / 30_000) * 30_000
    for (const counter of [step, time, time + 30_000])
      await refuses(factor.verify(code, {}, [{ ...credential, counter }], context), 'replayed')
    const earlier = { ...credential, counter: step - 1 }
    assert.equal((await factor.verify(code, {}, [earlier], context)).verified, true)
  })

  it('is of one of the phones of this account', async () => {
    const made = createFactor()
    const one = await enrolled({ made, credential: { id: 'one' } })
    const two = await enrolled({ made, credential: { id: 'two' } })
    const code = two.phone.offlineCode(two.offlineSecret)
    const verdict = await made.factor.verify(code, {}, [one.credential, two.credential], context)
    assert.ok(verdict.verified)
    assert.equal(verdict.credential, 'two')
    await refuses(made.factor.verify(code, {}, [one.credential], context), 'wrong')
  })
})
