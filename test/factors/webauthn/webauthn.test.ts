import assert from 'node:assert/strict'
import { webauthn } from '../../../src/factors/webauthn/webauthn.ts'
import { createSoftAuthenticator } from '../../support/soft-authenticator.ts'
import { answerOf, answerTo, context, credentialOf, enrol, options, origin, registered } from './scene.ts'

type Options = Record<string, unknown> & { user: { id: string }; challenge: string }
const shownBy = (draft: { shown: Record<string, unknown> }) => draft.shown.options as Options

describe('what the WebAuthn factor asks', () => {
  it('of a credential that exists', async () => {
    const { factor, credential } = await registered({ transports: ['usb'] })
    const { challenge, ...rest } = (await factor.begin([credential], context)).options as Options
    assert.match(challenge, /^[\w-]{43}$/)
    assert.deepEqual(rest, {
      rpId: 'example.org',
      allowCredentials: [{ type: 'public-key', id: credential.handle, transports: ['usb'] }],
      userVerification: 'preferred',
      timeout: 300_000,
    })
  })
  it('of whoever has a passkey', async () => {
    const question = await webauthn(options).passkey?.begin(context)
    assert(question)
    const { challenge, ...rest } = question.options as Options
    assert.match(challenge, /^[\w-]{43}$/)
    assert.equal(question.discoverable, true)
    assert.deepEqual(rest, {
      rpId: 'example.org',
      allowCredentials: [],
      userVerification: 'required',
      timeout: 300_000,
    })
  })
  it('of a new credential', async () => {
    const draft = await webauthn(options).enrolment.begin([], context)
    const { challenge, user, ...rest } = shownBy(draft)
    assert.match(challenge, /^[\w-]{43}$/)
    assert.match(user.id, /^[\w-]{86}$/)
    assert.deepEqual(user, { id: user.id, name: 'maria@example.org', displayName: 'maria@example.org' })
    assert.deepEqual(JSON.parse(draft.secret), { challenge, userHandle: user.id })
    assert.deepEqual(rest, {
      rp: { id: 'example.org', name: 'Duepassi' },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
      excludeCredentials: [],
      authenticatorSelection: {
        residentKey: 'preferred',
        requireResidentKey: false,
        userVerification: 'preferred',
      },
      attestation: 'none',
      extensions: { credProps: true },
      timeout: 300_000,
    })
  })
  it('is another challenge every time, from the given source of chance', async () => {
    const factor = webauthn(options)
    const asked = await Promise.all([1, 2].map(() => factor.begin([], context)))
    assert.notDeepEqual(asked[0], asked[1])
    const zero = { ...context, random: (size: number) => Buffer.alloc(size) }
    for (const shown of [
      (await factor.begin([], zero)).options,
      (await factor.passkey?.begin(zero))?.options,
      shownBy(await factor.enrolment.begin([], zero)),
    ])
      assert.equal((shown as Options).challenge, 'A'.repeat(43))
  })
  it('is for the same user as before, and for no authenticator that has a credential already', async () => {
    const { factor, authenticator, credential } = await registered({ transports: ['nfc'] })
    const draft = await factor.enrolment.begin([credential], context)
    assert.equal(shownBy(draft).user.id, authenticator.credentials[0]?.userHandle)
    assert.equal(JSON.parse(draft.secret).userHandle, authenticator.credentials[0]?.userHandle)
    assert.deepEqual(shownBy(draft)['excludeCredentials'], [
      { type: 'public-key', id: credential.handle, transports: ['nfc'] },
    ])
    assert.throws(() => authenticator.create(draft.shown.options, { origin }), { name: 'InvalidStateError' })
  })
  it('is what the settings say', async () => {
    const factor = webauthn({
      ...options,
      algorithms: ['ML-DSA-65', 'ES256'],
      userVerification: 'required',
      hints: ['security-key'],
      timeout: 600_000,
    })
    const draft = shownBy(await factor.enrolment.begin([], context))
    assert.deepEqual(
      draft['pubKeyCredParams'],
      [-49, -7].map((alg) => ({ type: 'public-key', alg })),
    )
    assert.deepEqual(draft['authenticatorSelection'], {
      residentKey: 'preferred',
      requireResidentKey: false,
      userVerification: 'required',
      authenticatorAttachment: 'cross-platform',
    })
    const { options: question } = await factor.begin([], context)
    for (const asked of [draft, question as Options]) {
      assert.deepEqual(asked['hints'], ['security-key'])
      assert.equal(asked['timeout'], 600_000)
    }
    assert.equal((question as Options)['userVerification'], 'required')
  })
  it('names an attachment where all hints agree on it, for browsers that know no hints', async () => {
    const table = [
      [['client-device'], 'platform'],
      [['security-key'], 'cross-platform'],
      [['hybrid', 'security-key'], 'cross-platform'],
      [['client-device', 'hybrid'], undefined],
      [[], undefined],
    ] as const
    for (const [hints, attachment] of table) {
      const draft = shownBy(await webauthn({ ...options, hints }).enrolment.begin([], context))
      const selection = draft['authenticatorSelection'] as Record<string, unknown>
      assert.equal(selection['authenticatorAttachment'], attachment, hints.join())
    }
  })
})

describe('the WebAuthn factor', () => {
  it('says what it is', () => {
    const { name, selfEnrolled } = webauthn(options)
    assert.deepEqual({ name, selfEnrolled }, { name: 'webauthn', selfEnrolled: true })
  })
  it('takes new credentials and assertions for answers, and nothing else', async () => {
    const { factor, authenticator, draft } = await enrol()
    assert.equal(
      factor.accepts(answerOf(createSoftAuthenticator().create(draft.shown.options, { origin }))),
      true,
    )
    const question = await factor.passkey?.begin(context)
    assert(question)
    const answer = answerTo(authenticator, question)
    assert.equal(factor.accepts(answer), true)
    for (const other of [
      '',
      '123456',
      'null',
      '[]',
      '{}',
      '"x"',
      answer.replace('public-key', 'x'),
      `${answer}}`,
    ])
      assert.equal(factor.accepts(other), false, other)
  })
  it('reads from an answer which credential it is of', async () => {
    const { factor, authenticator, credential } = await registered()
    const question = await factor.passkey?.begin(context)
    assert(question)
    assert.equal(factor.passkey?.handleOf(answerTo(authenticator, question)), credential.handle)
    assert.equal(factor.passkey?.handleOf('123456'), undefined)
  })
  it('signs in with a passkey alone', async () => {
    const { verdict, factor, authenticator } = await enrol({
      settings: { backupEligible: true, backedUp: true },
    })
    const credential = credentialOf(verdict)
    const question = await factor.passkey?.begin(context)
    assert(question)
    const answer = answerTo(authenticator, question)
    assert.deepEqual(await factor.verify(answer, question, [credential], context), {
      verified: true,
      credential: 'c1',
      spend: { expected: 0, next: 0 },
      amr: ['pop', 'user', 'mfa'],
      assurance: { userVerified: true, deviceBound: false, attested: false },
    })
  })
})
