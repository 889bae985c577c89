import assert from 'node:assert/strict'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { requireAuthentication } from '../../src/index.ts'
import { answerApp, asksApp, someoneWithApp, someoneWithBoth } from '../flows/ruled-people.ts'
import { answerWith, offers, register } from '../support/passkeys.ts'
import { mfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { type Answer, bearer, type Served, serveGuarded } from './served.ts'

const resource = 'https://vault.example.org/'
const asking = { resource, scope: 'openid offline_access vault:open' }

/** RFC 9470 §4: what a client makes of the challenge. */
const wishesOf = ({ challenge = '' }: Answer): Record<string, string> =>
  Object.fromEntries(
    [...challenge.matchAll(/\b(acr_values|max_age)="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )

describe('the challenge of a resource server', () => {
  let op: TestProvider
  let vault: Served
  let recent: Served
  before(async () => {
    op = await startProvider({
      config: {
        resources: [
          { id: resource, scopes: ['vault:open'], clients: ['rp'], format: 'jwt' },
          { id: 'https://other.example.org/', scopes: ['vault:open'], clients: ['rp'], format: 'jwt' },
        ],
      },
    })
    const own = { issuer: op.issuer, audience: resource, clock: op.clock, fetch: globalThis.fetch }
    vault = await serveGuarded(requireAuthentication({ ...own, acr: ['phrh', 'phr'], scope: ['vault:open'] }))
    recent = await serveGuarded(requireAuthentication({ ...own, maxAge: 120 }))
  })
  after(async () => {
    await Promise.all([vault.close(), recent.close()])
    await op.close()
  })

  it('leads a session of an app to a key, and the new token opens what the old one did not', async () => {
    const { browser, secret } = await someoneWithApp(op)
    const { tokens } = await op.redeem(await op.begin(asking, browser))
    assert.equal(decodeProtectedHeader(tokens.access_token).typ, 'at+jwt')
    const before = decodeJwt(tokens.access_token)
    assert.equal(before['acr'], mfa)
    assert.equal(before.aud, resource)

    const refused = await vault.ask(bearer(tokens.access_token))
    assert.equal(refused.status, 401)
    assert.match(refused.challenge ?? '', /^Bearer error="insufficient_user_authentication"/)
    const wishes = wishesOf(refused)
    assert.deepEqual(wishes, { acr_values: 'phrh phr' })

    const asked = await op.begin({ ...asking, ...wishes }, browser)
    assert.equal(codeOf(asked.page), null)
    assert.ok(asksApp(asked.page))
    const enrolling = await answerApp(op, asked, secret)
    assert.ok(offers(enrolling.page, 'create'))
    const stepped = await op.redeem(await register(enrolling, createSoftAuthenticator()))
    const opened = await vault.ask(bearer(stepped.tokens.access_token))
    assert.equal(opened.status, 200, opened.challenge)
    assert.equal(decodeJwt(stepped.tokens.access_token)['acr'], 'phr')

    // The old token says what it said, and so do its refreshes.
    assert.equal((await vault.ask(bearer(tokens.access_token))).status, 401)
    const refreshed = await op.rp.refresh(tokens.refresh_token as string)
    assert.equal((await vault.ask(bearer(refreshed.access_token))).status, 401)
    const later = await op.rp.refresh(stepped.tokens.refresh_token as string)
    assert.equal((await vault.ask(bearer(later.access_token))).status, 200)
  })
  it('asks nobody who proved as much already', async () => {
    const { account, browser, key } = await someoneWithBoth(op)
    const first = await op.begin({ ...asking, acr_values: 'phrh phr', prompt: 'login' }, browser)
    const second = await op.typePassword(first, { username: account.username })
    assert.ok(offers(second.page, 'get'))
    const { tokens } = await op.redeem(await answerWith(second, key))
    assert.equal((await vault.ask(bearer(tokens.access_token))).status, 200)
  })
  it('for a more recent sign-in is met by one', async () => {
    const { account, browser, secret } = await someoneWithApp(op)
    const { tokens } = await op.redeem(await op.begin(asking, browser))
    assert.equal((await recent.ask(bearer(tokens.access_token))).status, 200)
    op.clock.advance(180)
    const refreshed = await op.rp.refresh(tokens.refresh_token as string)
    const refused = await recent.ask(bearer(refreshed.access_token))
    assert.deepEqual(wishesOf(refused), { max_age: '120' })
    const asked = await op.begin({ ...asking, ...wishesOf(refused) }, browser)
    const second = await op.typePassword(asked, { username: account.username })
    const again = await op.redeem(await answerApp(op, second, secret))
    assert.equal((await recent.ask(bearer(again.tokens.access_token))).status, 200)
  })
  it('is not for other tokens of the same provider', async () => {
    const { browser } = await someoneWithBoth(op)
    const plain = await op.redeem(await op.begin({}, browser))
    const other = await op.redeem(
      await op.begin({ ...asking, resource: 'https://other.example.org/' }, browser),
    )
    const unscoped = await op.redeem(await op.begin({ ...asking, scope: 'openid' }, browser))
    assert.ok(plain.tokens.id_token)
    for (const token of [plain.tokens.access_token, plain.tokens.id_token, other.tokens.access_token]) {
      const { status, challenge } = await vault.ask(bearer(token))
      assert.equal(status, 401)
      assert.match(challenge ?? '', /error="invalid_token"/)
    }
    assert.equal((await vault.ask(bearer(unscoped.tokens.access_token))).status, 403)
  })
})
