import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Presence } from '../../../src/factors/push/presence.ts'
import { platformPresence } from '../../../src/factors/webauthn/platform.ts'
import {
  type Ceremony,
  createSoftAuthenticator,
  type SoftAuthenticatorSettings,
} from '../../support/soft-authenticator.ts'
import { context, options, origin, rpId } from './scene.ts'

const presence: Presence = platformPresence(options)
const hash = (text: string) => createHash('sha256').update(text).digest('base64url')
const asked = { challenge: hash('new'), userHandle: hash('somebody') }

const create = (settings: Partial<SoftAuthenticatorSettings> = {}, ceremony: Partial<Ceremony> = {}) => {
  const authenticator = createSoftAuthenticator({ discoverable: false, ...settings })
  const answer = authenticator.create(presence.creationOptions(asked, context), { origin, ...ceremony })
  return { authenticator, answer }
}

const registered = async (settings: Partial<SoftAuthenticatorSettings> = {}) => {
  const { authenticator, answer } = create(settings)
  const result = await presence.register(answer, asked, context)
  if ('refused' in result) throw new Error(result.refused)
  const { assurance, ...kept } = result
  const get = (challenge: string, ceremony: Partial<Ceremony> = {}) =>
    authenticator.get({ challenge, rpId, allowCredentials: [{ id: kept.id }] }, { origin, ...ceremony })
  return { authenticator, assurance, kept, get }
}

describe('the authenticator of a device itself', () => {
  it('is asked for a credential that stays there and verifies its user', () => {
    const given = presence.creationOptions(asked, context) as Record<string, unknown>
    assert.equal(presence.rpId, rpId)
    assert.equal(given['challenge'], asked.challenge)
    assert.deepEqual(given['user'], {
      id: asked.userHandle,
      name: 'maria@example.org',
      displayName: 'maria@example.org',
    })
    assert.deepEqual(given['authenticatorSelection'], {
      residentKey: 'discouraged',
      requireResidentKey: false,
      userVerification: 'required',
      authenticatorAttachment: 'platform',
    })
    assert.deepEqual(given['hints'], ['client-device'])
    assert.equal(given['attestation'], 'none')
    assert.deepEqual(given['excludeCredentials'], [])
  })

  it('asks for no model, whatever is asked of passkeys, and keeps their algorithms', () => {
    const strict = platformPresence({
      ...options,
      algorithms: ['ES256'],
      timeout: 60_000,
      authenticators: { allowed: [], metadata: { no: 1, nextUpdate: 0, entryOf: () => undefined } },
    })
    const given = strict.creationOptions(asked, context)
    assert.equal(given.attestation, 'none')
    assert.equal(given.timeout, 60_000)
    assert.deepEqual(given.pubKeyCredParams, [{ type: 'public-key', alg: -7 }])
  })

  it('is registered, and then proves that its user was verified for one thing', async () => {
    const { assurance, kept, get } = await registered({ counter: { start: 4, step: 1 } })
    assert.deepEqual(assurance, { userVerified: true, deviceBound: true, attested: false })
    assert.equal(kept.counter, 4)
    assert.deepEqual(await presence.verify(get(hash('this')), hash('this'), kept), {
      counter: 5,
      assurance,
    })
  })

  it('says whether its key may be elsewhere too', async () => {
    const { authenticator, assurance, kept, get } = await registered({ backupEligible: true })
    assert.equal(assurance.deviceBound, false)
    authenticator.settings.backedUp = true
    const verdict = await presence.verify(get(hash('this')), hash('this'), kept)
    assert.ok('secret' in verdict && verdict.secret)
    assert.equal(JSON.parse(verdict.secret).backedUp, true)
  })

  it('is not registered without its user, for another page, challenge, or as an answer of another kind', async () => {
    const { answer } = create({ userVerification: false })
    assert.deepEqual(await presence.register(answer, asked, context), { refused: 'unverified' })
    const { answer: elsewhere } = create({}, { origin: 'https://phish.example' })
    assert.deepEqual(await presence.register(elsewhere, asked, context), { refused: 'wrong' })
    const { answer: right } = create()
    const other = { ...asked, challenge: hash('other') }
    assert.deepEqual(await presence.register(right, other, context), { refused: 'wrong' })
    for (const none of [undefined, null, 'x', {}, []])
      assert.deepEqual(await presence.register(none, asked, context), { refused: 'malformed' })
    const { answer: odd } = create({ algorithm: 'ES384' })
    assert.deepEqual(await presence.register(odd, asked, context), { refused: 'untrusted' })
  })

  it('proves nothing without its user, about something else, from elsewhere, or embedded', async () => {
    const { authenticator, kept, get } = await registered()
    const verify = (answer: unknown, about = 'this') => presence.verify(answer, hash(about), kept)
    assert.deepEqual(await verify(get(hash('that'))), { refused: 'wrong' })
    assert.deepEqual(await verify(get(hash('this'), { origin: 'https://phish.example' })), {
      refused: 'wrong',
    })
    assert.deepEqual(await verify(get(hash('this'), { crossOrigin: true })), { refused: 'wrong' })
    const embeddable = platformPresence({ ...options, topOrigins: ['https://portal.example'] })
    const inside = get(hash('this'), { crossOrigin: true, topOrigin: 'https://portal.example' })
    assert.deepEqual(await embeddable.verify(inside, hash('this'), kept), { refused: 'wrong' })
    const { answer, authenticator: second } = create()
    const stranger = second.get(
      { challenge: hash('this'), rpId, allowCredentials: [{ id: answer.id }] },
      { origin },
    )
    assert.deepEqual(await verify(stranger), { refused: 'wrong' })
    for (const none of [undefined, null, 'x', {}])
      assert.deepEqual(await verify(none), { refused: 'malformed' })
    authenticator.settings.userVerification = false
    assert.deepEqual(await verify(get(hash('this'))), { refused: 'unverified' })
  })

  it('is found out as a copy by its counter, where it has one; where it is synced, that is noted', async () => {
    const { kept, get } = await registered({ counter: { start: 4, step: 1 } })
    const copied = { ...kept, counter: 9 }
    assert.deepEqual(await presence.verify(get(hash('this')), hash('this'), copied), { refused: 'cloned' })
    const synced = await registered({ counter: { start: 4, step: 1 }, backupEligible: true })
    const verdict = await presence.verify(synced.get(hash('this')), hash('this'), {
      ...synced.kept,
      counter: 9,
    })
    assert.ok('suspicion' in verdict)
    assert.deepEqual([verdict.counter, verdict.suspicion], [9, 'counter-went-back'])
  })
})
