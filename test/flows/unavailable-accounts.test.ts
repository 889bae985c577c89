import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import type { Account } from '../../src/directory/directory.ts'
import { sessionsOf } from '../../src/stores/oidc-adapter.ts'
import type { Answer } from '../support/browser.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'
import { codeNow } from '../support/steps.ts'

/** Where nobody ended anything: a directory that others write to as well, or a store that was down just then. */
describe('an account that may not be used, with a session that is still open', function () {
  this.timeout(30_000)
  let op: TestProvider
  let stranger: RelyingParty
  before(async () => {
    op = await startProvider()
    stranger = await op.addClient({ client_id: 'stranger', require_consent: true })
  })
  after(() => op.close())

  const states: Readonly<Record<string, (account: Account) => Promise<unknown>>> = {
    disabled: ({ id }) => op.duepassi.directory.changeAccount(id, { disabledAt: op.clock.now() }),
    deleted: ({ id }) => op.duepassi.directory.removeAccount(id),
    locked: ({ id }) =>
      op.duepassi.directory.changeAttempts(id, 'totp', (state) => ({ ...state, lockedAt: op.clock.now() })),
  }
  let people = 0
  const open = async () => {
    people += 1
    const person = await op.enrolOther(`unavailable-${people}`)
    return { ...person, uid: (await sessionsOf(op.duepassi.store, person.account.id, op.clock))[0]?.uid }
  }

  for (const [state, become] of Object.entries(states)) {
    const isTurnedAway = ({ page }: Pick<AtPage, 'page'>, what: string) => {
      assert.equal(codeOf(page), null, what)
      assert.equal(page.status, 200, `${what}: ${page.url}`)
      assert.match(page.body, /current-password/, what)
    }

    it(`${state}: is asked to sign in, and nobody is let in silently`, async () => {
      const { browser, account } = await open()
      await become(account)
      isTurnedAway(await op.begin({}, browser), 'a request')
      const silent = await op.begin({ prompt: 'none' }, browser)
      assert.equal(errorOf(silent.page), 'login_required', silent.page.url.href)
      isTurnedAway(await op.begin({ prompt: 'consent' }, browser, stranger), 'a request for consent')
    })

    it(`${state}: sees nothing of the security page, nor changes anything there`, async () => {
      const { browser, account } = await open()
      const home = await browser.get(`${op.issuer}/account`)
      assert.equal(home.url.pathname, '/account')
      await become(account)
      const pages: Answer[] = [
        await browser.get(`${op.issuer}/account`),
        await browser.get(`${op.issuer}/account/add?factor=totp`),
        await browser.post(`${op.issuer}/account/end`, { intent: 'end-others' }),
      ]
      for (const page of pages) {
        assert.ok(page.status < 500, `${page.status} ${page.url}`)
        // The page of a session that has just been proven says that it is locked.
        if (state === 'locked') assert.doesNotMatch(page.body, /otpauth:|href="\/account\/remove/)
        else assert.match(page.body, /current-password/)
      }
    })

    it(`${state}: gets nothing from what is under way`, async () => {
      const { browser, account, secret } = await open()
      const tabs = [browser.copy(), browser.copy()]
      const stepping = await op.begin({ prompt: 'second_factor' }, tabs[0])
      const consenting = await op.begin({}, tabs[1], stranger)
      assert.match(consenting.page.body, /value="allow"/)
      const signing = await op.typePassword(await op.begin(), account)
      await become(account)
      op.clock.advance(60)
      for (const [what, at, fields] of [
        ['a step-up', stepping, { intent: 'answer', code: codeNow(secret, op.clock) }],
        ['consent', consenting, { intent: 'allow' }],
        ['a sign-in', signing, { intent: 'answer', code: codeNow(secret, op.clock, 1) }],
      ] as const) {
        const { page } = await op.submit(at, fields)
        assert.equal(codeOf(page), null, what)
        assert.ok(page.status < 500, `${what}: ${page.status} ${page.url} ${page.body.slice(0, 200)}`)
      }
    })

    it(`${state}: has no use of its tokens, and can sign out`, async () => {
      const { browser, account, tokens } = await open()
      await become(account)
      await assert.rejects(op.rp.refresh(tokens.refresh_token as string), { error: 'invalid_grant' })
      const userinfo = await fetch(`${op.issuer}/me`, {
        headers: { authorization: `Bearer ${tokens.access_token}` },
      })
      // A lock takes nothing away by itself; ending the sessions does.
      assert.equal(userinfo.status, state === 'locked' ? 200 : 401)
      const asked = await browser.get(
        oidc.buildEndSessionUrl(op.rp.config, { id_token_hint: tokens.id_token as string }),
      )
      assert.equal(asked.status, 200)
      const xsrf = /name="xsrf" value="([^"]*)"/.exec(asked.body)?.[1] ?? ''
      const left = await browser.post(`${op.issuer}/session/end/confirm`, { xsrf, logout: 'yes' })
      assert.equal(left.status, 200, left.body.slice(0, 300))
      assert.deepEqual(await sessionsOf(op.duepassi.store, account.id, op.clock), [])
      assert.equal(errorOf((await op.begin({ prompt: 'none' }, browser)).page), 'login_required')
    })

    it(`${state}: leaves the browser to whoever signs in next`, async () => {
      const { browser, account } = await open()
      const next = await op.enrolOther(`next-${state}`)
      await become(account)
      const login = await op.begin({}, browser)
      assert.match(login.page.body, /current-password/)
      const typed = await op.typePassword(login, next.account)
      let { page } = await op.submit(typed, { intent: 'answer', code: op.nextCode(next.secret) })
      // oidc-provider first ends the session of somebody else, by a form that posts itself.
      for (let hop = 0; hop < 3 && codeOf(page) === null && page.body.includes('name="xsrf"'); hop += 1) {
        const action = /action="([^"]+)"/.exec(page.body)?.[1] as string
        const xsrf = /name="xsrf" value="([^"]*)"/.exec(page.body)?.[1] as string
        page = await browser.post(new URL(action, page.url), { xsrf, logout: 'yes' })
      }
      assert.ok(codeOf(page), `${page.status} ${page.url} ${page.body.slice(0, 400)}`)
    })
  }
})
