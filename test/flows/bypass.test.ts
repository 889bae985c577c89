import assert from 'node:assert/strict'
import type { Answer } from '../support/browser.ts'
import { type Enrolled, sfa, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, redirectUri, testClient } from '../support/relying-party.ts'
import { allLostOn, codeNow, recoveryCodesOn, secretOn } from '../support/steps.ts'

/** Anything that would be worth something: a code in an address, a token in a body, a JWT anywhere. */
const givesNothing = ({ url, body, headers }: Answer, where: string) => {
  const seen = `${url.href} ${headers.get('location') ?? ''} ${body}`
  assert.doesNotMatch(seen, /[?&#](code|access_token|id_token|response)=/, where)
  assert.doesNotMatch(seen, /"(access_token|id_token|refresh_token)"\s*:/, where)
  assert.doesNotMatch(seen, /eyJ[\w-]{10,}\./, where)
}

describe('with the password alone', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
  })
  after(() => op.close())

  it('no address of the provider gives a code or a token', async () => {
    const at = await op.atSecondStep()
    const { browser, request, page } = at
    const uid = /interaction\/([\w-]+)/.exec(page.url.pathname)?.[1] as string
    const metadata = op.rp.config.serverMetadata()
    const endpoints = Object.entries(metadata).flatMap(([name, value]) =>
      name.endsWith('_endpoint') && typeof value === 'string' ? [value] : [],
    )
    assert.ok(endpoints.length >= 6, endpoints.join())
    const paths = [
      `/auth/${uid}`,
      `/interaction/${uid}`,
      `/interaction/${uid}/`,
      `/interaction/${uid}/login`,
      `/interaction/${uid}/confirm`,
      `/interaction/${uid}/abort`,
      `/interaction/${uid}/second-factor`,
      `/interaction/${uid}/second-factor/`,
      `/interaction/${uid}/second-factor/second-factor`,
      `/interaction/${uid}/consent`,
      `/INTERACTION/${uid}`,
      `//interaction/${uid}/second-factor`,
      '/device',
      '/device/auth',
      '/backchannel',
      '/reg',
      '/reg/rp',
      '/api/token',
      '/account',
      '/admin',
      '/session/end',
      '/me',
      '/userinfo',
      '/challenge',
      ...endpoints,
    ]
    const bodies = [
      '',
      new URLSearchParams({
        ...Object.fromEntries(request.url.searchParams),
        intent: 'saved',
        login: 'maria',
        submitted: 'true',
      }).toString(),
    ]
    for (const path of paths) {
      const address = new URL(path.startsWith('http') ? path : `${op.issuer}${path}`)
      if (address.pathname === '/auth') address.search = request.url.search
      givesNothing(await browser.get(address), `GET ${path}`)
      for (const body of bodies) {
        const answer = await browser.once(address, {
          method: 'POST',
          headers: { 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
          body,
        })
        givesNothing(answer, `POST ${path}`)
        if (
          answer.headers.get('location')?.startsWith(op.issuer) ||
          answer.headers.get('location')?.startsWith('/')
        )
          givesNothing(
            await browser.get(new URL(answer.headers.get('location') ?? '', address)),
            `POST ${path}, followed`,
          )
      }
    }
  })
  it('neither another tab nor any parameter gets past it', async () => {
    const { browser } = await op.atSecondStep()
    const given: Array<Record<string, string>> = [
      {},
      { prompt: 'none' },
      { prompt: 'consent' },
      { prompt: 'login' },
      { prompt: 'second_factor' },
      { prompt: 'none', acr_values: sfa },
      { acr_values: sfa },
      { acr_values: '' },
      { max_age: '0' },
      { max_age: '99999999' },
      { claims: JSON.stringify({ id_token: { acr: { essential: true, values: [sfa] } } }) },
      { claims: JSON.stringify({ id_token: { acr: null, sub: { value: op.maria.id } } }) },
      { response_mode: 'form_post' },
      { response_mode: 'fragment' },
      { response_type: 'id_token' },
      { response_type: 'code id_token token' },
      { login_hint: 'maria' },
      { id_token_hint: maria.tokens.id_token as string },
      { prompt: 'none', id_token_hint: maria.tokens.id_token as string },
      { request: 'eyJhbGciOiJub25lIn0.e30.' },
      { registration: '{}' },
    ]
    for (const parameters of given) {
      const { page } = await op.begin(parameters, browser.copy())
      assert.equal(codeOf(page), null, JSON.stringify(parameters))
      assert.doesNotMatch(
        `${page.url.hash}${page.body}`,
        /(access|id)_token=|name="code" value/,
        JSON.stringify(parameters),
      )
    }
  })
  it('no grant at the token endpoint takes what such a browser knows', async () => {
    const { page, browser } = await op.atSecondStep()
    const uid = /interaction\/([\w-]+)/.exec(page.url.pathname)?.[1] as string
    const cookies = browser.cookies().map(({ value }) => value)
    const basic = `Basic ${Buffer.from(`${testClient.client_id}:${new URLSearchParams({ s: testClient.client_secret }).toString().slice(2)}`).toString('base64')}`
    const ask = async (fields: Record<string, string>) => {
      const response = await fetch(`${op.issuer}/token`, {
        method: 'POST',
        headers: { authorization: basic },
        body: new URLSearchParams(fields),
      })
      return { status: response.status, text: await response.text() }
    }
    for (const fields of [
      ...[uid, ...cookies].flatMap((value) => [
        {
          grant_type: 'authorization_code',
          code: value,
          redirect_uri: redirectUri,
          code_verifier: 'x'.repeat(43),
        },
        { grant_type: 'refresh_token', refresh_token: value },
        { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: value },
        {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: value,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        },
      ]),
      { grant_type: 'password', username: 'maria', password: 'due passi avanti', scope: 'openid' },
      { grant_type: 'client_credentials', scope: 'openid' },
      { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: uid },
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: maria.tokens.id_token as string,
      },
    ] as Array<Record<string, string>>) {
      const { status, text } = await ask(fields)
      assert.ok(status >= 400 && status < 500, `${fields['grant_type']}: ${status} ${text}`)
      assert.doesNotMatch(text, /_token"/)
    }
    for (const token of [uid, ...cookies]) {
      const response = await fetch(`${op.issuer}/me`, { headers: { authorization: `Bearer ${token}` } })
      assert.equal(response.status, 401)
    }
  })
  it('no session is left behind that counts as one', async () => {
    const { browser } = await op.atSecondStep()
    assert.equal(codeOf((await op.begin({ prompt: 'none' }, browser)).page), null)
    const forged = browser.copy()
    const answer = await forged.get((await op.rp.begin()).url)
    assert.match(answer.body, /current-password/)
    await op.submit(await op.typePassword({ browser, page: answer, request: await op.rp.begin() }), {
      intent: 'give-up',
    })
    assert.equal(codeOf((await op.begin({ prompt: 'none' }, browser)).page), null)
  })
  it('the pages of the second step do not say who is behind the password to come', async () => {
    const login = await op.begin()
    const early = await login.browser.get(`${login.page.url.href}/second-factor`)
    assert.doesNotMatch(early.body, /maria|otpauth/)
    givesNothing(early, 'the second step without a password')
    for (const intent of ['answer', 'confirm', 'saved', 'enrol', 'continue', 'switch', 'leave']) {
      const { page } = await op.submit(
        { ...login, page: { ...login.page, url: new URL(`${login.page.url.href}/second-factor`) } },
        { intent, code: codeNow(maria.secret, op.clock) },
      )
      assert.equal(codeOf(page), null)
      assert.doesNotMatch(page.body, /otpauth/)
    }
  })
})

/** While the second factor of an account is asked for, nothing can be added, changed or removed (Keycloak CVE-2023-3597). */
describe('while the second factor is asked for', () => {
  let op: TestProvider
  let maria: Enrolled
  before(async () => {
    op = await startProvider()
    maria = await op.enrol()
  })
  after(() => op.close())
  const snapshot = async () => {
    const credentials = await op.duepassi.directory.credentials(op.maria.id)
    return { credentials, standing: await op.duepassi.directory.standing(op.maria.id) }
  }

  it('confirm, enrol, saved and continue do nothing', async () => {
    const before = await snapshot()
    // Somebody who holds a seed of their own, from an enrolment page of another account.
    const { username } = await op.addPerson('mallory')
    const other = await op.choose(await op.typePassword(await op.begin(), { username }))
    const own = secretOn(other.page)
    for (const fields of [
      { intent: 'confirm', code: codeNow(own, op.clock), label: 'mine', secret: own },
      { intent: 'confirm', code: codeNow(maria.secret, op.clock), label: 'mine' },
      { intent: 'enrol', 'lost-x': 'on' },
      { intent: 'enrol' },
      { intent: 'choose', factor: 'totp' },
      { intent: 'choose', factor: 'webauthn' },
      { intent: 'choose-again' },
      { intent: 'saved' },
      { intent: 'continue' },
      { intent: 'leave' },
      { intent: 'switch', factor: '' },
      { intent: 'switch', factor: 'webauthn' },
      { intent: 'switch', factor: '__proto__' },
    ] as Array<Record<string, string>>) {
      const at = await op.atSecondStep()
      const { page } = await op.submit(at, fields)
      const what = JSON.stringify(fields)
      assert.equal(codeOf(page), null, what)
      assert.doesNotMatch(page.body, /otpauth:|secret=|[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{4}/, what)
      assert.deepEqual(await snapshot(), before, what)
      // And what is asked is still what was asked.
      const again = await at.browser.get(at.page.url)
      assert.match(again.body, /one-time-code/, what)
    }
  })
  it('an enrolment page from before adds nothing either once the first factor was replaced', async () => {
    const { id } = await op.addPerson('replaced')
    const asAsked = async () => op.typePassword(await op.begin(), { username: 'replaced' })
    const stale = await op.choose(await asAsked())
    const own = await op.choose(await asAsked())
    const issuing = await op.submit(own, {
      intent: 'confirm',
      code: codeNow(secretOn(own.page), op.clock),
      label: '',
    })
    const [code = ''] = recoveryCodesOn(issuing.page)
    await op.submit(issuing, { intent: 'saved' })
    const recovering = await op.submit(await asAsked(), { intent: 'switch', factor: 'recovery-code' })
    const recovered = await op.submit(recovering, { intent: 'answer', code })
    const again = await op.choose(
      await op.submit(recovered, { intent: 'enrol', ...allLostOn(recovered.page) }),
    )
    const last = await op.submit(again, {
      intent: 'confirm',
      code: codeNow(secretOn(again.page), op.clock),
      label: '',
    })
    assert.ok(codeOf((await op.submit(last, { intent: 'saved' })).page))
    const before = await op.duepassi.directory.credentials(id)
    const { page } = await op.submit(stale, {
      intent: 'confirm',
      code: codeNow(secretOn(stale.page), op.clock),
      label: 'stranger',
    })
    assert.equal(codeOf(page), null)
    assert.deepEqual(await op.duepassi.directory.credentials(id), before)
  })
  it('an enrolment page that was opened before the account had a factor adds nothing', async () => {
    const { id } = await op.addPerson('early')
    const stale = await op.choose(await op.typePassword(await op.begin(), { username: 'early' }))
    const own = await op.choose(await op.typePassword(await op.begin(), { username: 'early' }))
    const issuing = await op.submit(own, {
      intent: 'confirm',
      code: codeNow(secretOn(own.page), op.clock),
      label: 'own',
    })
    const codes = recoveryCodesOn(issuing.page)
    await op.submit(issuing, { intent: 'saved' })
    const before = await op.duepassi.directory.credentials(id)
    const { page } = await op.submit(stale, {
      intent: 'confirm',
      code: codeNow(secretOn(stale.page), op.clock),
      label: 'stranger',
    })
    assert.equal(codeOf(page), null)
    for (const code of codes) assert.equal(page.body.includes(code), false)
    assert.deepEqual(await op.duepassi.directory.credentials(id), before)
    const { page: after } = await op.submit(stale, { intent: 'saved' })
    assert.equal(codeOf(after), null)
    assert.deepEqual(await op.duepassi.directory.credentials(id), before)
  })
})
