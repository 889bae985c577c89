import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import type { Account } from '../../src/directory/directory.ts'
import { type Answer, Browser } from '../support/browser.ts'
import { type LogoutReceiver, startLogoutReceiver } from '../support/logout-receiver.ts'
import type { Phone } from '../support/phones.ts'
import { type AtPage, password, type TestProvider } from '../support/provider.ts'
import { codeOf, type RelyingParty } from '../support/relying-party.ts'
import { codeNow } from '../support/steps.ts'
import { type Application, addApplication, nextOn, somebodyWithPhone } from './ciba-application.ts'
import { addDevice, type Device, decide, enterCode } from './devices-without-keyboard.ts'
import { later } from './trusted-browsers.ts'

/** `alive`, or `refused`, and then nothing was given. */
export type Word = 'alive' | 'refused'

export const api = 'https://api.example.org'
export const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'

/** Who sign people in here, and hold what comes of it. */
export interface Parties {
  /** Asks for refresh tokens that outlive a sign-out, and for tokens of an API. */
  shop: RelyingParty
  /** Has refresh tokens that do not, and wants to be told of a sign-out by `sid`. */
  mail: RelyingParty
  /** Wants to be told by subject, and never answers. */
  deaf: RelyingParty
  tv: Device
  bank: Application
  toMail: LogoutReceiver
  close(): Promise<void>
}

export const gatherParties = async (op: TestProvider): Promise<Parties> => {
  const toMail = await startLogoutReceiver()
  const toDeaf = await startLogoutReceiver()
  await toDeaf.close()
  return {
    shop: await op.addClient({ client_id: 'shop' }),
    mail: await op.addClient({
      client_id: 'mail',
      backchannel_logout_uri: toMail.uri,
      backchannel_logout_session_required: true,
    }),
    deaf: await op.addClient({ client_id: 'deaf', backchannel_logout_uri: toDeaf.uri }),
    tv: await addDevice(op, { client_id: 'tv' }),
    bank: await addApplication(op, { client_id: 'bank' }),
    toMail,
    close: () => toMail.close(),
  }
}

/** Somebody with an app, and a phone that answers for them. */
export interface Somebody {
  account: Account
  phone: Phone
}

export const addSomebody = async (op: TestProvider): Promise<Somebody> => {
  const { account, phone } = await somebodyWithPhone(op)
  await op.duepassi.directory.addCredential({
    id: `app-${account.id}`,
    accountId: account.id,
    factor: 'totp',
    label: 'App',
    handle: null,
    secret: seed,
    counter: 0,
    createdAt: op.clock.now(),
    lastUsedAt: null,
  })
  return { account, phone }
}

/** The page that asks for the code of the app. */
export const atApp = async (
  op: TestProvider,
  { account }: Somebody,
  { browser = new Browser(), rp = op.rp, typed = password } = {},
): Promise<AtPage> => {
  const at = await op.typePassword(await op.begin({}, browser, rp), {
    username: account.username,
    password: typed,
  })
  return at.page.body.includes('value="switch"') ? op.submit(at, { intent: 'switch', factor: 'totp' }) : at
}

/** Signs in by the app; `trust`: the browser is not to be asked again. */
export const enter = async (
  op: TestProvider,
  person: Somebody,
  { browser = new Browser(), rp = op.rp, trust = false } = {},
): Promise<AtPage> => {
  const at = await atApp(op, person, { browser, rp })
  const code = op.nextCode(seed)
  const { page } = await op.submit(at, { intent: 'answer', code, ...(trust && { trust: 'on' }) })
  assert.ok(codeOf(page), `${page.status} ${page.url} ${page.body.slice(-600)}`)
  return { ...at, page }
}

/** Posts the right code of the app, without following where that leads. */
const answerOnly = async (op: TestProvider, { browser, page }: AtPage): Promise<URL> => {
  const { status, headers } = await browser.once(page.url, {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ intent: 'answer', code: op.nextCode(seed) }),
  })
  assert.equal(status, 303)
  return new URL(headers.get('location') ?? '', op.issuer)
}

const refusal = async (said: Promise<unknown>): Promise<Word> =>
  said.then(
    () => 'alive' as const,
    (error: { error?: string; status?: number }) => {
      assert.ok(error.error === 'invalid_grant' || error.status === 401, String(error))
      return 'refused'
    },
  )

/** Whatever the page is, it is one, and nobody was given a code. */
const wordOf = ({ status, body }: Answer, isIn: boolean): Word => {
  assert.ok(status < 500, `${status} ${body.slice(0, 300)}`)
  return isIn ? 'alive' : 'refused'
}

const isSignedIn = async (op: TestProvider, browser: Browser): Promise<Word> => {
  const { page } = await op.begin({ prompt: 'none' }, browser)
  const code = codeOf(page)
  if (code === null) assert.equal(page.url.searchParams.get('error'), 'login_required')
  return wordOf(page, code !== null)
}

/** All that somebody has from one session, and by which it can be told whether each of it is good for anything. */
export interface Held {
  browser: Browser
  /** By name: uses it. `typed`: the password of then. */
  uses: Readonly<Record<string, (typed?: string) => Promise<Word>>>
  /** The API's token, which nobody asks us about. */
  jwt: string
  /** By which the client `mail` knows the session. */
  sid: unknown
}

export const hold = async (op: TestProvider, parties: Parties, person: Somebody): Promise<Held> => {
  const { shop, mail, deaf, tv, bank } = parties
  const browser = new Browser()
  const steps = new Browser()
  // The slow ones first: every code of the app takes half a minute, and a code of ours lives for one.
  const signingIn = await atApp(op, person, { browser: steps })
  const finished = await atApp(op, person)
  await enter(op, person, { browser, trust: true })
  const way = await answerOnly(op, finished)
  const at = (rp: RelyingParty, parameters: Record<string, string> = {}) => op.begin(parameters, browser, rp)
  /** `offline_access` counts where the person was asked (OIDC Core §11). */
  const consented = async () => op.submit(await at(shop, { prompt: 'consent' }), { intent: 'allow' })
  const offline = await op.redeem(await consented())
  assert.match(offline.tokens.scope ?? '', /offline_access/)
  const plain = await op.redeem(await at(mail, { scope: 'openid profile' }))
  await op.redeem(await at(deaf))
  const ofApi = await op.redeem(await at(shop, { scope: 'openid read', resource: api }))
  const stepping = await op.submit(await at(shop, { prompt: 'second_factor' }), {
    intent: 'switch',
    factor: 'totp',
  })

  const asked = await tv.begin()
  const approved = await decide(op, await enterCode(op, asked.user_code, browser), 'confirm', browser)
  assert.equal(approved.status, 200, approved.body.slice(-400))
  const authReqId = await bank.begin({ login_hint: person.account.username })
  const decided = await person.phone.decide(await nextOn(person.phone))
  assert.deepEqual(decided.body, { outcome: 'approved' })

  const pushed = await oidc.buildAuthorizationUrlWithPAR(shop.config, {
    redirect_uri: 'http://rp.invalid/callback',
    scope: 'openid offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier()),
    code_challenge_method: 'S256',
  })
  const code = await consented()
  assert.ok(codeOf(code.page), code.page.body.slice(-400))

  const isIn = async (page: Promise<AtPage>): Promise<Word> => {
    const { page: answer } = await page
    return wordOf(answer, codeOf(answer) !== null)
  }
  return {
    browser,
    jwt: ofApi.tokens.access_token,
    sid: decodeJwt(plain.tokens.id_token as string)['sid'],
    uses: {
      'the session': () => isSignedIn(op, browser),
      'the security page': async () => {
        const page = await browser.get(`${op.issuer}/account`)
        return wordOf(page, page.url.pathname === '/account' && page.status === 200)
      },
      'a code': () => refusal(op.redeem(code)),
      'a refresh token': () => refusal(mail.refresh(plain.tokens.refresh_token as string)),
      'a refresh token with offline_access': () =>
        refusal(shop.refresh(offline.tokens.refresh_token as string)),
      'an opaque token, at userinfo': () =>
        refusal(shop.userinfo(offline.tokens.access_token, person.account.id)),
      'an opaque token, introspected': async () =>
        (await shop.introspect(offline.tokens.access_token)).active ? 'alive' : 'refused',
      'a device code': async () => {
        const { status, body } = await tv.ask(asked.device_code)
        if (status !== 200) assert.equal(body['error'], 'invalid_grant')
        return status === 200 ? 'alive' : 'refused'
      },
      'a pushed request': async () => {
        const page = await browser.get(pushed)
        return wordOf(page, codeOf(page) !== null)
      },
      'a step-up under way': () =>
        isIn(op.submit(stepping, { intent: 'answer', code: codeNow(seed, op.clock, 1) })),
      'a sign-in that is over but for its browser': async () => {
        const page = await finished.browser.get(way)
        return wordOf(page, codeOf(page) !== null)
      },
      'the trust in the browser': (typed = password) =>
        isIn(
          (async () =>
            op.typePassword(await op.begin({}, later(browser)), {
              username: person.account.username,
              password: typed,
            }))(),
        ),
      'an approval on the phone': async () => {
        const { status, body } = await bank.redeem(authReqId)
        if (status !== 200) assert.equal(body['error'], 'invalid_grant')
        return status === 200 ? 'alive' : 'refused'
      },
      // Last, since the code of the app before was one of the next half minute.
      'a sign-in under way elsewhere': () => {
        op.clock.advance(60)
        return isIn(op.submit(signingIn, { intent: 'answer', code: codeNow(seed, op.clock) }))
      },
    },
  }
}

/** Another session, with what shows that it goes on. */
export const holdLess = async (op: TestProvider, { shop }: Parties, person: Somebody) => {
  const { browser } = await enter(op, person)
  const { tokens } = await op.redeem(await op.begin({}, browser, shop))
  return {
    browser,
    said: async (): Promise<Record<string, Word>> => ({
      session: await isSignedIn(op, browser),
      userinfo: await refusal(shop.userinfo(tokens.access_token, person.account.id)),
      refresh: await refusal(shop.refresh(tokens.refresh_token as string)),
    }),
  }
}
