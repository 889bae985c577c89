import assert from 'node:assert/strict'
import {
  addPhoneOwner,
  administer,
  askedOf,
  askPhone,
  invitationOn,
  numberOn,
  openPhone,
  type PhoneOwner,
  postFrom,
  startWithPhones,
} from '../support/phones.ts'
import type { AtPage, TestProvider } from '../support/provider.ts'
import type { Signed } from '../support/soft-phone.ts'

const own = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' }

describe('the API of the authenticator app', () => {
  let op: TestProvider
  let owner: PhoneOwner
  let api: string
  let people = 0
  before(async () => {
    ;({ op } = await startWithPhones())
    api = `${op.issuer}/authenticator/api/`
    owner = await addPhoneOwner(op)
  })
  after(() => op.close())
  beforeEach(() => {
    op.clock.advance(3_600)
    op.logged.length = 0
  })

  const invited = async (): Promise<AtPage> => {
    people += 1
    const { username } = await op.addPerson(`invited-${people}`)
    return op.choose(await askPhone(op, { username }), 'push')
  }
  /** A call whose proof is different in some way; 401 where it counts for nothing. */
  const callWith = async (
    knobs: Signed,
    signed: { method?: string; path?: string } = {},
  ): Promise<number> => {
    const { method = 'GET', path = 'device' } = signed
    const authorization = await owner.phone.soft.call(method, api + path, knobs)
    return (await fetch(`${api}device`, { headers: { authorization } })).status
  }

  describe('a proof of the device', () => {
    it('is good for its own method and address', async () => {
      assert.equal(await callWith({}), 200)
      assert.equal(await callWith({}, { method: 'PUT' }), 401)
      assert.equal(await callWith({}, { path: 'requests' }), 401)
      assert.equal(
        await callWith({ payload: { htu: 'https://elsewhere.example/authenticator/api/device' } }),
        401,
      )
    })
    it('is good for this issuer, and a minute on either side of now', async () => {
      const second = Math.floor(op.clock.now() / 1000)
      assert.equal(await callWith({ payload: { aud: 'https://elsewhere.example' } }), 401)
      assert.equal(await callWith({ payload: { iat: second - 55 } }), 200)
      assert.equal(await callWith({ payload: { iat: second + 55 } }), 200)
      assert.equal(await callWith({ payload: { iat: second - 65 } }), 401)
      assert.equal(await callWith({ payload: { iat: second + 65 } }), 401)
    })
    it('is good for one call, also where many are made with it at once', async () => {
      const authorization = await owner.phone.soft.call('GET', `${api}device`)
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => fetch(`${api}device`, { headers: { authorization } })),
      )
      assert.equal(answers.filter(({ status }) => status === 200).length, 1)
      op.clock.advance(59)
      assert.equal((await fetch(`${api}device`, { headers: { authorization } })).status, 401)
      const jti = 'one-name-for-two-proofs'
      assert.equal(await callWith({ payload: { jti } }), 200)
      assert.equal(await callWith({ payload: { jti } }), 401)
    })
    it('is by the key of the device that it names, with nothing else in its place', async () => {
      const other = await openPhone(op)
      assert.equal(await callWith({ signer: other.soft }), 401)
      assert.equal(await callWith({ header: { kid: other.soft.thumbprint } }), 401)
      assert.equal(await callWith({ header: { typ: 'push-decision+jwt' } }), 401)
      assert.equal(await callWith({ header: { jwk: other.soft.jwk }, signer: other.soft }), 401)
      const unsigned = (header: object) =>
        [
          header,
          {
            aud: op.issuer,
            htm: 'GET',
            htu: `${api}device`,
            iat: Math.floor(op.clock.now() / 1000),
            jti: 'x'.repeat(22),
          },
        ]
          .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
          .join('.')
      for (const alg of ['none', 'HS256', 'ES256']) {
        const jws = `${unsigned({ alg, typ: 'device-call+jwt', kid: owner.phone.soft.thumbprint })}.AAAA`
        for (const authorization of [`Device ${jws}`, `Device ${jws.slice(0, -4)}`, `Bearer ${jws}`]) {
          const answer = await fetch(`${api}device`, { headers: { authorization } })
          assert.deepEqual([answer.status, await answer.json()], [401, { error: 'device_unknown' }])
        }
      }
    })
    it('is needed for every call of a device', async () => {
      for (const [method, path] of [
        ['GET', 'device'],
        ['PUT', 'device'],
        ['DELETE', 'device'],
        ['GET', 'requests'],
        ['POST', `requests/${'A'.repeat(43)}/decision`],
      ] as const) {
        const body = method === 'GET' ? null : '{"address":null}'
        const answer = await fetch(api + path, { method, headers: own, body })
        assert.equal(answer.status, 401, `${method} ${path}`)
      }
    })
    it('is worth nothing once the factors were reset', async () => {
      const other = await addPhoneOwner(op)
      await administer(op, 'account', 'reset-factors', other.username)
      assert.equal((await other.phone.call('GET', 'device')).status, 401)
    })
  })

  describe('what is sent', () => {
    it('is a JSON object of bounded size, and nothing else is an error of ours', async () => {
      const { phone } = owner
      const tries = [
        '',
        '[]',
        '"text"',
        'null',
        '7',
        '{',
        '{"jws":1}',
        '{"token":{}}',
        '\u0000',
        '{"__proto__":{"token":"x"}}',
      ]
      for (const body of tries)
        for (const path of ['invitations', 'devices']) {
          const answer = await phone.post(path, body, { 'x-forwarded-for': '' })
          assert.ok([400, 404, 422, 429].includes(answer.status), `${path} ${body}: ${answer.status}`)
          op.clock.advance(60)
        }
      const at = await askPhone(op, owner)
      const asked = await askedOf(phone)
      for (const body of tries) {
        const answer = await phone.call('POST', `requests/${asked.id}/decision`, body || ' ')
        assert.ok([400, 422].includes(answer.status), `${body}: ${answer.status}`)
      }
      assert.ok(await phone.asked(), 'which ends no request')
      for (const body of tries) {
        const answer = await phone.call('PUT', 'device', body || ' ')
        assert.ok([204, 400, 422].includes(answer.status), `${body}: ${answer.status}`)
      }
      for (const path of ['invitations', 'devices', `requests/${asked.id}/decision`]) {
        const answer = await phone.call('POST', path, JSON.stringify({ token: 'x', jws: 'A'.repeat(60_000) }))
        assert.ok([400, 413, 429].includes(answer.status), `${path}: ${answer.status}`)
      }
      assert.equal((await phone.decide(await askedOf(phone), { num: numberOn(at.page) })).status, 200)
      assert.ok(
        !op.logged.some((line) => /"level":(50|60|"error"|"fatal")/.test(line)),
        'nothing fails by it',
      )
    })
    it('with an answer of many bytes, within that size, is malformed', async () => {
      const { phone } = owner
      await askPhone(op, owner)
      const asked = await askedOf(phone)
      const answer = JSON.parse(await phone.soft.decide(asked, { num: '12' }))
      const large = JSON.stringify({
        ...answer,
        assertion: { ...answer.assertion, more: 'x'.repeat(30_000) },
      })
      const refused = await phone.call('POST', `requests/${asked.id}/decision`, large)
      assert.deepEqual([refused.status, refused.body], [422, { error: 'malformed' }])
    })
    it('from another site is refused, whatever it is', async () => {
      const token = invitationOn((await invited()).page)
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'none' },
      ]) {
        const answer = await owner.phone.post('invitations', { token }, headers)
        assert.deepEqual([answer.status, answer.body], [403, { error: 'cross_site' }])
        assert.equal((await owner.phone.call('DELETE', 'device', {}, headers)).status, 403)
      }
      for (const origin of ['https://elsewhere.example', 'null']) {
        const answer = await fetch(`${api}invitations`, { method: 'POST', headers: { origin }, body: '{}' })
        assert.equal(answer.status, 403)
      }
    })
    it('to an address or by a method that there is none is not found', async () => {
      for (const [method, path] of [
        ['GET', ''],
        ['GET', 'invitations'],
        ['PATCH', 'device'],
        ['POST', 'requests'],
        ['GET', 'requests/x/decision'],
        ['POST', 'requests/../device'],
        ['GET', 'toString'],
      ] as const) {
        const answer = await owner.phone.call(method, path, method === 'GET' ? undefined : {})
        assert.equal(answer.status, 404, `${method} ${path}`)
      }
    })
    it('is answered by what nobody keeps, and no other site reads', async () => {
      for (const answer of [
        await owner.phone.call('GET', 'device'),
        await owner.phone.call('GET', 'requests'),
        await owner.phone.post('invitations', { token: 'none' }),
        await owner.phone.call('PUT', 'device', { address: null }),
      ]) {
        assert.equal(answer.headers.get('cache-control'), 'no-store')
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
        assert.equal(answer.headers.get('access-control-allow-origin'), null)
      }
    })
    it('sets the cookie by which the page knows the phone: readable by no script', async () => {
      const put = await owner.phone.call('PUT', 'device', { address: null })
      const [cookie = ''] = put.headers.getSetCookie()
      assert.match(
        cookie,
        /^duepassi-authenticator=[\w-]{16}; Path=\/; Max-Age=15552000; HttpOnly; SameSite=Lax$/,
      )
    })
  })

  describe('an invitation', () => {
    it('tells what a phone needs, and without one nothing is told', async () => {
      const at = await invited()
      const phone = await openPhone(op)
      const offered = await phone.post('invitations', { token: invitationOn(at.page) })
      assert.deepEqual(Object.keys(offered.body).toSorted(), [
        'account',
        'accountTag',
        'applicationServerKey',
        'brand',
        'expiresAt',
        'issuer',
        'offline',
        'options',
        'rpId',
      ])
      for (const token of ['A'.repeat(43), '', 'K7QP-2M9X-RT', '../x', 'A'.repeat(10_000), null, 7, {}]) {
        const refused = await phone.post('invitations', { token })
        assert.deepEqual([refused.status, refused.body], [404, { error: 'invitation_unknown' }])
        op.clock.advance(60)
      }
    })
    it('is good for five minutes', async () => {
      const [at, other] = [await invited(), await invited()]
      const phone = await openPhone(op)
      op.clock.advance(299)
      assert.equal((await phone.post('invitations', { token: invitationOn(at.page) })).status, 200)
      const token = invitationOn(other.page)
      const { options } = (await phone.post('invitations', { token })).body
      op.clock.advance(2)
      assert.equal((await phone.post('invitations', { token })).status, 404)
      const late = await phone.post('devices', await phone.soft.enrol({ token, options }))
      assert.deepEqual([late.status, late.body], [404, { error: 'invitation_unknown' }])
    })
    it('is good once: of two phones with one, the second hears that it was used', async () => {
      const token = invitationOn((await invited()).page)
      const phones = [await openPhone(op), await openPhone(op)] as const
      const answers = await Promise.all(phones.map((phone) => phone.present(token)))
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409])
      const third = await (await openPhone(op)).post('invitations', { token })
      assert.equal(third.status, 404)
    })
    it('is answered by the very phone that signs it, with its user verified', async () => {
      const token = invitationOn((await invited()).page)
      const other = invitationOn((await invited()).page)
      const phone = await openPhone(op)
      const { options } = (await phone.post('invitations', { token })).body
      const stranger = await openPhone(op)
      for (const [knobs, error] of [
        [{ userVerified: false }, 'unverified'],
        [{ signer: stranger.soft }, 'wrong'],
        [{ payload: { aud: 'https://elsewhere.example' } }, 'wrong'],
        [{ payload: { token: other } }, 'wrong'],
        [{ payload: { iat: 1 } }, 'wrong'],
        [{ header: { typ: 'device-call+jwt' } }, 'malformed'],
        [{ origin: 'https://elsewhere.example' }, 'wrong'],
      ] as const) {
        const refused = await phone.post('devices', await phone.soft.enrol({ token, options }, knobs))
        assert.deepEqual([refused.status, refused.body], [422, { error }], JSON.stringify(Object.keys(knobs)))
      }
      assert.equal((await phone.present(token)).status, 201, 'and none of that has used it up')
    })
    it('cannot be guessed: after ten typed an address has to wait, and knowing one makes up for nothing', async () => {
      const { page } = await invited()
      const typed = /<code class="secret">([0-9A-Z-]{12})</.exec(page.body)?.[1]
      const phone = await openPhone(op)
      const statuses: number[] = []
      for (let guess = 0; guess < 9; guess++)
        statuses.push((await phone.post('invitations', { token: 'B'.repeat(10) })).status)
      statuses.push((await phone.post('invitations', { token: typed })).status)
      for (let guess = 0; guess < 2; guess++)
        statuses.push((await phone.post('invitations', { token: 'C'.repeat(10) })).status)
      assert.deepEqual(statuses, [...Array(9).fill(404), 200, 404, 429])
      const waiting = await phone.post('invitations', { token: typed })
      assert.deepEqual([waiting.status, waiting.body['error']], [429, 'wait'])
      assert.ok(Number(waiting.headers.get('retry-after')) > 0)
      // What is scanned is nothing that anybody could guess, and keeps nobody at the same address out.
      assert.equal((await phone.post('invitations', { token: 'A'.repeat(43) })).status, 404)
      assert.equal((await phone.post('invitations', { token: invitationOn(page) })).status, 200)
      // Another address does not wait for it.
      assert.equal((await postFrom('127.0.0.2', `${api}invitations`, { token: typed })).status, 200)
      op.clock.advance(40)
      assert.equal((await phone.post('invitations', { token: typed })).status, 200)
    })
  })
})
