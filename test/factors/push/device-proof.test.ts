import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { DeviceKey } from '../../../src/factors/push/device.ts'
import { readDeviceProof } from '../../../src/factors/push/device-proof.ts'
import type { Signed } from '../../support/soft-phone.ts'
import { issuer, newPhone, time } from './scene.ts'

const url = `${issuer}/authenticator/api/requests`
const call = { issuer, method: 'GET', url, now: time }

const proofOf = async (knobs: Signed = {}, asked = call) => {
  const phone = await newPhone()
  const authorization = await phone.call('GET', url, knobs)
  const proof = readDeviceProof(authorization.replace(/^Device /, ''), asked)
  return { phone, proof, key: phone.jwk as DeviceKey }
}

describe('the proof of a call', () => {
  it('says whose it is, and is by the key of that phone', async () => {
    const { phone, proof, key } = await proofOf()
    assert.ok(proof)
    assert.equal(proof.thumbprint, phone.thumbprint)
    assert.match(proof.jti, /^[\w-]{22}$/)
    assert.equal(await proof.isBy(key), true)
    const other = await newPhone()
    assert.equal(await proof.isBy(other.jwk as DeviceKey), false)
    assert.equal(await proof.isBy({ ...key, x: 'A'.repeat(43) }), false)
    const { proof: forged } = await proofOf({ signer: other })
    assert.equal(await forged?.isBy(key), false)
  })

  it('has another name each time', async () => {
    const jtis = await Promise.all([proofOf(), proofOf()])
    assert.notEqual(jtis[0].proof?.jti, jtis[1].proof?.jti)
  })

  it('leaves the query out', async () => {
    const phone = await newPhone()
    const jws = (await phone.call('GET', `${url}?x=1#y`)).replace(/^Device /, '')
    assert.ok(readDeviceProof(jws, call))
  })

  const wrong: ReadonlyArray<[string, Signed, Partial<typeof call>]> = [
    ['by another method', {}, { method: 'POST' }],
    ['to another address', {}, { url: `${url}/1` }],
    ['to another issuer', {}, { issuer: 'https://other.example' }],
    ['a minute ago', { payload: { iat: time / 1000 - 61 } }, {}],
    ['in a minute', { payload: { iat: time / 1000 + 61 } }, {}],
    ['that is a decision', { header: { typ: 'push-decision+jwt' } }, {}],
    ['without a name', { payload: { jti: undefined } }, {}],
    ['with a name that anybody has', { payload: { jti: 'x' } }, {}],
    ['that says more than it should', { payload: { sub: 'maria' } }, {}],
    ['by a key of its own', { header: { jwk: {} } }, {}],
    ['without saying whose it is', { header: { kid: undefined } }, {}],
    ['whose claims do not end', { payload: { htm: 'A'.repeat(3_000) } }, {}],
  ]
  for (const [what, knobs, asked] of wrong)
    it(`is none for a call ${what}`, async () =>
      assert.equal((await proofOf(knobs, { ...call, ...asked })).proof, undefined))

  it('holds for a minute on either side', async () => {
    for (const iat of [time / 1000 - 60, time / 1000 + 60])
      assert.ok((await proofOf({ payload: { iat } })).proof)
  })

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.json(), fc.string()), { maxLength: 4 }),
        fc.boolean(),
        (parts, raw) => {
          const jws = parts.map((part) => (raw ? part : Buffer.from(part).toString('base64url'))).join('.')
          assert.equal(readDeviceProof(jws, call), undefined)
        },
      ),
    )
  })
})
