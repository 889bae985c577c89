import assert from 'node:assert/strict'
import { type AppServer, serveApp } from './served.ts'

describe('the files of the authenticator app', () => {
  let app: AppServer
  before(async () => {
    app = await serveApp('https://idp.example/op')
  })
  after(() => app.close())

  it('are served beneath the issuer, the page in the language of the browser', async () => {
    const page = await app.get('/op/authenticator/', { 'accept-language': 'it' })
    assert.equal(page.status, 200)
    assert.match(page.body, /<html lang="it"/)
    assert.match((await app.get('/op/authenticator/', { 'accept-language': 'en' })).body, /<html lang="en"/)
    const moved = await app.get('/op/authenticator')
    assert.deepEqual([moved.status, moved.headers.get('location')], [308, '/op/authenticator/'])
    const manifest = await app.get('/op/authenticator/manifest.webmanifest')
    assert.equal(manifest.headers.get('content-type'), 'application/manifest+json')
    assert.ok(JSON.parse(manifest.body).icons.length > 0)
    for (const { src } of JSON.parse(manifest.body).icons)
      assert.equal((await app.get(new URL(src, 'https://x/op/authenticator/').pathname)).status, 200, src)
  })

  it('let nothing in from elsewhere, and nothing inline', async () => {
    const { headers, body } = await app.get('/op/authenticator/')
    const policy = headers.get('content-security-policy') ?? ''
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
    ])
      assert.ok(policy.split('; ').includes(part), part)
    assert.doesNotMatch(policy, /unsafe|\*/)
    assert.doesNotMatch(body, /<script(?![^>]*\bsrc=)(?![^>]*type="application\/json")[^>]*>/)
    assert.doesNotMatch(body, /\son[a-z]+="/)
    assert.match(headers.get('strict-transport-security') ?? '', /max-age=\d{8}/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
  })

  it('are these and no others: no source of the page, no way out of the folder', async () => {
    for (const path of [
      '/op/authenticator/index.ejs',
      '/op/authenticator/../account',
      '/op/authenticator/%2e%2e/page.css',
      '/op/authenticator/../../../package.json',
      '/op/authenticator/en.json/..',
      '/op/authenticator/none.js',
      '/authenticator/',
      '/op/authenticator/toString',
    ])
      assert.equal((await app.get(path)).status, 599, path)
  })

  it('make a new worker when any of them changes, which knows them all', async () => {
    const { body } = await app.get('/op/authenticator/worker.js')
    const shell = JSON.parse(/^self\.shell = (.*)$/m.exec(body)?.[1] ?? '{}')
    assert.match(shell.version, /^[\w-]{16}$/)
    for (const name of shell.files)
      assert.equal((await app.get(`/op/authenticator/${name.replace('./', '')}`)).status, 200, name)
    const other = await serveApp('https://idp.example/op', 'Another name')
    try {
      const renamed = (await other.get('/op/authenticator/worker.js')).body
      assert.notEqual(JSON.parse(/^self\.shell = (.*)$/m.exec(renamed)?.[1] ?? '{}').version, shell.version)
    } finally {
      other.close()
    }
  })

  it('write the name of the provider as text', async () => {
    const other = await serveApp('https://idp.example', '<script>alert(1)</script>"')
    try {
      const { body } = await other.get('/authenticator/')
      assert.ok(!body.includes('<script>alert'))
      const manifest = await other.get('/authenticator/manifest.webmanifest')
      assert.ok(JSON.stringify(JSON.parse(manifest.body)).includes('alert(1)'))
    } finally {
      other.close()
    }
  })
})
