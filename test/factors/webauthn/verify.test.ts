import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Credential } from '../../../src/directory/directory.ts'
import type { Question, Rejection, Verdict } from '../../../src/factors/factor.ts'
import { readCredential, writeCredential } from '../../../src/factors/webauthn/credential.ts'
import type { WebAuthnOptions } from '../../../src/factors/webauthn/options.ts'
import { verifyAssertion } from '../../../src/factors/webauthn/verify.ts'
import { flag, type SoftAuthenticatorSettings } from '../../support/soft-authenticator.ts'
import { answerTo, type Case, context, options, registered, rpId, type Scene } from './scene.ts'

/** One thing that is wrong with an assertion which is right otherwise. */
interface Vector extends Case {
  reason: Rejection
  /** How the authenticator was registered. */
  registered?: Partial<SoftAuthenticatorSettings>
  /** Nobody was named: any passkey may answer. */
  passkey?: true
  question?: (question: Question & { options: Record<string, unknown> }) => Question
  /** What the account has when the answer comes. */
  credentials?: (own: Credential, scene: Scene) => Promise<Credential[]>
}

const changeFlags =
  (set: number, unset = 0) =>
  (data: Buffer): Buffer => {
    const changed = Buffer.from(data)
    changed[32] = ((changed[32] ?? 0) | set) & ~unset
    return changed
  }

const flip = (bytes: unknown, at = -1): string => {
  const changed = Buffer.from(String(bytes), 'base64url')
  const index = at < 0 ? changed.length + at : at
  changed[index] = (changed[index] ?? 0) ^ 1
  return changed.toString('base64url')
}

const clientData = (change: Record<string, unknown>): Case => ({
  ceremony: { tamper: { clientData: (data) => ({ ...data, ...change }) } },
})
const authenticatorData = (change: (data: Buffer) => Buffer): Case => ({
  ceremony: { tamper: { authenticatorData: change } },
})
const response = (change: (response: Record<string, unknown>) => Record<string, unknown>): Case => ({
  json: (json) => ({ ...json, response: { ...json.response, ...change(json.response) } }),
})

const ofAnotherRelyingParty = (data: Buffer) =>
  Buffer.concat([createHash('sha256').update(`sso.${rpId}`).digest(), data.subarray(32)])

const vectors: Record<string, Vector> = {
  'is not JSON': { reason: 'malformed', text: () => 'not JSON' },
  'is not an object': { reason: 'malformed', text: (text) => `[${text}]` },
  'is longer than 16 kB': { reason: 'malformed', json: (json) => ({ ...json, more: 'x'.repeat(16_384) }) },
  'has an id that is not its raw id': {
    reason: 'malformed',
    json: (json) => ({ ...json, rawId: flip(json['rawId']) }),
  },
  'has an id longer than 1023 bytes': {
    reason: 'malformed',
    json: (json) => ({ ...json, id: 'A'.repeat(1365), rawId: 'A'.repeat(1365) }),
  },
  'is not of a public key': { reason: 'malformed', json: (json) => ({ ...json, type: 'password' }) },
  'has no signature': { reason: 'malformed', ...response(() => ({ signature: undefined })) },
  'has padding': { reason: 'malformed', ...response(({ signature }) => ({ signature: `${signature}=` })) },
  'is of a credential of someone else': {
    reason: 'wrong',
    credentials: async () => [(await registered()).credential],
  },
  'is of a credential of the account that was not asked for': {
    reason: 'wrong',
    question: (question) => ({ ...question, options: { ...question.options, allowCredentials: [] } }),
  },
  'is for another challenge': { reason: 'wrong', ...clientData({ challenge: 'A'.repeat(43) }) },
  'is of a registration': { reason: 'wrong', ...clientData({ type: 'webauthn.create' }) },
  'is of a page of a subdomain': { reason: 'wrong', ceremony: { origin: 'https://a.sso.example.org' } },
  'is of a page of the parent domain': { reason: 'wrong', ceremony: { origin: 'https://example.org' } },
  'is of a page without TLS': { reason: 'wrong', ceremony: { origin: 'http://sso.example.org' } },
  'is of a page of another port': { reason: 'wrong', ceremony: { origin: 'https://sso.example.org:8443' } },
  'is for another relying party': { reason: 'wrong', ...authenticatorData(ofAnotherRelyingParty) },
  'was made with nobody present': { reason: 'wrong', ...authenticatorData(changeFlags(0, flag.up)) },
  'was embedded, which nobody may do': { reason: 'wrong', ceremony: { crossOrigin: true } },
  'was embedded in a page that may not': {
    reason: 'wrong',
    options: { topOrigins: ['https://portal.example'] },
    ceremony: { crossOrigin: true, topOrigin: 'https://evil.example' },
  },
  'names an outer page, and was not embedded': {
    reason: 'wrong',
    options: { topOrigins: ['https://portal.example'] },
    ceremony: { crossOrigin: false, topOrigin: 'https://portal.example' },
  },
  'was embedded, and says so in a way of its own': { reason: 'wrong', ...clientData({ crossOrigin: 'yes' }) },
  'has client data that are not JSON': {
    reason: 'wrong',
    ...response(() => ({ clientDataJSON: Buffer.from('{').toString('base64url') })),
  },
  'could be synced all at once': { reason: 'wrong', ...authenticatorData(changeFlags(flag.be)) },
  'cannot be synced any more': {
    reason: 'wrong',
    registered: { backupEligible: true },
    ...authenticatorData(changeFlags(0, flag.be)),
  },
  'is synced, and could not be': { reason: 'wrong', ...authenticatorData(changeFlags(flag.bs)) },
  'has another signature': {
    reason: 'wrong',
    ...response(({ signature }) => ({ signature: flip(signature) })),
  },
  'was changed after it was signed, in its flags': {
    reason: 'wrong',
    ...response(({ authenticatorData }) => ({ authenticatorData: flip(authenticatorData, 36) })),
  },
  'was changed after it was signed, in its client data': {
    reason: 'wrong',
    ...response(({ clientDataJSON }) => ({
      clientDataJSON: Buffer.from(`${Buffer.from(String(clientDataJSON), 'base64url')} `).toString(
        'base64url',
      ),
    })),
  },
  'is signed by the key of another credential': {
    reason: 'wrong',
    credentials: async (own) => {
      const { secret } = (await registered()).credential
      const { publicKey } = readCredential({ id: '', secret })
      return [{ ...own, secret: writeCredential({ ...readCredential(own), publicKey }) }]
    },
  },
  'did not verify the user, and had to': {
    reason: 'unverified',
    question: (question) => ({ ...question, options: { ...question.options, userVerification: 'required' } }),
    ...authenticatorData(changeFlags(0, flag.uv)),
  },
  'did not verify the user of a passkey': {
    reason: 'unverified',
    passkey: true,
    ...authenticatorData(changeFlags(0, flag.uv)),
  },
  'is for the handle of another user': {
    reason: 'wrong',
    ...response(() => ({ userHandle: 'A'.repeat(86) })),
  },
  'is of a passkey for the handle of another user': {
    reason: 'wrong',
    passkey: true,
    ...response(() => ({ userHandle: 'A'.repeat(86) })),
  },
  'is of a passkey, and does not say whose': {
    reason: 'wrong',
    passkey: true,
    ...response(() => ({ userHandle: undefined })),
  },
  'is of a passkey, and says it is nobody’s': {
    reason: 'wrong',
    passkey: true,
    ...response(() => ({ userHandle: null })),
  },
  'repeats the counter of a key that stays in its device': {
    reason: 'cloned',
    registered: { counter: { start: 5, step: 0 } },
  },
  'goes back to a counter of zero': {
    reason: 'cloned',
    registered: { counter: { start: 5, step: -5 } },
  },
  'answers a question that was never asked': { reason: 'wrong', question: () => ({}) },
  'answers a question that does not say whether to verify': {
    reason: 'wrong',
    question: (question) => ({ ...question, options: { ...question.options, userVerification: undefined } }),
  },
}

const judge = async (vector: Omit<Vector, 'reason'>): Promise<{ verdict: Verdict; scene: Scene }> => {
  const scene = await registered(vector.registered)
  const { factor, authenticator, credential } = scene
  Object.assign(authenticator.settings, vector.settings)
  const asked = vector.passkey
    ? await factor.passkey?.begin(context)
    : await factor.begin([credential], context)
  assert(asked)
  const answer = answerTo(authenticator, asked, vector)
  const { question: change = (same) => same } = vector
  const question = change(structuredClone(asked) as Question & { options: Record<string, unknown> })
  const credentials = (await vector.credentials?.(credential, scene)) ?? [credential]
  const settings: WebAuthnOptions = { ...options, ...vector.options }
  return { verdict: await verifyAssertion(answer, question, credentials, settings), scene }
}

describe('an assertion is refused that', () => {
  for (const [name, vector] of Object.entries(vectors))
    it(name, async () => {
      const { verdict } = await judge(vector)
      assert.deepEqual(verdict, { verified: false, reason: vector.reason })
    })
  it('answers the question of someone else, although it is right', async () => {
    const [maria, anna] = [await registered(), await registered()]
    const question = await maria.factor.begin([maria.credential], context)
    const answer = answerTo(anna.authenticator, question, {
      ceremony: { tamper: { credential: anna.credential.handle ?? '' } },
    })
    for (const credentials of [[maria.credential], [anna.credential], [maria.credential, anna.credential]])
      assert.deepEqual(await maria.factor.verify(answer, question, credentials, context), {
        verified: false,
        reason: 'wrong',
      })
  })
  it('answers an earlier question', async () => {
    const { factor, authenticator, credential } = await registered()
    const answer = answerTo(authenticator, await factor.begin([credential], context))
    const verdict = await factor.verify(
      answer,
      await factor.begin([credential], context),
      [credential],
      context,
    )
    assert.deepEqual(verdict, { verified: false, reason: 'wrong' })
  })
})

const accepted = async (vector: Omit<Vector, 'reason'>) => {
  const { verdict, scene } = await judge(vector)
  assert(verdict.verified, JSON.stringify(verdict))
  return { ...verdict, scene }
}

describe('an assertion is accepted that', () => {
  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const)
    it(`is signed by an ${algorithm} key`, async () => {
      const { scene, ...verdict } = await accepted({
        registered: { algorithm, counter: { start: 1, step: 1 } },
      })
      assert.deepEqual(verdict, {
        verified: true,
        credential: 'c1',
        spend: { expected: 1, next: 2 },
        amr: ['pop', 'user', 'mfa'],
        assurance: { userVerified: true, deviceBound: true, attested: false },
      })
    })
  it('is of a passkey which says whose it is', async () => {
    const { credential } = await accepted({ passkey: true })
    assert.equal(credential, 'c1')
  })
  it('says nothing of its user, where its user is known', async () => {
    await accepted({ registered: { discoverable: false } })
    await accepted(response(() => ({ userHandle: null })))
  })
  it('is of a related origin', () => accepted({ ceremony: { origin: 'https://related.example' } }))
  it('was embedded where it may be, also where the browser does not say in what', async () => {
    const topOrigins = ['https://portal.example', 'https://intranet.example']
    for (const topOrigin of topOrigins)
      await accepted({ options: { topOrigins }, ceremony: { crossOrigin: true, topOrigin } })
    await accepted({ options: { topOrigins }, ceremony: { crossOrigin: true } })
    await accepted(clientData({ crossOrigin: undefined }))
  })
  it('is of one of several credentials', async () => {
    const other = (await registered({}, { id: 'c0' })).credential
    const { credential } = await accepted({ credentials: async (own) => [other, own] })
    assert.equal(credential, 'c1')
  })
  it('is of a key whose algorithm is not offered any more', () =>
    accepted({ options: { algorithms: ['EdDSA'] } }))
  it('was asked for before verifying the user became a must, and not one asked for after', async () => {
    const unverified = authenticatorData(changeFlags(0, flag.uv))
    await accepted({ options: { userVerification: 'required' }, ...unverified })
    const { verdict } = await judge({
      options: { userVerification: 'preferred' },
      ...unverified,
      question: (question) => ({
        ...question,
        options: { ...question.options, userVerification: 'required' },
      }),
    })
    assert.deepEqual(verdict, { verified: false, reason: 'unverified' })
  })
})

describe('the counter of an authenticator', () => {
  const table: Array<[synced: boolean, stored: number, signed: number, outcome: string | number]> = [
    [false, 0, 0, 0],
    [false, 0, 1, 1],
    [false, 7, 8, 8],
    [false, 7, 4_294_967_295, 4_294_967_295],
    [false, 7, 7, 'cloned'],
    [false, 7, 6, 'cloned'],
    [false, 7, 0, 'cloned'],
    [true, 0, 0, 0],
    [true, 0, 3, 3],
    [true, 7, 9, 9],
    [true, 7, 7, 'counter-went-back'],
    [true, 7, 2, 'counter-went-back'],
    [true, 7, 0, 'counter-went-back'],
  ]
  for (const [synced, stored, signed, outcome] of table)
    it(`${stored} → ${signed} of a ${synced ? 'synced' : 'device-bound'} one: ${outcome}`, async () => {
      const { verdict } = await judge({
        registered: { backupEligible: synced, counter: { start: stored, step: signed - stored } },
      })
      if (outcome === 'cloned') assert.deepEqual(verdict, { verified: false, reason: 'cloned' })
      else {
        assert(verdict.verified)
        assert.equal(verdict.suspicion, outcome === 'counter-went-back' ? outcome : undefined)
        assert.deepEqual(verdict.spend, { expected: stored, next: Math.max(stored, signed) })
      }
    })
})

describe('what an assertion earns', () => {
  const table: Array<[attested: boolean, synced: boolean, verified: boolean, amr: string[]]> = [
    [false, false, false, ['pop', 'user']],
    [false, false, true, ['pop', 'user', 'mfa']],
    [false, true, true, ['pop', 'user', 'mfa']],
    [true, false, false, ['pop', 'user', 'hwk']],
    [true, false, true, ['pop', 'user', 'hwk', 'mfa']],
    [true, true, true, ['pop', 'user', 'mfa']],
  ]
  for (const [attested, synced, verified, amr] of table)
    it(`${attested ? 'proven' : 'claimed'} model, ${synced ? 'synced' : 'device-bound'}, user ${verified ? 'verified' : 'present'}: ${amr.join(' ')}`, async () => {
      const verdict = await accepted({
        registered: { backupEligible: synced },
        settings: { userVerification: verified },
        credentials: async (own) => [
          { ...own, secret: writeCredential({ ...readCredential(own), attested }) },
        ],
      })
      assert.deepEqual(verdict.amr, amr)
      assert.deepEqual(verdict.assurance, { userVerified: verified, deviceBound: !synced, attested })
    })
})

describe('what an assertion tells that is new', () => {
  const told = async (
    before: Partial<SoftAuthenticatorSettings>,
    now: Partial<SoftAuthenticatorSettings>,
  ) => {
    const { secret, scene } = await accepted({ registered: before, settings: now })
    if (secret === undefined) return undefined
    const [old, fresh] = [readCredential(scene.credential), readCredential({ id: '', secret })]
    assert.deepEqual(
      { ...fresh, backedUp: null, userVerified: null },
      { ...old, backedUp: null, userVerified: null },
    )
    return { backedUp: fresh.backedUp, userVerified: fresh.userVerified }
  }
  const synced = { backupEligible: true, backedUp: true }
  it('is nothing, mostly', async () => {
    assert.equal(await told({}, {}), undefined)
    assert.equal(await told(synced, {}), undefined)
  })
  it('is that it is synced, or is not any more', async () => {
    assert.deepEqual(await told({ backupEligible: true }, { backedUp: true }), {
      backedUp: true,
      userVerified: true,
    })
    assert.deepEqual(await told(synced, { backedUp: false }), { backedUp: false, userVerified: true })
  })
  it('is that it verified its user for the first time', async () => {
    assert.deepEqual(await told({ userVerification: false }, { userVerification: true }), {
      backedUp: false,
      userVerified: true,
    })
    assert.equal(await told({ userVerification: true }, { userVerification: false }), undefined)
  })
})

describe('a stored credential', () => {
  it('that is not one of ours is an error which tells nothing of it', async () => {
    const { factor, authenticator, credential } = await registered()
    const question = await factor.begin([credential], context)
    const answer = answerTo(authenticator, question)
    const whole = readCredential(credential)
    for (const secret of [
      '',
      'null',
      '{}',
      JSON.stringify({ ...whole, more: 1 }),
      JSON.stringify({ ...whole, v: 2 }),
    ])
      await assert.rejects(
        factor.verify(answer, question, [{ ...credential, secret }], context),
        (error: Error) => error.message === 'The WebAuthn credential c1 is not stored as it should be',
      )
  })
})
