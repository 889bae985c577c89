import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import type { Credential } from '../../../src/directory/directory.ts'
import { newCode, readCode } from '../../../src/factors/recovery-code/code.ts'
import { recoveryCodes } from '../../../src/factors/recovery-code/recovery-code.ts'
import { createHasher } from '../../../src/passwords/hashing.ts'

const random = (size: number) => randomBytes(size)
const context = { now: 0, random, issuerName: '', accountName: '' }
let derived = 0
/** Fast here; that it is slow in earnest is the first test's concern. */
const hasher = {
  async derive(secret: string, salt: Buffer) {
    derived++
    return createHash('sha256').update(salt).update(secret).digest()
  },
}
const credential = (secret: string, counter = 0): Credential => ({
  id: 'r',
  accountId: 'a',
  factor: 'recovery-code',
  label: '',
  handle: null,
  secret,
  counter,
  createdAt: 0,
  lastUsedAt: null,
})

describe('recovery codes', () => {
  it('are ten of 65 bits, salted and hashed by argon2id', async () => {
    const factor = recoveryCodes({ hasher: createHasher({ concurrency: 2, queue: 20, random }) })
    const draft = await factor.enrolment.begin([], context)
    const codes = draft.shown.codes as string[]
    assert.equal(new Set(codes).size, 10)
    for (const code of codes) {
      assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{4}$/)
      assert.ok(!draft.secret.includes(code) && !draft.secret.includes(code.replaceAll('-', '')))
    }
    const verdict = await factor.verify(codes[9] as string, {}, [credential(draft.secret)], context)
    assert.deepEqual(verdict, {
      verified: true,
      credential: 'r',
      spend: { expected: 0, next: 512 },
      amr: ['otp'],
    })
  })
  it('are read however they are typed', () => {
    const code = newCode(random)
    assert.equal(readCode(code.toLowerCase().replaceAll('-', ' ')), readCode(code))
    assert.equal(readCode('oil0-abcde-fghj'), '0110ABCDEFGHJ')
    assert.equal(readCode('0000–00000–0000'), '0000000000000')
    for (const typed of ['', '0000-00000-000', '0000-00000-000U', '0000-00000-00000'])
      assert.equal(readCode(typed), undefined, typed)
  })
  it('are each spent once, at the cost of one hash per try', async () => {
    const factor = recoveryCodes({ hasher })
    const draft = await factor.enrolment.begin([], context)
    const [first, , third] = draft.shown.codes as [string, string, string]
    derived = 0
    assert.deepEqual(await factor.verify(third, {}, [credential(draft.secret, 1)], context), {
      verified: true,
      credential: 'r',
      spend: { expected: 1, next: 5 },
      amr: ['otp'],
    })
    assert.deepEqual(await factor.verify(first, {}, [credential(draft.secret, 1)], context), {
      verified: false,
      reason: 'replayed',
    })
    assert.deepEqual(await factor.verify(newCode(random), {}, [credential(draft.secret)], context), {
      verified: false,
      reason: 'wrong',
    })
    assert.equal(derived, 3)
    assert.deepEqual(await factor.verify('short', {}, [credential(draft.secret)], context), {
      verified: false,
      reason: 'malformed',
    })
    assert.deepEqual(await factor.verify(first, {}, [], context), { verified: false, reason: 'wrong' })
    assert.deepEqual(await factor.begin([credential(draft.secret, 5)], context), { left: 8 })
    assert.equal(factor.accepts('?'), false)
    assert.equal(factor.accepts(first), true)
    assert.deepEqual(await factor.enrolment.finish('', draft, context), {
      confirmed: true,
      secret: draft.secret,
      counter: 0,
      handle: null,
      amr: [],
      used: false,
    })
  })
  it('are hashed one after the other, so that ten do not fill the queue of those who sign in', async () => {
    let running = 0
    let most = 0
    const counting = {
      async derive(secret: string, salt: Buffer) {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return hasher.derive(secret, salt)
      },
    }
    await recoveryCodes({ hasher: counting }).enrolment.begin([], context)
    assert.equal(most, 1)
  })
})
