import assert from 'node:assert/strict'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Pkcs11 } from '../../../src/provider/keys/pkcs11-module.ts'
import { usePkcs11 } from '../../../src/provider/keys/pkcs11-module.ts'
import { openPkcs11Signer } from '../../../src/provider/keys/pkcs11-signer.ts'
import { RemoteKey } from '../../../src/provider/keys/remote-key.ts'
import { installPkcs11js } from '../../support/pkcs11js.ts'
import { pin, softhsmLibrary, startToken } from '../../support/softhsm.ts'
import { openRings, providerOf, type Rings, tokenOf } from './rings.ts'
import { publishedBy } from './served-keys.ts'

describe('a signer by PKCS#11 (SoftHSM)', function () {
  this.timeout(120_000)
  let rings: Rings
  let keepOpen: { api: Pkcs11; close(): void }
  const of = (alg: 'ES256' | 'RS256' | 'PS256', over: Partial<Record<string, string>> = {}) => ({
    alg,
    module: softhsmLibrary,
    token: 'duepassi',
    pin,
    key: alg === 'ES256' ? 'es' : 'rs',
    ...over,
  })
  before(async () => {
    await installPkcs11js()
    await startToken()
    keepOpen = await usePkcs11(softhsmLibrary)
  })
  after(() => keepOpen.close())
  beforeEach(async () => {
    rings = await openRings()
  })
  afterEach(() => rings.close())

  it('signs ES256, RS256 and PS256 with keys that never leave it', async () => {
    const ring = await rings.open({
      signers: (['ES256', 'RS256', 'PS256'] as const).map((alg) => ({
        kind: 'pkcs11' as const,
        kid: `hsm-${alg}`,
        ...of(alg),
      })),
    })
    const provider = providerOf(ring, ['ES256', 'RS256', 'PS256'])
    const published = await publishedBy(provider)
    assert.deepEqual(published.keys.map(({ kid }) => kid).toSorted(), ['hsm-ES256', 'hsm-PS256', 'hsm-RS256'])
    for (const alg of ['ES256', 'RS256', 'PS256']) {
      const { protectedHeader } = await jwtVerify(await tokenOf(provider, alg), createLocalJWKSet(published))
      assert.deepEqual([protectedHeader.alg, protectedHeader.kid], [alg, `hsm-${alg}`])
    }
    assert.deepEqual(await rings.published(), ['HS256 1'], 'none is made beside them')
  })

  it('signs 200 at once, each its own', async () => {
    const { publicKey, sign, close } = await openPkcs11Signer(of('ES256'))
    const key = new RemoteKey({ kid: 'k', alg: 'ES256', publicKey, sign })
    const inputs = Array.from({ length: 200 }, (_, index) => Buffer.from(`input ${index}`))
    // Each is verified by the key itself.
    const signatures = await Promise.all(inputs.map((input) => key.sign(input)))
    assert.equal(new Set(signatures.map((one) => one.toString('hex'))).size, 200)
    close()
  })

  it('is opened anew when the module forgot who is signed in', async () => {
    const { publicKey, sign, close } = await openPkcs11Signer(of('ES256'))
    const key = new RemoteKey({ kid: 'k', alg: 'ES256', publicKey, sign })
    const [slot] = keepOpen.api.C_GetSlotList(true)
    assert.ok(slot)
    ;(keepOpen.api as unknown as { C_CloseAllSessions(slot: Buffer): void }).C_CloseAllSessions(slot)
    for (let turn = 0; turn < 8; turn++) await key.sign(Buffer.from(`after ${turn}`))
    close()
  })

  it('makes no token when the module does not sign', async () => {
    const { publicKey, sign, close } = await openPkcs11Signer(of('ES256'))
    close()
    const real = keepOpen.api.C_GetSlotList
    keepOpen.api.C_GetSlotList = () => []
    const key = new RemoteKey({ kid: 'k', alg: 'ES256', publicKey, sign })
    try {
      await assert.rejects(key.sign(Buffer.from('x')), { name: 'SignerUnavailable', status: 503 })
    } finally {
      keepOpen.api.C_GetSlotList = real
    }
  })

  const misfits: [what: string, over: Record<string, string>, message: RegExp][] = [
    ['an unknown token', { token: 'nobody' }, /finds no token nobody/],
    ['an unknown key', { key: 'none' }, /finds no private key none/],
    ['a key that is there twice', { key: 'twice' }, /more than one private key twice/],
    ['a key on another curve', { key: 'wide' }, /needs a key on P-256/],
    ['a key of another kind', { key: 'rs' }, /no key for ES256/],
    ['a library that is not there', { module: '/nowhere.so' }, /cannot load the library \/nowhere\.so/],
  ]
  for (const [what, over, message] of misfits) {
    it(`refuses ${what}, in words, and without the PIN`, async () => {
      await assert.rejects(openPkcs11Signer(of('ES256', over)), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'not_configured')
        assert.match(error.message, message)
        assert.ok(!error.message.includes(pin))
        return true
      })
    })
  }

  it('refuses a wrong PIN', async () => {
    keepOpen.close()
    await assert.rejects(openPkcs11Signer(of('ES256', { pin: 'wrong-pin' })), {
      code: 'not_configured',
      message: /cannot sign in to the token duepassi/,
    })
    keepOpen = await usePkcs11(softhsmLibrary)
  })
})
