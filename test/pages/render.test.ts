import { deepEqual, doesNotMatch, equal, match, notEqual, ok, throws } from 'node:assert/strict'
import { createServer } from 'node:http'
import { createPages } from '../../src/pages/render.ts'
import { securityHeaders } from '../../src/pages/security-headers.ts'
import type { PageClient } from '../../src/pages/views.ts'
import { pageSamples } from '../../tools/page-samples.ts'

const pages = createPages({ brand: { name: 'Duepassi' }, secure: true })
const login = (client?: PageClient, given = pages) =>
  given.render({ view: 'interaction/login', language: 'en', locals: {}, ...(client ? { client } : {}) })
const policyOf = (headers: Record<string, string>) =>
  Object.fromEntries(
    (headers['content-security-policy'] ?? '').split('; ').map((directive) => {
      const [name = '', ...sources] = directive.split(' ')
      return [name, sources]
    }),
  )

describe('headers of a page', () => {
  it('allow nothing but what stands in the page', () => {
    const { headers, body } = login()
    const policy = policyOf(headers)
    deepEqual(Object.keys(policy), [
      'default-src',
      'style-src',
      'script-src',
      'img-src',
      'connect-src',
      'base-uri',
      'frame-ancestors',
    ])
    deepEqual(policy['default-src'], ["'none'"])
    deepEqual(policy['frame-ancestors'], ["'none'"])
    const nonce = policy['script-src']?.[0]?.slice("'nonce-".length, -1) ?? ''
    match(nonce, /^[\w-]{22}$/)
    ok(body.includes(`<script nonce="${nonce}">`) && body.includes(`<style nonce="${nonce}">`))
    doesNotMatch(body, / style="| on[a-z]+="|javascript:/)
  })

  it('carry a new nonce each time', () => {
    notEqual(login().headers['content-security-policy'], login().headers['content-security-policy'])
  })

  it('have no form-action: Chrome would block the way back to the relying party', () => {
    doesNotMatch(login().headers['content-security-policy'] ?? '', /form-action/)
  })

  it('keep the page out of caches, frames, other windows and referrers', () => {
    const { headers } = login()
    equal(headers['cache-control'], 'no-store')
    equal(headers['x-content-type-options'], 'nosniff')
    equal(headers['referrer-policy'], 'same-origin')
    ok(headers['permissions-policy'])
  })

  it('name the origins of frames; of more than a header holds, their schemes', () => {
    const sources = (frameOrigins: string[]) =>
      policyOf(securityHeaders({ nonce: 'n', logoOrigin: undefined, frameOrigins, secure: true }))[
        'frame-src'
      ]
    deepEqual(sources(['https://a.example', 'https://b.example:8443']), [
      'https://a.example',
      'https://b.example:8443',
    ])
    const many = Array.from({ length: 100 }, (_, at) => `https://application-${at}.example`)
    deepEqual(sources(many), ['https:'])
    deepEqual(sources([...many, 'http://127.0.0.1:9']), ['https:', 'http:'])
  })

  it('demand https only where the issuer has it', () => {
    match(login().headers['strict-transport-security'] ?? '', /^max-age=\d{8}/)
    const plain = createPages({ brand: { name: 'Demo' }, secure: false })
    equal(login(undefined, plain).headers['strict-transport-security'], undefined)
  })

  it('say when to come back', () => {
    const busy = pages.render({
      view: 'interaction/busy',
      language: 'it',
      status: 503,
      locals: { seconds: 4.2 },
    })
    equal(busy.headers['retry-after'], '5')
    const waiting = pages.render({
      view: 'interaction/login',
      language: 'it',
      status: 429,
      locals: {},
      retryAfter: 30,
    })
    equal(waiting.headers['retry-after'], '30')
    equal(login().headers['retry-after'], undefined)
  })
})

describe('the relying party on a page', () => {
  it('is named, with its logo as the only image from elsewhere', () => {
    const { headers, body } = login({ name: 'Shop', logoUri: 'https://cdn.shop.example/logo.png' })
    deepEqual(policyOf(headers)['img-src'], ["'self'", 'data:', 'https://cdn.shop.example'])
    ok(body.includes('src="https://cdn.shop.example/logo.png"') && body.includes('Shop'))
  })

  it('cannot widen the policy by its logo', () => {
    for (const logoUri of [
      'https://a;frame-ancestors/x.png',
      'https://a,b/x.png',
      'javascript:alert(1)',
      'data:image/svg+xml,x',
      'not a url',
      'http://plain.example/x.png',
    ]) {
      const { headers, body } = login({ name: 'Shop', logoUri })
      deepEqual(policyOf(headers)['img-src'], ["'self'", 'data:'], logoUri)
      doesNotMatch(body, /<img/)
    }
  })

  it('cannot put markup or a script into the page', () => {
    const name = '<script>alert(1)</script>"\''
    const { body } = pages.render({
      view: 'interaction/expired',
      language: 'en',
      client: { name, uri: 'javascript:alert(1)' },
      locals: { reason: 'done' },
    })
    doesNotMatch(body, /<script>alert|javascript:/)
    match(body, /Go back to the application/)
  })
})

describe('a page', () => {
  it('escapes what was typed', () => {
    const { body } = pages.render({
      view: 'interaction/login',
      language: 'en',
      locals: { username: '"><img src=x onerror=alert(1)>', action: '/x?a="b"' },
    })
    doesNotMatch(body, /<img/)
    ok(body.includes('action="/x?a=&#34;b&#34;"'))
  })

  it('names its language and says in the title that something is wrong', () => {
    const { body, headers } = pages.render({
      view: 'interaction/login',
      language: 'it',
      locals: { error: { key: 'error.login.wrong' } },
    })
    match(body, /<html lang="it">/)
    match(body, /<title>Errore: Accedi – Duepassi<\/title>/)
    equal(headers['content-language'], 'it')
  })

  it('asks for a code in one field that phones and password managers know', () => {
    const { body } = pages.render({
      view: 'interaction/second-factor',
      language: 'en',
      locals: { factor: { name: 'totp', authenticators: [] }, others: ['recovery-code'] },
    })
    equal(body.match(/<input(?! type="hidden")/g)?.length, 1)
    const field = body.match(/<input id="code"[^>]*>/)?.[0] ?? ''
    for (const attribute of [
      'autocomplete="one-time-code"',
      'inputmode="numeric"',
      'pattern="[0-9 ]*"',
      'autofocus',
    ]) {
      ok(field.includes(attribute), attribute)
    }
  })

  it('shows the secret in groups of four, and the QR code as a link', async () => {
    const samples = await pageSamples('en', { name: 'Shop' })
    const enrol = samples.find(({ name }) => name === 'enrol')
    ok(enrol)
    const { body } = pages.render(enrol.page)
    match(body, /id="secret">(?:[A-Z2-7]{4} )+[A-Z2-7]{1,4}</)
    match(body, /<a class="qr" href="otpauth:\/\/totp\/[^"]+"><span aria-hidden="true"><svg/)
  })

  it('offers the codes as a file without a script', () => {
    const { body } = pages.render({
      view: 'interaction/recovery-codes',
      language: 'en',
      locals: { codes: ['AAAA-BBBBB-CCCC'], accountName: 'maria' },
    })
    const href = body.match(/href="data:text\/plain;charset=utf-8,([^"]+)"/)?.[1] ?? ''
    match(
      decodeURIComponent(href),
      /^Duepassi: recovery codes\r\nAccount: maria\r\n.*\r\nAAAA-BBBBB-CCCC\r\n$/s,
    )
  })

  it('refuses a view that there is not', () => {
    throws(
      () => pages.render({ view: 'interaction/none' as 'interaction/locked', language: 'en', locals: {} }),
      /no view/,
    )
  })

  it('is sent whole, and without a body to HEAD', async () => {
    const server = createServer((req, res) =>
      pages.send(req, res, {
        status: 403,
        view: 'interaction/locked',
        language: 'it',
        locals: {},
        headers: { 'x-request-id': 'abc' },
      }),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`
    try {
      const page = await fetch(url)
      equal(page.status, 403)
      equal(page.headers.get('x-request-id'), 'abc')
      equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
      match(await page.text(), /Il secondo passo è bloccato/)
      const head = await fetch(url, { method: 'HEAD' })
      equal(await head.text(), '')
      ok(Number(head.headers.get('content-length')) > 1000)
    } finally {
      server.close()
    }
  })
})
