import assert from 'node:assert/strict'
import { DuepassiError } from '../../src/errors.ts'
import type { Answer } from '../support/browser.ts'
import {
  assertionFor,
  enrolKey,
  enterWith,
  type KeyHolder,
  questionOn,
  sendPasskey,
} from '../support/passkeys.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { startRedis } from '../support/redis.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'

const refusedForNow = (page: Answer) => {
  assert.equal(codeOf(page), null)
  assert.equal(page.status, 503)
  assert.match(page.headers.get('content-type') ?? '', /html/)
  assert.match(page.body, /Try again/)
}

/** Each step that a store or the directory takes part in, in the order of a sign-in. */
const steps: Array<{ step: string; method: string; key?: RegExp; taken: boolean; spent: boolean }> = [
  { step: 'the passkey is looked for', method: 'credentialByHandle', taken: false, spent: false },
  { step: 'the question is taken', method: 'add', key: /^pq:/, taken: false, spent: false },
  { step: 'the attempt is reserved', method: 'get', key: /^at:passkey:/, taken: true, spent: false },
  { step: 'the passkey is spent', method: 'spend', taken: true, spent: false },
  { step: 'the attempt is settled', method: 'drop', key: /^at:passkey:/, taken: true, spent: true },
  { step: 'the account is looked at', method: 'accountById', taken: true, spent: true },
  { step: 'its lock is looked at', method: 'standing', taken: true, spent: true },
  { step: 'its factors are looked at', method: 'credentials', taken: true, spent: true },
  { step: 'the sign-in begins', method: 'put', key: /^si:/, taken: true, spent: true },
  { step: 'it is audited', method: 'appendAudit', taken: true, spent: true },
]

describe('A passkey sign-in in which', () => {
  const key = createSoftAuthenticator({ counter: { start: 1, step: 1 } })
  let failing: (typeof steps)[number] | undefined
  let failures = 0
  let op: TestProvider
  let anna: KeyHolder
  const faulty = <Target extends object>(
    target: Target,
    code: 'store_unavailable' | 'directory_unavailable',
  ): Target =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return async (...given: unknown[]) => {
          if (failing?.method === name && (failing.key?.test(String(given[0])) ?? true)) {
            failures += 1
            throw new DuepassiError(code, 'as the test wants it')
          }
          return value.apply(target, given)
        }
      },
    })
  before(async () => {
    op = await startProvider({
      parts: {
        wrapStore: (store) => faulty(store, 'store_unavailable'),
        wrapDirectory: (directory) => faulty(directory, 'directory_unavailable'),
      },
    })
    anna = await enrolKey(op, 'anna', key)
  })
  after(() => op.close())
  const credential = async () =>
    (await op.duepassi.directory.credentials(anna.account.id)).find(({ factor }) => factor === 'webauthn')

  for (const one of steps)
    it(`${one.step}, while that fails: nobody is let in, and it heals`, async () => {
      const before = await credential()
      const at = await op.begin()
      const [response, question] = [assertionFor(at.page, key), questionOn(at.page)]
      failures = 0
      failing = one
      const failed = await sendPasskey(at, response, question)
      refusedForNow(failed.page)
      assert.ok(failures > 0)
      // Nor by going on as though it had worked.
      const onwards = await at.browser.get(`${at.page.url.href}/second-factor`)
      assert.equal(codeOf(onwards), null)
      failing = undefined
      assert.equal(errorOf((await op.begin({ prompt: 'none' }, at.browser.copy())).page), 'login_required')
      const { counter } = (await credential()) ?? {}
      assert.equal(counter !== before?.counter, one.spent)
      // What was not taken is still good; what was is not, and a new page is.
      const again: AtPage = await sendPasskey(at, response, question)
      assert.equal(again.page.status === 401, one.taken, `${again.page.status}`)
      assert.equal(codeOf(again.page) === null, one.taken)
      assert.ok(codeOf((await enterWith(await op.begin(), key)).page))
    })

  it('Redis dies lets nobody in, and heals', async function () {
    this.timeout(60_000)
    let redis = await startRedis()
    await using other = await startProvider({ redis: redis.url })
    const own = createSoftAuthenticator()
    await enrolKey(other, 'anna', own)
    const at = await other.begin()
    const [response, question] = [assertionFor(at.page, own), questionOn(at.page)]
    await redis.kill()
    refusedForNow((await sendPasskey(at, response, question)).page)
    redis = await startRedis({ port: redis.port })
    // What the old one knew is gone, the question's interaction with it.
    for (const end = performance.now() + 15_000; ; ) {
      const { page } = await sendPasskey(at, response, question)
      assert.equal(codeOf(page), null)
      if (page.status === 400) break
      assert.ok(performance.now() < end, `${page.status}`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    assert.ok(codeOf((await enterWith(await other.begin(), own)).page))
    await redis.stop()
  })
})
