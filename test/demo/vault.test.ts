import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startRelyingParty } from '../../demo/relying-party/relying-party.ts'
import { startVault, vaultScope } from '../../demo/vault.ts'
import { createBrowser, locationOf, plainText } from './browser.ts'
import { foreignProvider, mfa, type Person, sfa } from './foreign-provider.ts'

describe('the vault of the demo', () => {
  let providerServer: Server
  let handle: RequestListener
  let person: Person
  let vault: Awaited<ReturnType<typeof startVault>>
  let party: Awaited<ReturnType<typeof startRelyingParty>>
  let issuer: string
  const logged: string[] = []
  const client = { clientId: 'demo', clientSecret: 'demo-secret', host: 'localhost', port: 0, consent: true }

  before(async () => {
    providerServer = createServer((request, response) => handle(request, response))
    await new Promise<void>((resolve) => providerServer.listen(0, 'localhost', resolve))
    issuer = `http://localhost:${(providerServer.address() as AddressInfo).port}`
    vault = await startVault({ issuer, port: 0 })
    const resource = { url: vault.url, scope: vaultScope }
    const log = (message: string) => void logged.push(message)
    party = await startRelyingParty({ ...client, issuer, vault: resource, log })
    handle = foreignProvider({ issuer, partyUrl: party.url, person: () => person, resource, log })
  })
  after(async () => {
    await Promise.all([party.close(), vault.close()])
    await new Promise((resolve) => providerServer.close(resolve).closeAllConnections())
  })
  beforeEach(() => {
    person = { acr: sfa, amr: ['pwd'], name: 'Maria' }
  })

  const signIn = async (language = 'en') => {
    const browser = createBrowser(language)
    const claims = await browser.go(`${party.url}/sign-in`)
    assert.equal(claims.url.pathname, '/claims', plainText(claims.text))
    return { browser, claims }
  }
  const atVault = (browser: ReturnType<typeof createBrowser>) => browser.go(`${party.url}/vault`)
  const useKey = () => Object.assign(person, { acr: 'phr', amr: ['pop', 'user', 'mfa'], age: 0 })

  it('has a button on the page of the claims, and nothing for whoever is not signed in', async () => {
    const { claims } = await signIn()
    assert.match(claims.text, /<a class="button" href="\/vault">Open the vault</)
    assert.equal((await atVault(createBrowser())).url.pathname, '/')
  })

  it('asks the provider for what the challenge demands, and for a token of the vault', async () => {
    const { browser } = await signIn()
    const sent = locationOf(await browser.visit(`${party.url}/vault`))
    assert.equal(sent.origin, issuer)
    const { searchParams } = sent
    assert.equal(searchParams.get('acr_values'), 'phr phrh')
    assert.equal(searchParams.get('max_age'), '3600')
    assert.equal(searchParams.get('resource'), vault.url)
    assert.ok(searchParams.get('scope')?.split(' ').includes(vaultScope))
  })

  it('opens after the step up, and says what happened', async () => {
    Object.assign(person, { acr: mfa, amr: ['pwd', 'otp', 'mfa'] })
    const { browser } = await signIn()
    useKey()
    const opened = await atVault(browser)
    assert.equal(opened.url.pathname, '/vault')
    assert.equal(opened.status, 200)
    const text = plainText(opened.text)
    assert.match(text, /The vault is open .*tiramisù.*mascarpone/)
    assert.match(text, /sign-in was worth https:\/\/refeds\.org\/profile\/mfa \(two factors/)
    assert.match(text, /It answered 401 with the error insufficient_user_authentication/)
    assert.match(text, /acr_values=phr phrh/)
    assert.match(text, /not older than 60 minutes: max_age=3600/)
    assert.match(text, /the token says phr \(phishing-resistant/)
    // Told once: from now on it opens at once.
    const again = plainText((await atVault(browser)).text)
    assert.match(again, /The vault opened at once: the access token says phr/)
    assert.doesNotMatch(again, /401/)
    assert.match(plainText((await browser.go(`${party.url}/claims`)).text), /acr phr How strong/)
  })

  it('speaks Italian, in the vault too', async () => {
    const { browser } = await signIn('it')
    useKey()
    const text = plainText((await atVault(browser)).text)
    assert.match(text, /Il caveau è aperto .*nonna Ada.*Mai la panna/)
    assert.match(text, /valeva .*un fattore solo.*Ha risposto 401.*ha chiesto quello che mancava/)
  })

  it('opens at once to a sign-in that is worth it', async () => {
    useKey()
    const { browser } = await signIn()
    const answer = await browser.visit(`${party.url}/vault`)
    assert.equal(answer.status, 200)
    assert.match(plainText(answer.text), /opened at once/)
  })

  it('asks once: a provider that does not step up leads to no loop', async () => {
    const { browser } = await signIn()
    const closed = await atVault(browser)
    assert.equal(closed.status, 403)
    assert.match(closed.text, /The vault stays closed/)
    assert.match(closed.text, /href="\/claims"/)
    assert.equal((await browser.visit(`${party.url}/vault`)).status, 303, 'a new click asks anew')
    useKey()
    assert.equal((await atVault(browser)).status, 200)
  })

  it('wants a sign-in of the last hour', async () => {
    Object.assign(useKey(), { age: 4000 })
    const { browser } = await signIn()
    const stale = await atVault(browser)
    assert.equal(stale.status, 400, 'the provider answers with an old sign-in again')
    assert.match(stale.text, /could not be verified/)
    person.age = 0
    assert.match(plainText((await atVault(browser)).text), /acr_values=phr phrh.*max_age=3600/)
  })

  it('says in words when the person gives up, and keeps the session', async () => {
    const { browser } = await signIn()
    person.error = 'unmet_authentication_requirements'
    const answer = await atVault(browser)
    assert.match(answer.text, /A stronger sign-in was not possible/)
    assert.equal((await browser.go(party.url)).url.pathname, '/claims')
  })

  it('gets a new access token where the old one has expired', async () => {
    Object.assign(useKey(), { tokenLife: 1 })
    const { browser } = await signIn()
    person.tokenLife = 300
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const answer = await browser.visit(`${party.url}/vault`)
    assert.equal(answer.status, 200, plainText(answer.text))
  })

  it('is closed to everybody who comes without a token', async () => {
    const bare = await fetch(vault.url)
    assert.equal(bare.status, 401)
    assert.match(bare.headers.get('www-authenticate') ?? '', /^Bearer realm=/)
    assert.equal((await fetch(new URL('/', vault.url))).status, 404)
    assert.equal((await fetch(vault.url, { method: 'POST' })).status, 404)
  })

  it('that does not answer is told from one that is closed', async () => {
    const { browser } = await signIn()
    await vault.close()
    try {
      const answer = await browser.visit(`${party.url}/vault`)
      assert.equal(answer.status, 502)
      assert.match(answer.text, /The vault does not answer/)
    } finally {
      vault = await startVault({ issuer, port: Number(new URL(vault.url).port) })
    }
    // Its keys are gone with it, and the provider answers nothing that would do instead.
    const ready = handle
    handle = (_request, response) => response.writeHead(500).end()
    const silent = await browser.visit(`${party.url}/vault`)
    handle = ready
    assert.equal(silent.status, 502)
    assert.match(silent.text, /cannot reach the provider/)
  })

  it('is not there where none is configured', async () => {
    await party.close()
    const port = Number(new URL(party.url).port)
    const plain = await startRelyingParty({ ...client, issuer, port })
    try {
      const { browser, claims } = await signIn()
      assert.doesNotMatch(claims.text, /vault/)
      const sent = locationOf(await browser.visit(`${party.url}/sign-in`))
      assert.equal(sent.searchParams.get('resource'), null)
      assert.equal((await atVault(browser)).status, 404)
    } finally {
      await plain.close()
      party = await startRelyingParty({
        ...client,
        issuer,
        port,
        vault: { url: vault.url, scope: vaultScope },
      })
    }
  })
})
