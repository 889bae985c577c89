import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { freshSigningKey } from '../../config/sample.ts'
import { signDigest, signInput } from './own-kms.ts'
import { openRings, providerOf, type Rings, tokenOf } from './rings.ts'
import { publishedBy } from './served-keys.ts'

const secret = 'shared with the signer'

type Asked = { headers: Record<string, string>; text: string; body: Record<string, string> }
type Answer = { status?: number; body?: unknown; never?: boolean }

/** A signer of one's own: what it answers is up to the test. */
const startSigner = async (answer: (asked: Asked) => Answer | Promise<Answer>) => {
  const asked: Asked[] = []
  const server: Server = createServer(async (req, res) => {
    let text = ''
    for await (const chunk of req) text += chunk
    const one = { headers: req.headers as Record<string, string>, text, body: JSON.parse(text) }
    asked.push(one)
    const { status = 200, body, never } = await answer(one)
    if (never) return
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sign`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const pairs: Record<string, () => { publicKey: KeyObject; privateKey: KeyObject }> = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

describe('a signer over HTTP', function () {
  this.timeout(30_000)
  let rings: Rings
  let signer: Awaited<ReturnType<typeof startSigner>> | undefined
  beforeEach(async () => {
    rings = await openRings()
  })
  afterEach(async () => {
    signer?.close()
    await rings.close()
  })

  /** A ring whose key of that algorithm is at the signer. */
  const open = async (
    alg: string,
    publicKey: KeyObject,
    answer: (asked: Asked) => Answer | Promise<Answer>,
    over: { signs?: boolean } = {},
  ) => {
    signer = await startSigner(answer)
    const ring = await rings.open({
      signing: [freshSigningKey('mine') as { kty: string }],
      signers: [
        {
          kind: 'http',
          kid: 'hsm-1',
          alg: alg as 'ES256',
          publicKey: publicKey.export({ format: 'jwk' }) as { kty: string },
          url: signer.url,
          secret,
          ...over,
        },
      ],
    })
    return { ring, provider: providerOf(ring, [...new Set(['ES256', alg])]) }
  }

  for (const alg of Object.keys(pairs)) {
    it(`signs ${alg}, before the keys of this machine`, async () => {
      const { publicKey, privateKey } = (pairs[alg] as (typeof pairs)[string])()
      const { provider } = await open(alg, publicKey, async ({ body }) => {
        const signature =
          body['digest'] === undefined
            ? signInput(privateKey, Buffer.from(String(body['input']), 'base64url'))
            : await signDigest(alg, privateKey, Buffer.from(body['digest'], 'base64url'))
        return { body: { signature: signature.toString('base64url') } }
      })
      const published = await publishedBy(provider)
      const { protectedHeader } = await jwtVerify(await tokenOf(provider, alg), createLocalJWKSet(published))
      assert.equal(protectedHeader.kid, 'hsm-1')
      assert.equal(protectedHeader.alg, alg)
      const [asked] = signer?.asked ?? []
      assert.ok(asked)
      assert.deepEqual(Object.keys(asked.body).toSorted(), [
        'alg',
        ...(alg === 'EdDSA' ? ['input', 'kid'] : ['digest', 'kid']).toSorted(),
      ])
      assert.deepEqual([asked.body['kid'], asked.body['alg']], ['hsm-1', alg])
      const { 'duepassi-timestamp': at, 'duepassi-signature': signature } = asked.headers
      assert.equal(
        signature,
        `v1=${createHmac('sha256', secret).update(`${at}.${asked.text}`).digest('hex')}`,
      )
      assert.ok(Math.abs(Number(at) * 1000 - rings.clock.now()) < 5_000)
    })
  }

  it('only publishes its key as long as it is told not to sign', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { ring, provider } = await open('ES256', publicKey, () => ({ status: 500 }), { signs: false })
    const published = await publishedBy(provider)
    assert.deepEqual(published.keys.map(({ kid }) => kid).toSorted(), ['hsm-1', 'mine'])
    assert.equal(ring.now().signs.get('ES256'), 'mine')
    await jwtVerify(await tokenOf(provider), createLocalJWKSet(published))
    assert.equal(signer?.asked.length, 0)
  })

  it('signs before what Duepassi made for that algorithm, which makes no more of it', async () => {
    const made = await rings.open({ algorithms: ['ES256'] })
    const [old] = made.now().jwks
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { ring } = await open('ES256', publicKey, () => ({}))
    assert.equal(ring.now().signs.get('ES256'), 'hsm-1')
    assert.ok(ring.now().jwks.some(({ kid }) => kid === old?.kid))
    rings.clock.advance(400 * 86_400)
    await ring.fresh()
    await ring.close()
    assert.deepEqual(
      (await rings.published()).filter((name) => name.startsWith('ES256')),
      ['ES256 1'],
    )
  })

  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const stranger = createPrivateKey({ key: freshSigningKey(), format: 'jwk' })
  const right = async ({ body }: Asked, key = pair.privateKey): Promise<Answer> => {
    const signature = await signDigest('ES256', key, Buffer.from(String(body['digest']), 'base64url'))
    return { body: { signature: signature.toString('base64url') } }
  }

  const failures: [what: string, answer: (asked: Asked) => Answer | Promise<Answer>, tries: number][] = [
    ['answers 500', () => ({ status: 500 }), 2],
    ['refuses', () => ({ status: 403 }), 1],
    ['answers no signature', () => ({ body: {} }), 1],
    ['answers no JSON object', () => ({ body: null }), 2],
    ['signs with another key', (asked) => right(asked, stranger), 1],
    ['signs something else', () => ({ body: { signature: Buffer.alloc(64, 7).toString('base64url') } }), 1],
    ['answers an empty signature', () => ({ body: { signature: '' } }), 1],
    ['leads elsewhere', () => ({ status: 302 }), 2],
    ['never answers', () => ({ never: true }), 2],
  ]
  for (const [what, answer, tries] of failures) {
    it(`that ${what} makes no token, and an error of the server`, async () => {
      const { provider } = await open('ES256', pair.publicKey, answer)
      await assert.rejects(tokenOf(provider), {
        name: 'SignerUnavailable',
        error: 'server_error',
        status: 503,
        statusCode: 503,
        expose: false,
      })
      assert.equal(signer?.asked.length, tries)
    })
  }

  it('that is not there makes no token either', async () => {
    const { provider } = await open('ES256', pair.publicKey, () => ({}))
    signer?.close()
    await assert.rejects(tokenOf(provider), { name: 'SignerUnavailable', status: 503 })
  })

  it('that stumbles once is asked again, with the same key of idempotency', async () => {
    let stumbled = false
    const { provider } = await open('ES256', pair.publicKey, (asked) => {
      if (stumbled) return right(asked)
      stumbled = true
      return { status: 503 }
    })
    await tokenOf(provider)
    const [one, other] = signer?.asked ?? []
    assert.equal(one?.headers['idempotency-key'], other?.headers['idempotency-key'])
    await tokenOf(provider)
    assert.notEqual(signer?.asked[2]?.headers['idempotency-key'], one?.headers['idempotency-key'])
  })
})
