import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type AtPage, startProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { codeNow, wrongCode } from '../support/steps.ts'

describe('any order of forms', function () {
  this.timeout(120_000)
  it('ends with a code only where a right one was given', async () => {
    await using op = await startProvider({
      config: { attempts: { freeFailures: 20, lockAfter: 100 }, passwords: { freeFailures: 100 } },
    })
    const { directory } = op.duepassi
    let secret = ''
    let fresh = ''
    let spent = ''
    let usedCode = ''
    /** As after a first day: an authenticator, ten codes, one of them used. */
    const beginAnew = async () => {
      await directory.removeCredentials(op.maria.id)
      const enrolled = await op.enrol()
      secret = enrolled.secret
      fresh = enrolled.codes[0] as string
      spent = enrolled.codes[1] as string
      const asked = await op.submit(await op.atSecondStep(), { intent: 'switch', factor: 'recovery-code' })
      assert.match(
        (await op.submit(asked, { intent: 'answer', code: spent })).page.body,
        /9 recovery codes left/,
      )
      usedCode = op.nextCode(secret)
      assert.ok(codeOf((await op.submit(await op.atSecondStep(), { intent: 'answer', code: usedCode })).page))
      op.clock.advance(30)
    }
    await beginAnew()
    const right = fc.constantFrom('right code', 'right recovery code')
    const other = fc.constantFrom(
      'wrong code',
      'wrong recovery code',
      'empty',
      'enrol',
      'enrol and replace',
      'saved',
      'continue',
      'to totp',
      'to recovery',
      'leave',
      'nonsense',
      'password again',
      'wrong password',
      'reload',
      'resume',
    )
    // Mostly what proves nothing; now and then the real thing in the midst of it.
    // Answered slowly, because each might be a double click: rarer, for the sake of the test's own time.
    const slow = fc.constantFrom('used code', 'used recovery code', 'confirm', 'confirm with the old seed')
    const post = fc.oneof(
      { weight: 27, arbitrary: other },
      { weight: 2, arbitrary: slow },
      { weight: 3, arbitrary: right },
    )
    let issued = 0
    let unproven = 0
    await fc.assert(
      fc.asyncProperty(fc.array(post, { minLength: 1, maxLength: 6 }), async (posts) => {
        await directory.clearAttempts(op.maria.id)
        let at: AtPage = await op.atSecondStep()
        const uid = at.page.url
        let proven = false
        let draft: string | undefined
        for (const name of posts) {
          draft = /secret=([A-Z2-7]{32})/.exec(at.page.body)?.[1] ?? draft
          const before = (await directory.credentials(op.maria.id)).map(
            ({ id, counter }) => `${id} ${counter}`,
          )
          const lost = Object.fromEntries(before.map((one) => [`lost-${one.split(' ')[0]}`, 'on']))
          const submit = (fields: Record<string, string>) =>
            op.submit({ ...at, page: { ...at.page, url: uid } }, fields)
          const actions: Record<string, () => Promise<AtPage>> = {
            'right code': () => submit({ intent: 'answer', code: codeNow(secret, op.clock) }),
            'wrong code': () => submit({ intent: 'answer', code: wrongCode(secret, op.clock) }),
            'used code': () => submit({ intent: 'answer', code: usedCode }),
            'right recovery code': () => submit({ intent: 'answer', code: fresh }),
            'wrong recovery code': () => submit({ intent: 'answer', code: '0000-00000-0000' }),
            'used recovery code': () => submit({ intent: 'answer', code: spent }),
            empty: () => submit({ intent: 'answer', code: '' }),
            confirm: () =>
              submit({ intent: 'confirm', code: draft ? codeNow(draft, op.clock) : '123456', label: 'x' }),
            'confirm with the old seed': () =>
              submit({ intent: 'confirm', code: codeNow(secret, op.clock), label: 'x' }),
            enrol: () => submit({ intent: 'enrol' }),
            'enrol and replace': () => submit({ intent: 'enrol', ...lost }),
            saved: () => submit({ intent: 'saved' }),
            continue: () => submit({ intent: 'continue' }),
            'to totp': () => submit({ intent: 'switch', factor: 'totp' }),
            'to recovery': () => submit({ intent: 'switch', factor: 'recovery-code' }),
            leave: () => submit({ intent: 'leave' }),
            nonsense: () => submit({ intent: 'toString', code: 'constructor' }),
            'password again': () =>
              op.typePassword({
                ...at,
                page: { ...at.page, url: new URL(uid.href.replace('/second-factor', '')) },
              }),
            'wrong password': () =>
              op.typePassword(
                { ...at, page: { ...at.page, url: new URL(uid.href.replace('/second-factor', '')) } },
                { password: 'wrong' },
              ),
            reload: async () => ({ ...at, page: await at.browser.get(uid) }),
            resume: async () => ({
              ...at,
              page: await at.browser.get(
                uid.href.replace('/interaction/', '/auth/').replace('/second-factor', ''),
              ),
            }),
          }
          at = await (actions[name] as () => Promise<AtPage>)()
          const after = (await directory.credentials(op.maria.id)).map(
            ({ id, counter }) => `${id} ${counter}`,
          )
          // A right code is known by what was spent for it.
          if (name.startsWith('right') && JSON.stringify(before) !== JSON.stringify(after)) proven = true
          if (!proven) {
            assert.equal(codeOf(at.page), null, `${name} in ${posts.join(', ')}`)
            assert.deepEqual(after, before, `${name} in ${posts.join(', ')}`)
            assert.equal(draft, undefined, `${name} in ${posts.join(', ')}`)
            unproven += 1
          }
          if (codeOf(at.page) !== null) {
            issued += 1
            break
          }
        }
        if (proven) await beginAnew()
      }),
      { numRuns: 220 },
    )
    assert.ok(issued > 5, `${issued} codes: the sequences must reach the end now and then`)
    assert.ok(unproven > 300)
  })
})
