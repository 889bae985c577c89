import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { Factor } from '../../src/factors/factor.ts'
import { recoveryCodes, type SecondFactorDirectory, totp } from '../../src/index.ts'
import { type Answer, Browser } from '../support/browser.ts'
import { startForeignHost } from '../support/foreign-host.ts'
import { startProvider } from '../support/provider.ts'
import { codeOf, discoverRelyingParty } from '../support/relying-party.ts'
import { codeNow, enrol } from '../support/steps.ts'

const refused = (page: Answer, status: number) => {
  assert.equal(codeOf(page), null)
  assert.equal(page.status, status)
  assert.match(page.headers.get('content-type') ?? '', /html/)
  assert.doesNotMatch(page.body.slice(page.body.indexOf('<main')), /boom|no such table|at \w+ \(/)
}

describe('a factor that throws', () => {
  it('proves nothing, and its attempt is counted', async () => {
    let broken = false
    const working = totp()
    const factor: Factor = {
      ...working,
      async verify(...given) {
        if (broken) throw new Error('boom')
        return working.verify(...given)
      },
    }
    const host = await startForeignHost({ options: { factors: [factor, recoveryCodes()] } })
    const rp = await discoverRelyingParty(host.issuer)
    const signIn = async () => {
      const browser = new Browser()
      const request = await rp.begin()
      const login = await browser.get(request.url)
      return {
        browser,
        request,
        page: await browser.post(login.url, { username: 'maria', password: 'correct horse' }),
      }
    }
    const first = await signIn()
    const { secret } = await enrol(first.browser, first.page, host.clock)
    broken = true
    const at = await signIn()
    host.clock.advance(30)
    const code = codeNow(secret, host.clock)
    refused(await at.browser.post(at.page.url, { intent: 'answer', code }), 500)
    const { before } = await host.directory.changeAttempts('maria', 'totp', (state) => state)
    assert.equal(before.failures, 1)
    assert.match((await at.browser.get(at.page.url)).body, /one-time-code/)
    broken = false
    assert.ok(codeOf(await at.browser.post(at.page.url, { intent: 'answer', code })))
    await host.close()
  })
  it('while it is set up sets nothing up', async () => {
    const working = totp()
    const factor: Factor = {
      ...working,
      enrolment: {
        ...working.enrolment,
        async finish() {
          throw new Error('boom')
        },
      },
    }
    const host = await startForeignHost({ options: { factors: [factor, recoveryCodes()] } })
    const rp = await discoverRelyingParty(host.issuer)
    const browser = new Browser()
    const login = await browser.get((await rp.begin()).url)
    const page = await browser.post(login.url, { username: 'maria', password: 'correct horse' })
    refused(await browser.post(page.url, { intent: 'confirm', code: '123456', label: '' }), 500)
    assert.deepEqual(await host.directory.credentials('maria'), [])
    await host.close()
  })
})

describe('a notice that cannot be delivered', () => {
  it('stops no sign-in', async () => {
    const mail = { send: () => Promise.reject(new Error('boom')), close: async () => {} }
    await using op = await startProvider({ parts: { mail } })
    assert.ok((await op.enrol()).tokens.access_token)
    assert.ok(op.logged.some((line) => line.includes('could not be told')))
  })
})

describe('an audit trail that cannot be written', () => {
  it('lets nobody in, and heals', async () => {
    await using op = await startProvider()
    const maria = await op.enrol()
    const database = new DatabaseSync(op.config.database.url.replace('sqlite:', ''))
    const at = await op.atSecondStep()
    const code = op.nextCode(maria.secret)
    database.exec('alter table audit_event rename to gone')
    refused((await op.submit(at, { intent: 'answer', code })).page, 503)
    // However often the page is loaded or sent again.
    for (const fields of [{ intent: 'answer', code }, { intent: 'saved' }, { intent: 'continue' }] as Array<
      Record<string, string>
    >)
      assert.equal(codeOf((await op.submit(at, fields)).page), null)
    assert.equal(codeOf(await at.browser.get(at.page.url)), null)
    const fresh = await op.begin()
    refused((await op.typePassword(fresh)).page, 503)
    refused((await op.typePassword(fresh, { password: 'wrong' })).page, 503)
    database.exec('alter table gone rename to audit_event')
    database.close()
    assert.ok(
      codeOf(
        (await op.submit(await op.atSecondStep(), { intent: 'answer', code: op.nextCode(maria.secret) }))
          .page,
      ),
    )
  })
  it('takes no wrong code for uncounted', async () => {
    let broken = false
    const failing = (directory: SecondFactorDirectory): SecondFactorDirectory =>
      new Proxy(directory, {
        get(target, name) {
          if (name === 'appendAudit' && broken) return () => Promise.reject(new Error('boom'))
          const value: unknown = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    const { openDirectory } = await import('../../src/index.ts')
    const host = await startForeignHost({
      options: { directory: failing(await openDirectory('sqlite::memory:')) },
    })
    const rp = await discoverRelyingParty(host.issuer)
    const browser = new Browser()
    const login = await browser.get((await rp.begin()).url)
    const page = await browser.post(login.url, { username: 'maria', password: 'correct horse' })
    const { secret } = await enrol(browser, page, host.clock)
    const again = new Browser()
    const second = await again.post((await again.get((await rp.begin()).url)).url, {
      username: 'maria',
      password: 'correct horse',
    })
    broken = true
    for (let time = 0; time < 3; time++)
      refused(await again.post(second.url, { intent: 'answer', code: '000000' }), 500)
    broken = false
    host.clock.advance(5)
    const waiting = await again.post(second.url, { intent: 'answer', code: codeNow(secret, host.clock, 1) })
    assert.equal(waiting.status, 429)
    await host.close()
  })
})
