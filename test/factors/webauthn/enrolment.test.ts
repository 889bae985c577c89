import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import type { Rejection } from '../../../src/factors/factor.ts'
import { describeCredential, readCredential } from '../../../src/factors/webauthn/credential.ts'
import { createSoftAuthenticator, flag } from '../../support/soft-authenticator.ts'
import { answerOf, type Case, context, credentialOf, enrol, origin, registered, rpId } from './scene.ts'

/** One thing that is wrong with a registration which is right otherwise. */
interface Vector extends Case {
  reason: Rejection
}

const clientData = (change: Record<string, unknown>): Case => ({
  ceremony: { tamper: { clientData: (data) => ({ ...data, ...change }) } },
})
const authenticatorData = (change: (data: Buffer) => Buffer): Case => ({
  ceremony: { tamper: { authenticatorData: change } },
})
const flags =
  (set: number, unset = 0) =>
  (data: Buffer): Buffer => {
    const changed = Buffer.from(data)
    changed[32] = ((changed[32] ?? 0) | set) & ~unset
    return changed
  }
const key = (...changes: Array<[number, number | Uint8Array]>): Case => ({
  ceremony: { tamper: { publicKey: (parameters) => new Map([...parameters, ...changes]) } },
})
const format = (fmt: string): Case => ({
  ceremony: { tamper: { attestation: (object) => ({ ...object, fmt }) } },
})
const statement = (name: string, value: number | Uint8Array): Case => ({
  settings: { attestation: 'packed-self' },
  ceremony: {
    tamper: {
      attestation: (object) => ({ ...object, attStmt: new Map([...object.attStmt, [name, value]]) }),
    },
  },
})
const response = (change: Record<string, unknown>): Case => ({
  json: (json) => ({ ...json, response: { ...json.response, ...change } }),
})
const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const portal = { topOrigins: ['https://portal.example'] }

const vectors: Record<string, Vector> = {
  'is not JSON': { reason: 'malformed', text: (text) => text.slice(1) },
  'is longer than 16 kB': { reason: 'malformed', json: (json) => ({ ...json, more: 'x'.repeat(16_384) }) },
  'has an id that is not its raw id': { reason: 'malformed', json: (json) => ({ ...json, rawId: 'AAAA' }) },
  'has an id longer than 1023 bytes': {
    reason: 'malformed',
    ceremony: { tamper: { credentialId: Buffer.alloc(1024, 7) } },
  },
  'is not of a public key': { reason: 'malformed', json: (json) => ({ ...json, type: 'password' }) },
  'has no attestation object': { reason: 'malformed', ...response({ attestationObject: undefined }) },
  'has an attestation object that is not CBOR': {
    reason: 'malformed',
    ...response({ attestationObject: '____' }),
  },
  'has a transport as long as a novel': {
    reason: 'malformed',
    ...response({ transports: ['x'.repeat(33)] }),
  },
  'has no key': {
    reason: 'malformed',
    ...authenticatorData((data) => flags(0, flag.at)(data.subarray(0, 37))),
  },
  'has something after its key': {
    reason: 'malformed',
    ...authenticatorData((data) => Buffer.concat([data, Buffer.from([0])])),
  },
  'is of a sign-in': { reason: 'wrong', ...clientData({ type: 'webauthn.get' }) },
  'is for another challenge': { reason: 'wrong', ...clientData({ challenge: 'A'.repeat(43) }) },
  'is of a page of a subdomain': { reason: 'wrong', ceremony: { origin: 'https://a.sso.example.org' } },
  'is of a page without TLS': { reason: 'wrong', ceremony: { origin: 'http://sso.example.org' } },
  'was embedded, which nobody may do': { reason: 'wrong', ceremony: { crossOrigin: true } },
  'was embedded in a page that may not': {
    reason: 'wrong',
    options: portal,
    ceremony: { crossOrigin: true, topOrigin: 'https://evil.example' },
  },
  'names an outer page, and was not embedded': {
    reason: 'wrong',
    options: portal,
    ceremony: { crossOrigin: false, topOrigin: 'https://portal.example' },
  },
  'was embedded, and says so in a way of its own': { reason: 'wrong', ...clientData({ crossOrigin: 'yes' }) },
  'is for another relying party': {
    reason: 'wrong',
    ...authenticatorData((data) =>
      Buffer.concat([createHash('sha256').update(`sso.${rpId}`).digest(), data.subarray(32)]),
    ),
  },
  'was made with nobody present': { reason: 'wrong', ...authenticatorData(flags(0, flag.up)) },
  'is synced, and cannot be': { reason: 'wrong', ...authenticatorData(flags(flag.bs, flag.be)) },
  'is for another id than the authenticator says': {
    reason: 'wrong',
    json: (json) => ({ ...json, id: 'AAAA', rawId: 'AAAA' }),
  },
  'has a statement where there is none': {
    reason: 'wrong',
    ceremony: {
      tamper: { attestation: (object) => ({ ...object, attStmt: new Map([['alg', -7]]) }) },
    },
  },
  'has another signature of attestation': { reason: 'wrong', ...statement('sig', Buffer.alloc(70, 1)) },
  'vouches for itself by another key': {
    reason: 'wrong',
    ...statement('sig', sign('sha256', Buffer.from('other'), otherKey)),
  },
  'vouches for itself in another algorithm': { reason: 'wrong', ...statement('alg', -257) },
  'did not verify the user, and had to': {
    reason: 'unverified',
    settings: { userVerification: false },
    options: { userVerification: 'required' },
  },
  'is of an algorithm that is not offered (ES384)': { reason: 'untrusted', settings: { algorithm: 'ES384' } },
  'is of an algorithm that is not offered (ML-DSA-44)': {
    reason: 'untrusted',
    settings: { algorithm: 'ML-DSA-44' },
  },
  'is of an algorithm that this provider leaves out': {
    reason: 'untrusted',
    options: { algorithms: ['EdDSA'] },
  },
  'is an ES256 key of another curve': { reason: 'untrusted', ...key([-1, 2]) },
  'is an ES256 key of another type': { reason: 'untrusted', ...key([1, 1]) },
  'is an EdDSA key of another curve': {
    reason: 'untrusted',
    settings: { algorithm: 'EdDSA' },
    ...key([-1, 7]),
  },
  'is an EdDSA key of another type': {
    reason: 'untrusted',
    settings: { algorithm: 'EdDSA' },
    ...key([1, 2]),
  },
  'is an RS256 key of 1024 bits': {
    reason: 'untrusted',
    settings: { algorithm: 'RS256' },
    ...key([-1, Buffer.alloc(128, 255)]),
  },
  'is an RS256 key without a modulus': {
    reason: 'untrusted',
    settings: { algorithm: 'RS256' },
    ...key([-1, 1]),
  },
  'is an RS256 key of another type': {
    reason: 'untrusted',
    settings: { algorithm: 'RS256' },
    ...key([1, 2]),
  },
  'is an ML-DSA key of another type': {
    reason: 'untrusted',
    settings: { algorithm: 'ML-DSA-44' },
    options: { algorithms: ['ML-DSA-44'] },
    ...key([1, 1]),
  },
  'is attested as U2F keys were': { reason: 'untrusted', ...format('fido-u2f') },
  'is attested by a TPM': { reason: 'untrusted', ...format('tpm') },
  'is attested by Android': { reason: 'untrusted', ...format('android-key') },
  'is attested by SafetyNet': { reason: 'untrusted', ...format('android-safetynet') },
  'is attested in a format of its own': { reason: 'untrusted', ...format('mine') },
}

describe('a new credential is refused that', () => {
  for (const [name, vector] of Object.entries(vectors))
    it(name, async () => {
      const { verdict } = await enrol(vector)
      assert.deepEqual(verdict, { confirmed: false, reason: vector.reason })
    })
  it('answers an earlier question', async () => {
    const { factor } = await enrol()
    const [first, second] = [
      await factor.enrolment.begin([], context),
      await factor.enrolment.begin([], context),
    ]
    const answer = answerOf(createSoftAuthenticator().create(first.shown.options, { origin }))
    assert.equal((await factor.enrolment.finish(answer, first, context)).confirmed, true)
    assert.deepEqual(await factor.enrolment.finish(answer, second, context), {
      confirmed: false,
      reason: 'wrong',
    })
  })
  it('is no new credential, but an assertion', async () => {
    const { factor, authenticator, credential } = await registered()
    const draft = await factor.enrolment.begin([], context)
    const question = await factor.begin([credential], context)
    const answer = answerOf(authenticator.get(question.options, { origin }))
    assert.deepEqual(await factor.enrolment.finish(answer, draft, context), {
      confirmed: false,
      reason: 'malformed',
    })
  })
})

describe('a new credential', () => {
  it('is stored with all that later answers are judged by', async () => {
    const { verdict, authenticator, draft } = await enrol({
      settings: {
        aaguid: 'fcb1bcb4-f370-078c-6993-bc24d0ae3fbe',
        counter: { start: 3, step: 1 },
        transports: ['usb', 'nfc'],
      },
    })
    assert(verdict.confirmed)
    const { secret, ...rest } = verdict
    assert.deepEqual(rest, {
      confirmed: true,
      counter: 3,
      handle: authenticator.credentials[0]?.id,
      amr: ['pop', 'user', 'mfa'],
      assurance: { userVerified: true, deviceBound: true, attested: false },
      label: 'Ledger Nano X FIDO2 Authenticator',
      used: false,
    })
    const { publicKey, ...stored } = readCredential({ id: '', secret })
    assert.match(publicKey, /^[\w-]{100,}$/)
    assert.deepEqual(stored, {
      v: 1,
      userHandle: (draft.shown.options as { user: { id: string } }).user.id,
      alg: -7,
      transports: ['usb', 'nfc'],
      aaguid: 'fcb1bcb4-f370-078c-6993-bc24d0ae3fbe',
      fmt: 'none',
      attested: false,
      backupEligible: false,
      backedUp: false,
      userVerified: true,
      discoverable: true,
    })
  })
  it('is described without its key', async () => {
    const { verdict } = await enrol({ settings: { backupEligible: true, backedUp: true } })
    const credential = credentialOf(verdict)
    assert.deepEqual(describeCredential(credential), {
      credentialId: credential.handle,
      userHandle: readCredential(credential).userHandle,
      synced: true,
      backedUp: true,
      discoverable: true,
      userVerified: true,
      aaguid: '00000000-0000-0000-0000-000000000000',
      attested: false,
      transports: ['internal'],
    })
  })
  it('has no name of a model where the AAGUID is unknown, and no proof where it is only claimed', async () => {
    for (const aaguid of ['00000000-0000-0000-0000-000000000000', 'deadbeef-0000-0000-0000-000000000000']) {
      const { verdict } = await enrol({ settings: { aaguid, attestation: 'packed-self' } })
      assert(verdict.confirmed)
      assert.equal('label' in verdict, false)
      assert.equal(readCredential({ id: '', secret: verdict.secret }).attested, false)
      assert.equal(verdict.amr.includes('hwk'), false)
    }
  })
  it('says what it is: synced, verified, discoverable, or that nobody knows', async () => {
    const { verdict } = await enrol({
      settings: { backupEligible: true, backedUp: true, userVerification: false, discoverable: false },
    })
    assert(verdict.confirmed)
    assert.deepEqual(verdict.amr, ['pop', 'user'])
    const stored = readCredential({ id: '', secret: verdict.secret })
    assert.deepEqual(
      [stored.backupEligible, stored.backedUp, stored.userVerified, stored.discoverable],
      [true, true, false, false],
    )
    for (const clientExtensionResults of [undefined, {}, { credProps: {} }, 'nonsense']) {
      const silent = await enrol({ json: (json) => ({ ...json, clientExtensionResults }) })
      assert(silent.verdict.confirmed)
      assert.equal(readCredential({ id: '', secret: silent.verdict.secret }).discoverable, null)
    }
  })
  it('needs no transports, and may have an id of 1023 bytes', async () => {
    const { verdict } = await enrol({
      ...response({ transports: undefined }),
      ceremony: { tamper: { credentialId: Buffer.alloc(1023, 7) } },
    })
    assert(verdict.confirmed)
    assert.equal(verdict.handle?.length, 1364)
    assert.deepEqual(readCredential({ id: '', secret: verdict.secret }).transports, [])
  })
  it('may come from a page that lies in one that may embed it', async () => {
    const { verdict } = await enrol({
      options: portal,
      ceremony: { crossOrigin: true, topOrigin: 'https://portal.example' },
    })
    assert.equal(verdict.confirmed, true)
  })
  for (const algorithm of ['ES256', 'EdDSA', 'RS256', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const)
    for (const attestation of ['none', 'packed-self'] as const)
      it(`may be an ${algorithm} key (${attestation}), where that is offered`, async () => {
        const { verdict, factor, authenticator } = await enrol({
          settings: { algorithm, attestation },
          options: { algorithms: [algorithm] },
        })
        const credential = credentialOf(verdict)
        const question = await factor.begin([credential], context)
        const answer = answerOf(authenticator.get(question.options, { origin }))
        assert.equal((await factor.verify(answer, question, [credential], context)).verified, true)
      })
})
