import { doesNotMatch, equal, match } from 'node:assert/strict'
import { createPages } from '../../src/pages/render.ts'
import type { Language, OpenSession, Views } from '../../src/pages/views.ts'

const now = Date.UTC(2026, 5, 1, 12)
const pages = createPages({ brand: { name: 'Duepassi' }, secure: true, clock: { now: () => now } })
const session: OpenSession = {
  id: 'a/b&c',
  browser: 'Firefox',
  system: 'Windows',
  city: 'Milano',
  country: 'IT',
  address: '203.0.113.7',
  since: now - 7_200_000,
  level: 'two-factors',
  applications: ['Shop <b>', 'Mail'],
  here: false,
}
const here: OpenSession = { ...session, id: 'own', here: true, applications: [] }
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
      devices: [],
      sessions: [here, session],
      ...locals,
    },
  }).body
const listOf = (body: string): string => body.match(/<h2 id="sessions">.*?<\/section>/s)?.[0] ?? ''
const itemsOf = (body: string): string[] => listOf(body).match(/<li>.*?<\/li>/gs) ?? []

describe('the sessions on the security page', () => {
  it('say which browser, where, since when, how and what for', () => {
    const [own = '', other = ''] = itemsOf(home({}))
    match(
      other,
      /<h3>Firefox on Windows<\/h3>\s*<p[^>]*>Milano, Italy, <span class="address">203\.0\.113\.7</,
    )
    match(other, /Signed in: 2 hours ago<br>\s*Confirmed in two steps/)
    match(other, /Used for: Shop &lt;b&gt;, Mail</)
    doesNotMatch(own, /Used for/)
    const [, italian = ''] = itemsOf(home({}, 'it'))
    match(italian, /Firefox su Windows.*Inizio: 2 ore fa<br>\s*Conferma in due passi.*Usata per: Shop/s)
  })

  it('say in plain words how they were confirmed, or nothing', () => {
    const said = (level: OpenSession['level']) =>
      itemsOf(home({ sessions: [{ ...session, level }] }))[0] ?? ''
    match(said('one-factor'), /Confirmed in one step/)
    match(said('phishing-resistant'), /Confirmed with a passkey or security key/)
    match(said('hardware'), /Confirmed with a security key/)
    doesNotMatch(said(null), /Confirmed/)
  })

  it('say what is not known', () => {
    const unknown = { browser: null, system: null, city: null, country: null, address: null }
    const [item = ''] = itemsOf(home({ sessions: [{ ...session, ...unknown }] }))
    match(item, /<h3>Unknown browser<\/h3>\s*<p[^>]*>Place unknown<br>/)
  })

  it('have a button each, but for the one at hand, that says what it ends', () => {
    const [own = '', other = ''] = itemsOf(home({}))
    match(own, /This session/)
    doesNotMatch(own, /<form|<button/)
    doesNotMatch(other, /This session/)
    match(other, /<form class="links" method="post" action="\/id\/account\/end\?id=a%2Fb%26c">/)
    match(
      other,
      /value="end" aria-label="End the session “Firefox on Windows”" aria-describedby="session-1">End</,
    )
    match(other, /id="session-1"/)
  })

  it('have one for all others, where there are any', () => {
    match(
      listOf(home({})),
      /action="\/id\/account\/end">\s*<button[^>]* value="end-others">End all other sessions</,
    )
    doesNotMatch(listOf(home({ sessions: [here] })), /end-others/)
    match(home({ done: 'ended' }), /role="status".*Nobody is signed in there any more/s)
  })

  it('are only looked at while the second step is locked, and no part where there are none', () => {
    const body = listOf(home({ state: 'locked' }))
    match(body, /Firefox on Windows/)
    doesNotMatch(body, /<form|<button/)
    equal(listOf(home({ sessions: [] })), '')
  })
})
