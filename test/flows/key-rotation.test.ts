import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { compactVerify, createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { systemRandom } from '../../src/crypto/random.ts'
import { makeKey } from '../../src/provider/keys/new-key.ts'
import { freshSigningKey } from '../config/sample.ts'
import type { Browser } from '../support/browser.ts'
import { freePort } from '../support/machine.ts'
import { freshDatabase } from '../support/postgres.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'
import { redisUrl } from '../support/redis.ts'
import { codeOf, errorOf, type RelyingParty } from '../support/relying-party.ts'

const sealing = [{ id: 'k1', key: randomBytes(32).toString('base64') }]

/** From whichever node it is the turn of. */
const published = async (op: TestProvider): Promise<JSONWebKeySet> => {
  const answer = await fetch(`${op.issuer}/jwks`)
  assert.equal(answer.status, 200)
  return (await answer.json()) as JSONWebKeySet
}

const kidsOf = (keys: JSONWebKeySet) => keys.keys.map(({ kid }) => String(kid))
const kidOf = (token: string | undefined) => String(decodeProtectedHeader(String(token)).kid)

/** A request of a browser that is signed in: it comes back with a code, and nobody is asked. */
const again = async (op: TestProvider, browser: Browser, rp: RelyingParty) => {
  const at = await op.begin({ prompt: 'none' }, browser, rp)
  assert.ok(codeOf(at.page), `signed in no more: ${errorOf(at.page)}`)
  return op.redeem(at)
}

/** Of the first keys, in a minute. */
const addSuccessors = async (op: TestProvider) => {
  const now = op.clock.now()
  for (const line of [
    { use: 'signing', alg: 'ES256' },
    { use: 'cookies', alg: 'HS256' },
  ] as const) {
    const key = await makeKey({ ...line, generation: 2, signsFrom: now + 60_000 }, now, systemRandom)
    assert.equal(await op.duepassi.directory.addKey(key), true)
  }
}

describe('the rotation of keys', function () {
  this.timeout(180_000)

  it('under load, on two nodes, loses no request, no token and no session', async () => {
    const [minute, hours, days] = [60, 1 / 60, 1 / 1440]
    await using op = await startProvider({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      config: {
        keys: {
          sealing,
          algorithms: ['ES256', 'RS256'],
          // Minutes: a key signs for 20, is published for 4 before, and kept for 10; those of cookies for as long as a session.
          rotation: { everyDays: 20 * days, publishHours: 4 * hours, keepDays: 10 * days },
        },
        lifetimes: { session: 90 * minute, sessionIdle: 90 * minute },
      },
    })
    const rsa = await op.addClient({ client_id: 'rsa', id_token_signed_response_alg: 'RS256' })
    const signedBy = { ES256: new Set<string>(), RS256: new Set<string>() }
    const seen = new Set<string>()
    let requests = 0

    const verify = async (token: string | undefined) => {
      const keys = await published(op)
      for (const kid of kidsOf(keys)) seen.add(kid)
      const { protectedHeader } = await jwtVerify(String(token), createLocalJWKSet(keys), {
        issuer: op.issuer,
      })
      signedBy[protectedHeader.alg as 'ES256'].add(String(protectedHeader.kid))
      requests += 1
    }

    const maria = await op.enrol()
    const others = await Promise.all(['anna', 'bruno', 'carla'].map((name) => op.enrolOther(name)))
    const first = maria.tokens.id_token
    let firstWasKept = false

    const refreshers = others.map(({ tokens, account }) => {
      let token = tokens.refresh_token
      return async () => {
        const fresh = await op.rp.refresh(String(token))
        token = fresh.refresh_token ?? token
        await verify(fresh.id_token)
        assert.equal((await op.rp.userinfo(fresh.access_token, account.id)).sub, account.id)
      }
    })
    const signIn = async () => {
      const { tokens } = await op.signIn(maria.secret)
      await verify(tokens.id_token)
      assert.equal((await op.rp.userinfo(tokens.access_token, op.maria.id)).sub, op.maria.id)
    }
    /** Who signed in at the start, and never again. */
    const stay = async () => {
      for (const rp of [op.rp, rsa]) await verify((await again(op, maria.browser, rp)).tokens.id_token)
    }

    const until = op.clock.now() + 65 * minute * 1000
    while (op.clock.now() < until) {
      await Promise.all([...refreshers.map((refresh) => refresh()), signIn(), stay()])
      const keys = await published(op)
      if (first !== undefined && kidsOf(keys).includes(kidOf(first))) {
        await compactVerify(first, createLocalJWKSet(keys))
        firstWasKept ||= signedBy.ES256.size > 1
      }
      op.clock.advance(15)
    }

    assert.ok(requests > 300, String(requests))
    for (const [alg, kids] of Object.entries(signedBy))
      assert.ok(kids.size >= 3, `${alg} was signed by ${kids.size} keys`)
    assert.ok(firstWasKept, 'the first key was kept while another one signed')
    const last = kidsOf(await published(op))
    assert.ok(!last.includes(kidOf(first)), 'and is gone in the end')
    assert.ok(seen.size > last.length)
    const cookies = (await op.duepassi.directory.keys()).filter(({ use }) => use === 'cookies')
    assert.ok(Math.max(...cookies.map(({ generation }) => generation)) >= 3)
    const failures = op.logged.filter((line) => JSON.parse(line).level >= 50)
    assert.deepEqual(failures, [])
  })

  it('keeps a session over the change of the key of its cookie, which is then signed anew', async () => {
    await using op = await startProvider({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      config: { keys: { sealing, algorithms: ['ES256'] } },
    })
    const { browser } = await op.enrol()
    await addSuccessors(op)
    const before = browser.copy()
    op.clock.advance(61)
    await again(op, browser, op.rp)
    await again(op, before, op.rp)
    const [old] = (await op.duepassi.directory.keys()).filter(({ use }) => use === 'cookies')
    assert.equal(await op.duepassi.directory.endKey(String(old?.kid), op.clock.now()), true)
    op.clock.advance(30)
    await again(op, browser, op.rp)
  })

  it('refuses what a withdrawn key signed, on every node, within 30 seconds', async () => {
    await using op = await startProvider({
      redis: await redisUrl(),
      database: await freshDatabase(),
      nodes: 2,
      config: { keys: { sealing, algorithms: ['ES256'] } },
    })
    const { browser, tokens } = await op.enrol()
    const hint = { prompt: 'none', id_token_hint: String(tokens.id_token) }
    await addSuccessors(op)
    op.clock.advance(61)
    for (let node = 0; node < 2; node++) assert.ok(codeOf((await op.begin(hint, browser)).page))
    assert.equal(await op.duepassi.directory.endKey(kidOf(tokens.id_token), op.clock.now()), true)
    op.clock.advance(30)
    for (let node = 0; node < 4; node++) {
      assert.ok(!kidsOf(await published(op)).includes(kidOf(tokens.id_token)))
      assert.equal(errorOf((await op.begin(hint, browser)).page), 'invalid_request')
    }
    await again(op, browser, op.rp)
  })

  it('begins without any key but the sealing one, and goes on after a new start', async () => {
    await using op = await startProvider({ config: { keys: { sealing } } })
    const discovery = (await (await fetch(`${op.issuer}/.well-known/openid-configuration`)).json()) as Record<
      string,
      string[]
    >
    assert.deepEqual(discovery['id_token_signing_alg_values_supported']?.toSorted(), ['ES256', 'RS256'])
    const { browser, tokens } = await op.enrol()
    assert.equal(decodeProtectedHeader(String(tokens.id_token)).alg, 'ES256')
    const before = await published(op)
    await op.restart()
    // The connection to the old process is dead, which undici learns by trying.
    assert.deepEqual(await published(op).catch(() => published(op)), before)
    await again(op, browser, op.rp)
    await jwtVerify(String(tokens.id_token), createLocalJWKSet(before))
  })
})

describe('a signer that is down', function () {
  this.timeout(60_000)

  it('gives an error of the server, and no token', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await using op = await startProvider({
      config: {
        keys: {
          sealing,
          signing: [freshSigningKey('mine') as { kty: string }],
          signers: [
            {
              kind: 'http',
              kid: 'hsm',
              alg: 'ES256',
              publicKey: publicKey.export({ format: 'jwk' }) as { kty: string },
              url: `http://127.0.0.1:${await freePort()}/sign`,
              secret: 'shared with the signer',
            },
          ],
        },
      },
    })
    const refused: Error = await op.enrol().then(
      () => assert.fail('signed in'),
      (error) => error,
    )
    const answer = refused.cause as Response
    assert.equal(answer.status, 503)
    const body = (await answer.json()) as Record<string, unknown>
    assert.equal(body['error'], 'server_error')
    assert.deepEqual(Object.keys(body).toSorted(), ['error', 'error_description'])
  })
})
