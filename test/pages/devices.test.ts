import { doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { createPages } from '../../src/pages/render.ts'
import type { KnownDevice, Language, Views } from '../../src/pages/views.ts'

const now = Date.UTC(2026, 5, 10, 12)
const pages = createPages({ brand: { name: 'Duepassi' }, secure: true, clock: { now: () => now } })

const totp = { name: 'totp', authenticators: [] } as const
const webauthn = { name: 'webauthn', options: { challenge: 'AAAA' } } as const
const key = { issuer: 'https://id.example', uid: 'the-uid', tag: '"><b>' }

const asking = (locals: Partial<Views['interaction/second-factor']>, language: Language = 'en'): string =>
  pages.render({
    view: 'interaction/second-factor',
    language,
    locals: { factor: totp, others: [], ...locals },
  }).body

const loginPage = (locals: Views['interaction/login']): string =>
  pages.render({ view: 'interaction/login', language: 'en', locals }).body

const formOf = (body: string): string =>
  body.match(/<form(?:(?!<\/form>).)*value="answer".*?<\/form>/s)?.[0] ?? ''

describe('"do not ask again" on the page of the second step', () => {
  for (const factor of [totp, webauthn]) {
    it(`is a box of the form, above its button: ${factor.name}`, () => {
      const form = formOf(asking({ factor, trust: { days: 30 } }))
      match(
        form,
        /<label class="check"><input type="checkbox" name="trust" value="on" aria-describedby="trust-hint"> <span>Don’t ask again on this device for 30 days<\/span><\/label>\s*<p class="hint" id="trust-hint">Only on a device of your own\./,
      )
      ok(form.indexOf('name="trust"') < form.indexOf('value="answer"'))
      doesNotMatch(form, /<input type="checkbox"[^>]*checked/)
    })

    it(`is not there unless it is offered: ${factor.name}`, () => {
      doesNotMatch(asking({ factor }), /name="trust"|device-key|indexedDB/)
    })
  }

  it('says for how long', () => {
    match(asking({ trust: { days: 1 } }), /on this device for 1 day</)
    match(asking({ trust: { days: 7 } }, 'it'), /Non chiedermelo più su questo dispositivo per 7 giorni</)
  })

  it('needs no script where a cookie is enough', () => {
    const body = asking({ trust: { days: 30 } })
    doesNotMatch(body, /device-key|indexedDB/)
    doesNotMatch(body, /<div class="trust" hidden/)
  })

  it('is shown by the script alone where the browser has to keep a key', () => {
    const body = asking({ trust: { days: 30, key } })
    const form = formOf(body)
    match(
      form,
      /<div class="trust" hidden data-device-key data-for="[^"]*">\s*<input type="hidden" name="device-key">/,
    )
    ok(form.includes('{&#34;issuer&#34;:&#34;https://id.example&#34;,&#34;uid&#34;:&#34;the-uid&#34;'))
    doesNotMatch(body, /"><b>/)
    match(body, /indexedDB\.open\('duepassi', 1\)/)
  })
})

describe('the login page of trusted devices', () => {
  it('has a field for what they sign, in the form of the password alone', () => {
    const body = loginPage({
      device: { issuer: 'https://id.example', uid: 'u' },
      passkey: { options: { challenge: 'AAAA' }, question: 'q' },
    })
    equal(body.match(/name="device-proof" data-for=/g)?.length, 1)
    match(body, /<form(?:(?!<\/form>).)*name="password"(?:(?!<\/form>).)*name="device-proof"/s)
    match(body, /indexedDB\.open/)
  })

  it('has none where they sign nothing', () => {
    doesNotMatch(loginPage({}), /device-proof|indexedDB/)
  })
})

describe('the page of a sign-in that was turned away', () => {
  for (const [language, said] of [
    ['en', /You cannot sign in from here.*network.*ask the people who run Duepassi/s],
    ['it', /Da qui non puoi accedere.*rete.*chiedi a chi gestisce Duepassi/s],
  ] as const) {
    it(`says what to do, and leads back: ${language}`, () => {
      const { body } = pages.render({
        view: 'interaction/turned-away',
        language,
        client: { name: 'Shop' },
        locals: {},
      })
      match(body, said)
      match(body, /<button[^>]* name="intent" value="leave"[^>]*>(Back to|Torna a) Shop</)
    })
  }

  it('is said on the login page too', () => {
    match(
      loginPage({ error: { key: 'error.turned-away' } }),
      /role="alert".*Your organisation does not allow/s,
    )
  })
})

const device: KnownDevice = {
  id: 'a/b&c',
  browser: 'Firefox',
  system: 'Windows',
  city: 'Milano',
  country: 'IT',
  address: '203.0.113.7',
  lastUsedAt: now - 7_200_000,
  trustedUntil: null,
  here: false,
}
const home = (locals: Partial<Views['account/home']>, language: Language = 'en'): string =>
  pages.render({
    view: 'account/home',
    language,
    locals: {
      base: '/id/account',
      person: { name: 'Maria Rossi', username: 'maria' },
      state: 'on',
      methods: [],
      recoveryCodes: null,
      addable: [],
      devices: [device],
      sessions: [],
      ...locals,
    },
  }).body
const listOf = (body: string): string => body.match(/<h2 id="devices">.*?<\/section>/s)?.[0] ?? ''

describe('the devices on the security page', () => {
  it('say which browser, where and when', () => {
    const english = listOf(home({}))
    match(english, /<h3>Firefox on Windows<\/h3>\s*<p[^>]*>Milano, Italy<br>\s*Last used: 2 hours ago/)
    match(
      listOf(home({}, 'it')),
      /<h3>Firefox su Windows<\/h3>\s*<p[^>]*>Milano, Italia<br>\s*Ultimo uso: 2 ore fa/,
    )
    doesNotMatch(english, /This device|not asked for|203\.0\.113\.7/)
  })

  it('say what is known of them', () => {
    const said = (over: Partial<KnownDevice>) => listOf(home({ devices: [{ ...device, ...over }] }))
    const nowhere = { city: null, country: null }
    match(said(nowhere), />203\.0\.113\.7<br>/)
    match(said({ ...nowhere, address: null }), />Place unknown<br>/)
    match(said({ city: null }), />Italy<br>/)
    match(said({ system: null }), /<h3>Firefox<\/h3>/)
    match(said({ browser: null }), /<h3>Unknown browser on Windows<\/h3>/)
    match(said({ browser: null, system: null }), /<h3>Unknown browser<\/h3>/)
    doesNotMatch(said({ browser: '<b>', city: '<i>', address: '<u>' }), /<[bu]>|<i>/)
  })

  it('say which one it is, and how long nobody is asked there', () => {
    const body = listOf(home({ devices: [{ ...device, here: true, trustedUntil: Date.UTC(2026, 6, 8) }] }))
    match(body, /This device/)
    match(body, /not asked for here until <time[^>]*>8 July 2026<\/time>/)
  })

  it('can be forgotten, one by one and all at once', () => {
    const other = { ...device, id: 'other', browser: 'Safari', system: 'iOS' }
    const body = listOf(home({ devices: [device, other] }))
    match(
      body,
      /<form class="links" method="post" action="\/id\/account\/forget\?id=a%2Fb%26c">\s*<button name="intent" value="forget" aria-label="Forget “Firefox on Windows”" aria-describedby="device-0">/,
    )
    match(
      body,
      /forget\?id=other">\s*<button[^>]* aria-label="Forget “Safari on iOS”" aria-describedby="device-1">/,
    )
    match(body, /action="\/id\/account\/forget">\s*<button[^>]* value="forget-all">Forget all devices</)
    doesNotMatch(listOf(home({})), /forget-all/)
    match(home({ done: 'forgotten' }), /role="status".*Forgotten\./s)
  })

  it('are only looked at while the second step is locked', () => {
    const body = listOf(home({ state: 'locked', devices: [device, { ...device, id: 'other' }] }))
    match(body, /Firefox on Windows/)
    doesNotMatch(body, /<form|<button/)
  })

  it('are no part of the page where there are none', () => {
    equal(listOf(home({ devices: [] })), '')
  })
})
