import assert from 'node:assert/strict'
import { codeOf } from '../support/relying-party.ts'
import { callback, type Registered, type Registering, startRegistering } from './registering.ts'

const text = (answer: Registered, name: string) => String(answer.body[name])

describe('what was registered', () => {
  let at: Registering
  before(async () => {
    at = await startRegistering({ initialAccessToken: false })
  })
  after(() => at.op.close())

  const registered = async (metadata: object = {}) => {
    const answer = await at.register({ client_name: 'Shop', ...metadata })
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    return {
      answer,
      id: text(answer, 'client_id'),
      uri: text(answer, 'registration_client_uri'),
      token: text(answer, 'registration_access_token'),
    }
  }
  const kept = (id: string) => at.op.duepassi.directory.clientById(id)

  it('is read with its token', async () => {
    const { answer, id, uri, token } = await registered({ tos_uri: 'https://shop.example/terms' })
    const { status, body } = await at.manage('GET', uri, token)
    assert.equal(status, 200)
    assert.equal(body['client_id'], id)
    assert.equal(body['client_secret'], answer.body['client_secret'])
    assert.equal(body['tos_uri'], 'https://shop.example/terms')
    assert.equal(body['registration_access_token'], token)
  })

  it('is changed with its token, which is another from then on', async () => {
    const { id, uri, token, answer } = await registered()
    const next = { client_id: id, client_name: 'Other shop', redirect_uris: [callback, `${callback}/2`] }
    const changed = await at.manage('PUT', uri, token, next)
    assert.equal(changed.status, 200, JSON.stringify(changed.body))
    const rotated = text(changed, 'registration_access_token')
    assert.notEqual(rotated, token)
    assert.equal(changed.body['client_secret'], answer.body['client_secret'])
    assert.deepEqual((await kept(id))?.['redirect_uris'], next.redirect_uris)
    assert.ok(at.audited.includes(`client.changed ${id} registration`))
    // At once, though the node had it in mind a moment ago.
    const { url } = await at.op.rp.begin({ client_id: id, redirect_uri: `${callback}/2` })
    const { browser } = await at.op.begin()
    assert.match((await browser.get(url)).body, /Other shop/)
    assert.equal((await at.manage('GET', uri, token)).status, 401)
    assert.equal((await at.manage('PUT', uri, token, next)).status, 401)
    assert.equal((await at.manage('GET', uri, rotated)).status, 200)
  })

  it('is not changed to what could not be registered, and the token stays', async () => {
    const { id, uri, token } = await registered()
    const before = await kept(id)
    for (const metadata of [
      { redirect_uris: ['http://shop.example/cb'] },
      { redirect_uris: [callback], logo_uri: 'http://shop.example/logo.png' },
      { redirect_uris: [callback], grant_types: ['client_credentials', 'authorization_code'] },
      { redirect_uris: [callback], require_pkce: false },
      { redirect_uris: [callback], client_id: 'another' },
      { redirect_uris: [callback], client_secret: 'guessed' },
      { redirect_uris: [callback], client_secret_expires_at: 0 },
      { redirect_uris: [callback], client_id_issued_at: 1 },
      { redirect_uris: [callback], registration_access_token: token },
      { redirect_uris: [callback], registration_client_uri: uri },
    ])
      assert.equal((await at.manage('PUT', uri, token, { client_id: id, ...metadata })).status, 400)
    assert.deepEqual(await kept(id), before)
    assert.equal((await at.manage('GET', uri, token)).status, 200)
  })

  it('stays in need of consent, and marked', async () => {
    const { id, uri, token } = await registered()
    const next = { client_id: id, redirect_uris: [callback], require_consent: false, self_registered: false }
    assert.equal((await at.manage('PUT', uri, token, next)).status, 200)
    assert.deepEqual(
      [(await kept(id))?.['require_consent'], (await kept(id))?.['self_registered']],
      [true, true],
    )
  })

  it('asks for no less than before, whoever asked for it', async () => {
    const { id, uri, token } = await registered({ minimum_acr: 'https://refeds.org/profile/mfa' })
    const before = await kept(id)
    // As an administrator wrote it.
    await at.op.duepassi.directory.changeClient({
      ...(before as { client_id: string }),
      minimum_acr: 'phr',
      require_second_factor: true,
      second_factor_max_age: 600,
      second_factors: { totp: 'forbid', webauthn: 'require' },
    })
    at.op.clock.advance(5)
    const lower = await at.manage('PUT', uri, token, {
      client_id: id,
      redirect_uris: [callback],
      minimum_acr: 'https://refeds.org/profile/mfa',
      second_factor_max_age: 86_400,
      second_factors: { totp: 'allow', 'recovery-code': 'allow' },
    })
    assert.equal(lower.status, 200, JSON.stringify(lower.body))
    const after = await kept(id)
    assert.equal(after?.['minimum_acr'], 'phr')
    assert.equal(after?.['require_second_factor'], true)
    assert.equal(after?.['second_factor_max_age'], 600)
    assert.deepEqual(after?.['second_factors'], {
      totp: 'forbid',
      'recovery-code': 'allow',
      webauthn: 'require',
    })
    const higher = await at.manage('PUT', uri, text(lower, 'registration_access_token'), {
      client_id: id,
      redirect_uris: [callback],
      minimum_acr: 'phrh',
      second_factor_max_age: 60,
      second_factors: { totp: 'forbid' },
    })
    assert.equal(higher.status, 200, JSON.stringify(higher.body))
    assert.equal((await kept(id))?.['minimum_acr'], 'phrh')
    assert.equal((await kept(id))?.['second_factor_max_age'], 60)
  })

  it('is nothing for the token of another, nor for a guessed one', async () => {
    const [one, other] = [await registered(), await registered()]
    for (const method of ['GET', 'PUT', 'DELETE'] as const)
      for (const token of [undefined, '', 'guessed', one.answer.body['client_secret'] as string]) {
        const metadata = { client_id: one.id, redirect_uris: ['https://evil.example/'] }
        const { status } = await at.manage(method, one.uri, token, method === 'PUT' ? metadata : undefined)
        assert.ok(status === 400 || status === 401, `${method} ${status}`)
      }
    assert.equal((await at.manage('GET', one.uri, one.token)).status, 200)
    // A token that is tried on others is lost.
    assert.equal((await at.manage('DELETE', one.uri, other.token)).status, 401)
    assert.equal((await at.manage('GET', other.uri, other.token)).status, 401)
    assert.ok(await kept(one.id))
  })

  it('is gone when it is removed, with all that it was given', async () => {
    const { op } = at
    const { id, uri, token, answer } = await registered({
      grant_types: ['authorization_code', 'refresh_token'],
    })
    const { browser } = await op.enrolOther(`anna-${id}`)
    const request = await op.rp.begin({
      client_id: id,
      redirect_uri: callback,
      scope: 'openid offline_access',
    })
    let page = await browser.get(request.url)
    page = await browser.post(page.url, { intent: 'allow' })
    const code = codeOf(page)
    assert.ok(code)
    assert.equal((await at.manage('DELETE', uri, token)).status, 204)
    assert.equal(await kept(id), undefined)
    assert.ok(at.audited.includes(`client.removed ${id} registration`))
    const redeemed = await fetch(`${op.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${id}:${answer.body['client_secret']}`)}` },
      body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback }),
    })
    assert.equal(redeemed.status, 401)
    assert.equal((await browser.get(request.url)).status, 400)
    for (const method of ['GET', 'DELETE'] as const)
      assert.equal((await at.manage(method, uri, token)).status, 401)
  })

  it('does not come back by a change that was under way', async () => {
    const { id, uri, token } = await registered()
    await at.manage('GET', uri, token)
    // As another node removes it, which this one does not know yet.
    await at.op.duepassi.directory.removeClient(id)
    const { status } = await at.manage('PUT', uri, token, { client_id: id, redirect_uris: [callback] })
    assert.equal(status, 401)
    assert.equal(await kept(id), undefined)
  })

  it('is not what an administrator put in its place, under the same name', async () => {
    const { id, uri, token } = await registered()
    const { directory } = at.op.duepassi
    await directory.removeClient(id)
    const theirs = { client_id: id, client_secret: 'of the administrator', redirect_uris: [callback] }
    await directory.addClient(theirs)
    at.op.clock.advance(3)
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      const metadata = { client_id: id, redirect_uris: ['https://evil.example/'] }
      const { status, body } = await at.manage(method, uri, token, method === 'PUT' ? metadata : undefined)
      assert.equal(status, 403, method)
      assert.doesNotMatch(JSON.stringify(body), /of the administrator/)
    }
    assert.deepEqual(await kept(id), theirs)
  })

  it('has one token, however many change it at once', async () => {
    const { id, uri, token } = await registered()
    const next = { client_id: id, redirect_uris: [callback] }
    const answers = await Promise.all(Array.from({ length: 10 }, () => at.manage('PUT', uri, token, next)))
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [
      200,
      ...Array.from({ length: 9 }, () => 401),
    ])
  })

  it('leaves alone whom an administrator added', async () => {
    const { token, id } = await registered()
    for (const other of ['rp', 'duepassi-account'])
      assert.equal((await at.manage('DELETE', `${at.op.issuer}/reg/${other}`, token)).status, 401)
    assert.ok(await kept('rp'))
    assert.ok(await kept(id))
  })
})
