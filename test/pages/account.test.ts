import { doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { createPages } from '../../src/pages/render.ts'
import type { Method, Views } from '../../src/pages/views.ts'
import { pageSamples } from '../../tools/page-samples.ts'

const now = Date.UTC(2026, 5, 10, 12)
const pages = createPages({ brand: { name: 'Duepassi' }, secure: true, clock: { now: () => now } })
const samples = await pageSamples('en', { name: 'Shop' })
const bodyOf = (name: string): string => {
  const sample = samples.find((candidate) => candidate.name === name)
  ok(sample, name)
  return pages.render(sample.page).body
}

const method: Method = {
  id: 'a/b&c',
  factor: 'webauthn',
  label: 'Blue “key” <b>',
  createdAt: Date.UTC(2026, 2, 3, 12),
  lastUsedAt: null,
  synced: false,
  removable: true,
}
const home = (locals: Partial<Views['account/home']>): string =>
  pages.render({
    view: 'account/home',
    language: 'en',
    client: { name: 'Shop' },
    locals: {
      base: '/id/account',
      person: { name: 'Maria Rossi', username: 'maria' },
      state: 'on',
      methods: [method],
      recoveryCodes: { left: 3, createdAt: method.createdAt },
      addable: ['webauthn', 'totp'],
      devices: [],
      sessions: [],
      ...locals,
    },
  }).body

describe('the security page', () => {
  it('is the provider’s own, whoever the relying party is', () => {
    match(home({}), /<strong>Duepassi<\/strong>/)
    doesNotMatch(home({}), />Shop</)
  })

  it('marks a method once it has been used, and never before', () => {
    match(home({}), /Never used yet/)
    doesNotMatch(home({}), /Works/)
    const used = home({ methods: [{ ...method, lastUsedAt: now - 7_200_000 }] })
    match(used, /Last used: 2 hours ago/)
    match(used, /Works/)
  })

  it('says of a passkey whether other devices have it', () => {
    match(home({}), /bound to one device/)
    match(home({ methods: [{ ...method, synced: true }] }), /synced across devices/)
    const { synced: _unknown, ...unknown } = method
    match(home({ methods: [unknown] }), /<p class="small">Passkey or security key<\/p>/)
  })

  it('leads to each of its pages beneath its own address', () => {
    const body = home({})
    for (const href of [
      '/id/account/rename?id=a%2Fb%26c',
      '/id/account/remove?id=a%2Fb%26c',
      '/id/account/add?factor=webauthn',
      '/id/account/add?factor=totp',
      '/id/account/codes',
    ]) {
      ok(body.includes(`href="${href}"`), href)
    }
    match(body, /<form method="post" action="\/id\/account\/sign-out">\s*<button[^>]* value="sign-out"/)
  })

  it('does not offer to remove what is demanded, and says why', () => {
    const body = home({ methods: [{ ...method, removable: false }] })
    doesNotMatch(body, /account\/remove/)
    match(body, /cannot be removed/)
    match(body, /account\/rename/)
  })

  it('offers nothing while the second step is locked, and says what to do', () => {
    const body = home({ state: 'locked' })
    doesNotMatch(body, /href="\/id\/account/)
    match(body, /Ask the people who run Duepassi to unlock it/)
    match(body, /value="sign-out"/)
  })

  it('says what is missing', () => {
    match(home({ state: 'not-set-up', methods: [], recoveryCodes: null }), /class="state not-set-up"/)
    const incomplete = home({ state: 'incomplete', recoveryCodes: null })
    match(incomplete, /Save your recovery codes/)
    match(incomplete, /<a class="button primary" href="\/id\/account\/codes">Make recovery codes/)
  })

  it('calls a method without a name by its kind', () => {
    const body = home({ methods: [{ ...method, label: '' }] })
    match(body, /<h3>Passkey or key, bound to one device<\/h3>/)
    match(body, /aria-label="Remove “Passkey or security key”"/)
  })

  it('tells the browser of passkeys only where it is told to', () => {
    doesNotMatch(home({}), /data-webauthn-signal=|navigator\.credentials/)
    const body = home({ signal: { rpId: 'id.example', userId: 'bWFyaWE', credentialIds: ['AQ'] } })
    match(body, /data-webauthn-signal="signalAllAcceptedCredentials"/)
    ok(body.includes('{&#34;rpId&#34;:&#34;id.example&#34;,&#34;userId&#34;:&#34;bWFyaWE&#34;'))
    ok(body.includes('&#34;allAcceptedCredentialIds&#34;:[&#34;AQ&#34;]}'))
  })

  it('asks to be sure before it removes, and does not remove what is demanded', () => {
    match(bodyOf('account-remove'), /value="remove"/)
    const body = pages.render({
      view: 'account/remove',
      language: 'en',
      locals: { base: '/account', method: { ...method, removable: false } },
    }).body
    doesNotMatch(body, /value="remove"/)
  })
})

describe('the script for passkeys', () => {
  it('stands only in pages that need it', () => {
    const withScript = samples
      .filter(({ page }) => pages.render(page).body.includes('parseCreationOptionsFromJSON'))
      .map(({ name }) => name)
    equal(
      withScript.join(' '),
      'login-passkey login-passkey-unknown webauthn-trust webauthn-trust-key webauthn webauthn-alone webauthn-unverified webauthn-wait ' +
        'webauthn-enrol webauthn-enrol-only account-done account-enrol',
    )
  })

  it('reads its options from an attribute that cannot end early', () => {
    const { body } = pages.render({
      view: 'interaction/second-factor',
      language: 'en',
      locals: {
        factor: { name: 'webauthn', options: { challenge: '"><script>alert(1)</script>' } },
        others: [],
      },
    })
    doesNotMatch(body, /<script>alert/)
  })
})

describe('the way out', () => {
  it('always stands on the page that asks', () => {
    match(bodyOf('webauthn'), /<h2 id="others">Another way<\/h2>/)
    match(bodyOf('webauthn-alone'), /<summary>Another way<\/summary>\s*<p class="small">[^<]+Duepassi/)
  })

  it('leads back to the security page and not out of a sign-in there', () => {
    match(bodyOf('account-enrol'), />Cancel</)
    match(bodyOf('webauthn-enrol'), />Cancel sign-in</)
    doesNotMatch(bodyOf('account-enrol'), /You are signing in to/)
  })

  it('marks the best of what can be chosen, in words, where there is a choice', () => {
    equal(bodyOf('choose').match(/Recommended/g)?.length, 1)
    ok(bodyOf('choose').indexOf('Recommended') < bodyOf('choose').indexOf('Authenticator app'))
    doesNotMatch(bodyOf('choose-demanded'), /Recommended/)
  })
})
