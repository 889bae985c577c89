import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { decodeJwt } from 'jose'
import { type Answer, Browser } from '../support/browser.ts'
import { password, startProvider, type TestProvider } from '../support/provider.ts'
import { addDevice, approve, decide, deviceGrant, enterCode, fieldOf } from './devices-without-keyboard.ts'

const quick = { protocol: { device: { interval: 1 } } } as const
const wrong = ['BBBB-BBBB', 'CCCC-CCCC', 'DDDD-DDDD', 'FFFF-FFFF']

/** Types codes into one form, one after the other. */
const openForm = async (op: TestProvider, browser = new Browser(), headers: Record<string, string> = {}) => {
  let page = await browser.get(`${op.issuer}/device`, headers)
  return async (user_code: string): Promise<Answer> => {
    page = await browser.post(`${op.issuer}/device`, { xsrf: fieldOf(page, 'xsrf'), user_code }, headers)
    return page
  }
}

describe('attacks on devices without a keyboard', function () {
  this.timeout(60_000)

  it('a form of another site, or of another browser, confirms nothing', async () => {
    await using op = await startProvider({ config: quick })
    const { browser } = await op.enrol()
    const device = await addDevice(op)
    const begun = await device.begin()
    const own = await browser.get(`${op.issuer}/device`)
    const stranger = await new Browser().get(`${op.issuer}/device`)
    for (const xsrf of ['', 'x', fieldOf(stranger, 'xsrf')]) {
      const fields = { xsrf, user_code: begun.user_code, confirm: 'yes' }
      const answer = await browser.post(own.url, fields, { 'sec-fetch-site': 'cross-site' })
      assert.equal(answer.status, 400)
      assert.doesNotMatch(answer.body, /is connected/)
    }
    const without = await new Browser().post(own.url, { user_code: begun.user_code, confirm: 'yes' })
    assert.equal(without.status, 400)
    assert.equal((await device.ask(begun.device_code)).body['error'], 'authorization_pending')
  })

  it('a sign-in is finished by the browser that began it, and by no other', async () => {
    await using op = await startProvider({ config: quick })
    const { browser: signedIn } = await op.enrol()
    const device = await addDevice(op)
    const begun = await device.begin()
    const victim = new Browser()
    const login = await decide(op, await enterCode(op, begun.user_code, victim), 'confirm', victim)
    const uid = /interaction\/([\w-]{43})/.exec(login.url.pathname)?.[1]
    assert.ok(uid)
    for (const other of [new Browser(), signedIn]) {
      const answer = await other.get(`${op.issuer}/device/${uid}`)
      assert.equal(answer.status, 400)
      assert.match(answer.body, /no longer valid|Enter the code once more/)
      const page = await other.get(login.url)
      assert.match(page.body, /expired/)
    }
    assert.equal((await device.ask(begun.device_code)).body['error'], 'authorization_pending')
  })

  it('the cookie of one sign-in does not finish another', async () => {
    await using op = await startProvider({ config: quick })
    const { secret } = await op.enrol()
    const device = await addDevice(op)
    const [mine, theirs] = [await device.begin(), await device.begin()]
    const victim = new Browser()
    const login = await decide(op, await enterCode(op, theirs.user_code, victim), 'confirm', victim)
    const uid = /interaction\/([\w-]{43})/.exec(login.url.pathname)?.[1]
    const attacker = new Browser()
    await decide(op, await enterCode(op, mine.user_code, attacker), 'confirm', attacker)
    const answer = await attacker.get(`${op.issuer}/device/${uid}`)
    assert.doesNotMatch(answer.body, /is connected/)
    assert.equal((await device.ask(theirs.device_code)).body['error'], 'authorization_pending')
    assert.match((await approve(op, theirs.user_code, { secret })).body, /is connected/)
  })

  it('of two people who say yes at once, one is signed in on the device', async () => {
    await using op = await startProvider({ config: quick })
    const [one, other] = [await op.enrol(), await op.enrolOther('bruno')]
    const device = await addDevice(op)
    for (let round = 0; round < 5; round++) {
      const begun = await device.begin()
      const pages = [
        await enterCode(op, begun.user_code, one.browser),
        await enterCode(op, begun.user_code, other.browser),
      ] as const
      const answers = await Promise.all([
        decide(op, pages[0], 'confirm', one.browser),
        decide(op, pages[1], 'confirm', other.browser),
      ])
      const done = answers.map(({ body }) => /is connected/.test(body))
      const used = answers.map(({ body }) => /already used/.test(body))
      assert.deepEqual(done.filter(Boolean).length, 1, answers.map(({ body }) => body).join('\n'))
      assert.deepEqual(used.filter(Boolean).length, 1)
      const { body } = await device.ask(begun.device_code)
      const { sub } = decodeJwt(String(body['id_token']))
      assert.equal(sub, done[0] ? op.maria.id : other.account.id)
    }
  })

  it('wrong codes are counted by address, and a right one in between wins no further guesses', async () => {
    const config = { proxy: true, protocol: { device: { interval: 1, wrongCodes: 6 } } }
    await using op = await startProvider({ config })
    const device = await addDevice(op)
    const own = await device.begin()
    const from = (address: string) => ({
      'x-forwarded-for': address,
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(op.issuer).host,
    })
    const type = await openForm(op, new Browser(), from('203.0.113.7'))
    const statuses: number[] = []
    for (const code of [wrong[0], wrong[1], own.user_code, wrong[2], wrong[3], wrong[0], 'nothing-at-all'])
      statuses.push((await type(code as string)).status)
    assert.deepEqual(statuses, [422, 422, 200, 422, 422, 422, 422])
    assert.equal((await type(wrong[1] as string)).status, 422)
    const refused = await type(own.user_code)
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    assert.match(refused.body, /Several wrong codes were entered\. Wait/)
    assert.equal((await (await openForm(op, new Browser(), from('203.0.113.8')))(own.user_code)).status, 200)
    op.clock.advance(600)
    const later = await device.begin()
    assert.equal((await type(later.user_code)).status, 200)
  })

  it('those of an IPv6 network are those of one', async () => {
    const config = { proxy: true, protocol: { device: { wrongCodes: 3 } } }
    await using op = await startProvider({ config })
    const statuses: number[] = []
    for (let host = 1; host <= 5; host++) {
      const headers = {
        'x-forwarded-for': `2001:db8:1:2::${host}`,
        'x-forwarded-proto': 'http',
        'x-forwarded-host': new URL(op.issuer).host,
      }
      statuses.push((await (await openForm(op, new Browser(), headers))('BBBB-BBBB')).status)
    }
    assert.deepEqual(statuses, [422, 422, 422, 429, 429])
  })

  it('guesses of everybody are counted together, and many at once are no more than one after the other', async () => {
    const config = { proxy: true, protocol: { device: { wrongCodes: 5, wrongCodesInTotal: 10 } } }
    await using op = await startProvider({ config })
    const forms = await Promise.all(
      Array.from({ length: 30 }, (_, at) =>
        openForm(op, new Browser(), {
          'x-forwarded-for': `203.0.113.${at}`,
          'x-forwarded-proto': 'http',
          'x-forwarded-host': new URL(op.issuer).host,
        }),
      ),
    )
    const answers = await Promise.all(forms.map((type) => type('BBBB-BBBB')))
    const judged = answers.filter(({ status }) => status === 422).length
    assert.ok(judged > 0 && judged <= 10, `${judged} were looked up`)
    assert.ok(answers.every(({ status }) => status === 422 || status === 429))
  })

  it('guesses of strangers keep nobody from a device who is signed in, and whoever is has few of their own', async () => {
    const config = {
      proxy: true,
      protocol: { device: { interval: 1, wrongCodes: 4, wrongCodesInTotal: 10 } },
    }
    await using op = await startProvider({ config })
    const from = (address: string) => ({
      'x-forwarded-for': address,
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(op.issuer).host,
    })
    const { browser } = await op.enrol()
    const bruno = await op.enrolOther('bruno')
    const device = await addDevice(op)
    const begun = await device.begin()
    for (let at = 0; at < 10; at++)
      await (await openForm(op, new Browser(), from(`203.0.113.${at}`)))(wrong[0] as string)
    assert.equal(
      (await (await openForm(op, new Browser(), from('198.51.100.1')))(begun.user_code)).status,
      429,
    )
    const statuses: number[] = []
    // Another address each time, which helps whoever has no account.
    for (let at = 0; at < 6; at++)
      statuses.push(
        (await (await openForm(op, bruno.browser, from(`192.0.2.${at}`)))(wrong[1] as string)).status,
      )
    assert.deepEqual(statuses, [422, 422, 422, 422, 429, 429])
    assert.match(
      (await (await openForm(op, browser, from('192.0.2.1')))(begun.user_code)).body,
      /Sign in to Living/,
    )
    assert.match((await approve(op, begun.user_code, { browser })).body, /is connected/)
  })

  it('an approved code is redeemed once, however many ask', async () => {
    await using op = await startProvider({ config: quick })
    const { browser } = await op.enrol()
    const device = await addDevice(op)
    const begun = await device.begin()
    await approve(op, begun.user_code, { browser })
    const answers = await Promise.all(Array.from({ length: 50 }, () => device.ask(begun.device_code)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    for (const { body } of answers.filter(({ status }) => status !== 200))
      assert.equal(body['error'], 'invalid_grant')
  })

  it('a code is worth nothing to another client, nor is what the store holds of it', async () => {
    await using op = await startProvider({ config: quick })
    const { browser } = await op.enrol()
    const [device, other] = [await addDevice(op), await addDevice(op)]
    const begun = await device.begin()
    await approve(op, begun.user_code, { browser })
    assert.equal((await other.ask(begun.device_code)).body['error'], 'invalid_grant')
    const alias = `~${hash('sha256', begun.device_code, 'buffer').toString('base64url', 0, 16)}`
    assert.equal((await device.ask(alias)).body['error'], 'invalid_grant')
    assert.equal((await device.ask(begun.user_code)).body['error'], 'invalid_grant')
    assert.equal((await device.ask(begun.device_code)).status, 200)
  })

  it('nothing is given out for an account that is locked or disabled before the device asks', async () => {
    await using op = await startProvider({ config: quick })
    const { browser } = await op.enrol()
    const device = await addDevice(op)
    const [first, second] = [await device.begin(), await device.begin()]
    await approve(op, first.user_code, { browser })
    await approve(op, second.user_code, { browser })
    const { directory } = op.duepassi
    await directory.changeAttempts(op.maria.id, 'totp', (state) => ({ ...state, lockedAt: op.clock.now() }))
    assert.equal((await device.ask(first.device_code)).body['error'], 'invalid_grant')
    await directory.clearAttempts(op.maria.id)
    await directory.changeAccount(op.maria.id, { disabledAt: op.clock.now() })
    assert.equal((await device.ask(second.device_code)).body['error'], 'invalid_grant')
  })

  it('nothing is given out for less than is demanded when the device asks', async () => {
    await using op = await startProvider({ config: quick })
    const { browser } = await op.enrol()
    const device = await addDevice(op)
    const { directory } = op.duepassi
    const changeClient = async (over: object) => {
      const client = await directory.clientById(device.clientId)
      assert.ok(client && (await directory.changeClient({ ...client, ...over })))
      op.clock.advance(6)
    }
    const asked = async (change: () => Promise<unknown>) => {
      const begun = await device.begin()
      assert.match((await approve(op, begun.user_code, { browser })).body, /is connected/)
      await change()
      return (await device.ask(begun.device_code)).body['error']
    }
    assert.equal(await asked(async () => {}), undefined)
    const phr = 'phr'
    assert.equal(await asked(() => directory.changeAccount(op.maria.id, { minimum: phr })), 'invalid_grant')
    await directory.changeAccount(op.maria.id, { minimum: null })
    assert.equal(await asked(() => changeClient({ minimum_acr: phr })), 'invalid_grant')
    await changeClient({ minimum_acr: undefined })
    assert.equal(await asked(() => changeClient({ second_factors: { totp: 'forbid' } })), 'invalid_grant')
    await changeClient({ second_factors: undefined })
    assert.equal(await asked(() => directory.removeCredentials(op.maria.id)), 'invalid_grant')
  })

  it('a client without the grant gets no code', async () => {
    await using op = await startProvider({ config: quick })
    const plain = await addDevice(op, { grant_types: ['refresh_token'] })
    const response = await fetch(`${op.issuer}/device/auth`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: plain.clientId, scope: 'openid' }),
    })
    assert.equal(response.status, 400)
    assert.equal(((await response.json()) as { error: string }).error, 'invalid_request')
    assert.equal((await plain.ask('x')).body['error'], 'invalid_request')
    assert.equal(
      (await (await addDevice(op)).ask('x', { grant_type: deviceGrant })).body['error'],
      'invalid_grant',
    )
  })

  it('what is typed stands in the page as text', async () => {
    await using op = await startProvider({ config: quick })
    const mean = '"><script>alert(1)</script>'
    const type = await openForm(op)
    for (const page of [
      await type(mean),
      await new Browser().get(`${op.issuer}/device?${new URLSearchParams({ user_code: mean })}`),
    ]) {
      assert.doesNotMatch(page.body, /<script>alert/)
      assert.match(page.body, /value="&#34;&gt;&lt;script&gt;/)
    }
    const device = await addDevice(op, { client_name: '<b>TV</b>' })
    const asked = await enterCode(op, (await device.begin()).user_code, new Browser())
    assert.match(asked.body, /Sign in to &lt;b&gt;TV/)
  })

  it('a right password alone connects nothing', async () => {
    await using op = await startProvider({ config: quick })
    await op.enrol()
    const device = await addDevice(op)
    const begun = await device.begin()
    const browser = new Browser()
    const login = await decide(op, await enterCode(op, begun.user_code, browser), 'confirm', browser)
    const asked = await browser.post(login.url, { intent: 'sign-in', username: 'maria', password })
    assert.match(asked.url.pathname, /second-factor$/)
    const uid = /interaction\/([\w-]{43})/.exec(asked.url.pathname)?.[1]
    const resumed = await browser.get(`${op.issuer}/device/${uid}`)
    assert.doesNotMatch(resumed.body, /is connected/)
    assert.equal((await device.ask(begun.device_code)).body['error'], 'authorization_pending')
  })
})
