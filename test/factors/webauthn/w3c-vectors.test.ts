import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { SettingsService } from '@simplewebauthn/server'
import { readCredential } from '../../../src/factors/webauthn/credential.ts'
import type { AllowedAuthenticators } from '../../../src/factors/webauthn/options.ts'
import { type WebAuthnOptions, webauthn } from '../../../src/factors/webauthn/webauthn.ts'
import { context, credentialOf } from './scene.ts'

/** WebAuthn L3 §16, Test Vectors. Values are hexadecimal. */
interface Vectors {
  rpId: string
  origin: string
  topOrigin: string
  attestationRoots: { attestation_ca_cert: string }
  vectors: Vector[]
}

interface Vector {
  name: string
  registration: {
    challenge: string
    credential_id: string
    client_data_json: string
    attestation_object: string
  }
  authentication: {
    challenge: string
    authenticator_data: string
    client_data_json: string
    signature: string
  }
}

const { rpId, origin, topOrigin, attestationRoots, vectors } = JSON.parse(
  readFileSync(new URL('w3c-vectors.json', import.meta.url), 'utf8'),
) as Vectors
const root = Buffer.from(attestationRoots.attestation_ca_cert, 'hex').toString('base64')

const text = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')

const registerBy = ({ registration }: Vector, options: Partial<WebAuthnOptions>) => {
  const id = text(registration.credential_id)
  const answer = {
    id,
    rawId: id,
    type: 'public-key',
    response: {
      clientDataJSON: text(registration.client_data_json),
      attestationObject: text(registration.attestation_object),
    },
    clientExtensionResults: {},
  }
  const secret = JSON.stringify({ challenge: text(registration.challenge), userHandle: 'dXNlcg' })
  const factor = webauthn({ rpId, origins: [origin], topOrigins: [topOrigin], ...options })
  return factor.enrolment.finish(JSON.stringify(answer), { secret, shown: {} }, context)
}

const signInBy = async (vector: Vector, options: Partial<WebAuthnOptions>) => {
  const { authentication } = vector
  const id = text(vector.registration.credential_id)
  const factor = webauthn({ rpId, origins: [origin], topOrigins: [topOrigin], ...options })
  const credential = credentialOf(await registerBy(vector, options))
  const answer = {
    id,
    rawId: id,
    type: 'public-key',
    response: {
      clientDataJSON: text(authentication.client_data_json),
      authenticatorData: text(authentication.authenticator_data),
      signature: text(authentication.signature),
    },
    clientExtensionResults: {},
  }
  const { options: asked } = await factor.begin([credential], context)
  const question = { options: { ...(asked as object), challenge: text(authentication.challenge) } }
  return factor.verify(JSON.stringify(answer), question, [credential], context)
}

/** What becomes of each: it passes, or why it is refused. A vector that is not named here fails. */
const expected: Record<string, 'passes' | 'untrusted' | 'wrong'> = {
  'none-es256': 'passes',
  'packed-self-es256': 'passes',
  'none-es256-crossOrigin': 'passes',
  'none-es256-topOrigin': 'passes',
  'none-es256-long-credential-id': 'passes',
  'packed-es256': 'passes',
  'packed-rs256': 'passes',
  'packed-eddsa': 'passes',
  'apple-es256': 'passes',
  // Algorithms that we do not offer.
  'packed-es384': 'untrusted',
  'packed-es512': 'untrusted',
  'packed-ed448': 'untrusted',
  // Formats that we do not accept.
  'tpm-es256': 'untrusted',
  'android-key-es256': 'untrusted',
  'fido-u2f-es256': 'untrusted',
}

describe('the test vectors of WebAuthn Level 3', () => {
  const appleRoots = SettingsService.getRootCertificates({ identifier: 'apple' })
  // The library checks Apple's statements against Apple's root; the vector's is another.
  const pem = `-----BEGIN CERTIFICATE-----\n${root.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  before(() => SettingsService.setRootCertificates({ identifier: 'apple', certificates: [pem] }))
  after(() => SettingsService.setRootCertificates({ identifier: 'apple', certificates: appleRoots }))

  it('are the ones that the table knows', () =>
    assert.deepEqual(vectors.map(({ name }) => name).sort(), Object.keys(expected).sort()))

  for (const vector of vectors) {
    const outcome = expected[vector.name]
    if (outcome === 'passes') {
      it(`${vector.name}: registers and signs in`, async () => {
        assert.equal((await registerBy(vector, {})).confirmed, true)
        assert.equal((await signInBy(vector, {})).verified, true)
      })
      it(`${vector.name}: not with another challenge, nor for another relying party`, async () => {
        const [first = 0, ...rest] = Buffer.from(vector.registration.challenge, 'hex')
        const challenge = Buffer.from([first ^ 1, ...rest]).toString('hex')
        const other = { ...vector, registration: { ...vector.registration, challenge } }
        assert.deepEqual(await registerBy(other, {}), { confirmed: false, reason: 'wrong' })
        assert.deepEqual(await registerBy(vector, { rpId: 'example.com' }), {
          confirmed: false,
          reason: 'wrong',
        })
      })
    } else
      it(`${vector.name}: is refused (${outcome})`, async () => {
        assert.deepEqual(await registerBy(vector, {}), { confirmed: false, reason: outcome })
      })
  }

  const named = (name: string) => {
    const found = vectors.find((vector) => vector.name === name)
    assert(found)
    return found
  }

  it('of embedded pages are refused where nobody may embed us, or somebody else may', async () => {
    for (const name of ['none-es256-crossOrigin', 'none-es256-topOrigin'])
      assert.deepEqual(await registerBy(named(name), { topOrigins: [] }), {
        confirmed: false,
        reason: 'wrong',
      })
    assert.deepEqual(
      await registerBy(named('none-es256-topOrigin'), { topOrigins: ['https://other.example'] }),
      {
        confirmed: false,
        reason: 'wrong',
      },
    )
  })

  for (const name of ['packed-es256', 'packed-rs256', 'packed-eddsa', 'apple-es256'])
    it(`${name}: proves its model by the root of the vectors, and by no other`, async () => {
      const registered = await registerBy(named(name), {})
      const { aaguid } = readCredential({ id: '', secret: credentialOf(registered).secret })
      const policy = (attestationRoots: string[]): AllowedAuthenticators => ({
        allowed: [aaguid],
        metadata: {
          no: 1,
          nextUpdate: context.now + 1,
          entryOf: () => ({ description: 'W3C', attestationRoots, statuses: [] }),
        },
      })
      const proven = await registerBy(named(name), { authenticators: policy([root]) })
      assert.equal(readCredential({ id: '', secret: credentialOf(proven).secret }).attested, true)
      assert.deepEqual(await registerBy(named(name), { authenticators: policy([]) }), {
        confirmed: false,
        reason: 'untrusted',
      })
    })

  it('of Apple is refused by the root of Apple', async () => {
    SettingsService.setRootCertificates({ identifier: 'apple', certificates: appleRoots })
    try {
      assert.deepEqual(await registerBy(named('apple-es256'), {}), { confirmed: false, reason: 'wrong' })
    } finally {
      SettingsService.setRootCertificates({ identifier: 'apple', certificates: [pem] })
    }
  })
})
