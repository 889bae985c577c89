import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts'
import { type Apache, startApache } from '../support/apache.ts'
import { launchChromium } from '../support/demo.ts'
import { mfa, password, startProvider, type TestProvider } from '../support/provider.ts'

/** The configuration that the documentation gives, for the addresses of the test. */
const documented = (): string => {
  const text = readFileSync(new URL('../../docs/relying-parties.md', import.meta.url), 'utf8')
  const block = /```apache\n(.*?)```/s.exec(text)?.[1]
  assert.ok(block, 'no configuration in docs/relying-parties.md')
  return block
}

const clientSecret = 'a secret of the wiki, long enough'.replaceAll(' ', '-')

const shown = (name: string) => `${name}=<!--#echo var="${name}" -->;`
const pages = {
  'index.shtml': '<p>open to all',
  'secure/index.shtml': `<p>${['REMOTE_USER', 'OIDC_CLAIM_acr', 'OIDC_CLAIM_amr', 'OIDC_CLAIM_email'].map(shown)}`,
  'secure/strong/index.shtml': '<p>with a second factor',
  'secure/stronger/index.shtml': '<p>with a phishing-resistant one',
}

/** Debian's Apache and its relying party in C, and people in Chromium: the documented configuration, as it stands. */
describe('mod_auth_openidc', function () {
  this.timeout(120_000)
  let op: TestProvider
  let apache: Apache
  let browser: Browser
  let secret: string
  const outbound = createGuardedFetch({ allowPrivate: (address) => address === '127.0.0.1' })
  /** Behind Apache: answers the headers that it gets. */
  const application = createServer((req, res) => res.end(JSON.stringify(req.headers)))
  const contexts: BrowserContext[] = []
  const servers: Apache[] = []

  /** A relying party of its own by that name, registered as the documentation says, save for `without`. */
  const startWiki = async (
    id: string,
    { without = [], change = (text) => text }: { without?: string[]; change?: (text: string) => string } = {},
    more: Record<string, unknown> = {},
  ): Promise<Apache> => {
    const started = await startApache(
      pages,
      (origin) => `${change(
        documented()
          .replaceAll('https://id.example.org', op.issuer)
          .replaceAll('https://wiki.example.org', origin)
          .replace('OIDCClientID wiki', `OIDCClientID ${id}`)
          .replace('THE_SECRET', clientSecret)
          .replace('A_LONG_RANDOM_TEXT', 'for the tests, forty letters or so in all'.replaceAll(' ', '-')),
      )}
OIDCCookie ${id}
<Location /secure/strong>
  Require claim acr:${mfa}
</Location>
ProxyPass /secure/application/ http://127.0.0.1:${(application.address() as AddressInfo).port}/
<Location /secure/stronger>
  Require claim acr:phr
</Location>`,
    )
    servers.push(started)
    const metadata: Record<string, unknown> = {
      backchannel_logout_uri: `${started.origin}/secure/redirect_uri?logout=backchannel`,
      backchannel_logout_session_required: true,
      frontchannel_logout_uri: `${started.origin}/secure/redirect_uri?logout=get`,
      frontchannel_logout_session_required: true,
    }
    for (const channel of without)
      for (const key of Object.keys(metadata)) if (key.startsWith(channel)) delete metadata[key]
    await op.addClient({
      client_id: id,
      client_secret: clientSecret,
      client_name: 'Wiki',
      redirect_uris: [`${started.origin}/secure/redirect_uri`],
      post_logout_redirect_uris: [`${started.origin}/`],
      ...metadata,
      ...more,
    })
    return started
  }

  before(async function () {
    this.timeout(600_000)
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
    op = await startProvider({ parts: { outbound } })
    ;({ secret } = await op.enrol())
    apache = await startWiki('wiki')
    browser = await launchChromium()
  })
  after(async () => {
    await browser?.close()
    for (const server of servers) await server.close()
    await op?.close()
    application.closeAllConnections()
    application.close()
    await outbound.close()
  })
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') for (const one of servers) console.error(await one.errors())
    for (const context of contexts.splice(0)) await context.close()
  })

  const openPage = async (): Promise<Page> => {
    const context = await browser.newContext({ locale: 'en-GB' })
    contexts.push(context)
    return context.newPage()
  }
  /** Password and code, on the pages that the protected one leads to. */
  const signIn = async (page: Page): Promise<void> => {
    await page.waitForURL(`${op.issuer}/**`)
    await page.fill('[name=username]', 'maria')
    await page.fill('[name=password]', password)
    await page.locator('button[value="sign-in"]').click()
    await page.waitForURL('**/second-factor')
    await page.fill('[name=code]', op.nextCode(secret))
    await page.locator('button[value="answer"]').first().click()
  }
  const enter = async (at: Apache): Promise<Page> => {
    const page = await openPage()
    await page.goto(`${at.origin}/secure/`)
    await signIn(page)
    await page.waitForURL(`${at.origin}/secure/`)
    return page
  }
  /** Whether Apache shows the page by its own session, however the provider's is. */
  const isInside = async (page: Page, at: Apache): Promise<boolean> => {
    const answer = await page.context().request.get(`${at.origin}/secure/`, {
      headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      maxRedirects: 0,
    })
    assert.ok([200, 302].includes(answer.status()), `${answer.status()}`)
    return answer.status() === 200
  }
  /** Signs out at the provider itself, everywhere. */
  const leaveProvider = async (page: Page): Promise<void> => {
    await page.goto(`${op.issuer}/session/end`)
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByText('You can close this page').waitFor()
  }

  it('signs a person in with two factors, and says by what', async () => {
    const page = await openPage()
    await page.goto(`${apache.origin}/`)
    assert.match(await page.innerText('body'), /open to all/)
    await page.goto(`${apache.origin}/secure/`)
    assert.equal(new URL(page.url()).origin, op.issuer)
    await signIn(page)
    await page.waitForURL(`${apache.origin}/secure/`)
    const text = await page.innerText('p')
    for (const line of [
      'REMOTE_USER=maria;',
      `OIDC_CLAIM_acr=${mfa};`,
      'OIDC_CLAIM_amr=pwd,otp,mfa;',
      'OIDC_CLAIM_email=maria@example.org;',
    ])
      assert.ok(text.includes(line), `${line} is not in ${text}`)
    // What an application behind it is given, and what it is not: claims that the browser makes up.
    await page.setExtraHTTPHeaders({ OIDC_CLAIM_amr: 'hwk', OIDC_CLAIM_groups: 'admins' })
    await page.goto(`${apache.origin}/secure/application/`)
    const headers = JSON.parse(await page.innerText('body'))
    assert.equal(headers.oidc_claim_acr, mfa)
    assert.equal(headers.oidc_claim_amr, 'pwd,otp,mfa')
    assert.equal(headers.oidc_claim_preferred_username, 'maria')
    assert.equal(headers.oidc_claim_groups, undefined)
    await page.setExtraHTTPHeaders({})
    await page.goto(`${apache.origin}/secure/strong/`)
    assert.match(await page.innerText('p'), /with a second factor/)
    assert.equal((await page.goto(`${apache.origin}/secure/stronger/`))?.status(), 401)
  })

  it('signs the person out, by way of the provider and back', async () => {
    const page = await enter(apache)
    const home = `${apache.origin}/`
    await page.goto(`${apache.origin}/secure/redirect_uri?logout=${encodeURIComponent(home)}`)
    assert.equal(new URL(page.url()).origin, op.issuer)
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.waitForURL(home)
    assert.match(await page.innerText('body'), /open to all/)
    assert.equal(await isInside(page, apache), false)
    await page.goto(`${apache.origin}/secure/`)
    await page.locator('[name=password]').waitFor()
    assert.equal(new URL(page.url()).origin, op.issuer, 'whose session is over too')
  })

  it('keeps its own session where it has neither channel', async () => {
    const deaf = await startWiki('deaf', { without: ['backchannel', 'frontchannel'] })
    const page = await enter(deaf)
    await leaveProvider(page)
    assert.ok(await isInside(page, deaf))
  })

  it('ends its session by the back channel, and that one alone', async () => {
    const backed = await startWiki('backed', { without: ['frontchannel'] })
    const [page, elsewhere] = [await enter(backed), await enter(backed)]
    assert.ok((await isInside(page, backed)) && (await isInside(elsewhere, backed)))
    await leaveProvider(page)
    assert.equal(await isInside(page, backed), false)
    assert.ok(await isInside(elsewhere, backed))
    await page.goto(`${backed.origin}/secure/`)
    await page.locator('[name=password]').waitFor()
  })

  it('ends its session by the front channel, and that one alone', async () => {
    const fronted = await startWiki('fronted', { without: ['backchannel'] })
    const [page, elsewhere] = [await enter(fronted), await enter(fronted)]
    await leaveProvider(page)
    assert.equal(await isInside(page, fronted), false)
    assert.ok(await isInside(elsewhere, fronted))
  })

  it('ends its session by the front channel where frames get no cookies', async () => {
    const fronted = await startWiki('cookieless', { without: ['backchannel'] })
    const page = await enter(fronted)
    await page.route('**/redirect_uri?logout=get*', async (route) => {
      // Neither sent nor taken.
      const { status } = await fetch(route.request().url())
      await route.fulfill({ status, body: 'signed out' })
    })
    await leaveProvider(page)
    assert.equal(await isInside(page, fronted), false)
  })

  it('gets no code by its own defaults, which have no PKCE, unless the client is excepted', async () => {
    const withoutPkce = { change: (text: string) => text.replace('OIDCPKCEMethod S256\n', '') }
    const plain = await startWiki('plain', withoutPkce)
    const page = await openPage()
    await page.goto(`${plain.origin}/secure/`)
    assert.equal(new URL(page.url()).origin, plain.origin)
    // The page of this version says less, as it takes `iss` in a refusal for a wish to sign in (RFC 9207).
    assert.match(await page.innerText('body'), /Invalid Request/)
    const { searchParams } = new URL(page.url())
    assert.equal(searchParams.get('error'), 'invalid_request')
    assert.match(searchParams.get('error_description') ?? '', /PKCE/)
    assert.equal(await isInside(page, plain), false)
    const excepted = await startWiki('excepted', withoutPkce, { require_pkce: false })
    const inside = await enter(excepted)
    assert.match(await inside.innerText('p'), /REMOTE_USER=maria;/)
  })
})
