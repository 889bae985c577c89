/** From an invitation to a device: both keys are made here, and nothing of them leaves but the public halves. */
import { ApiError, call } from './api.js'
import { seal } from './offline-code.js'
import { platform } from './platform.js'

const keys = globalThis.duepassiAuthenticator

/** What is left of a scanned or typed invitation: the token. @returns undefined where there is none */
export const tokenOf = (text) => {
  const scanned = /#e=([\w-]{43})$/.exec(text.trim())?.[1]
  if (scanned) return scanned
  const typed = text.toUpperCase().replaceAll(/[^0-9A-Z]/g, '')
  return typed.length === 10 ? typed : undefined
}

export const readInvitation = (token) => call('POST', 'invitations', { body: { token } })

/**
 * @param address a promise of one for push messages, or of null
 * @returns the device as it is kept; `number` is what the computer asks for
 * @throws DOMException when the person cancels; ApiError
 */
export const enrol = async ({ token, invitation, address, label }) => {
  const { keys: pair, jwk, thumbprint } = await keys.createKeys()
  const registration = await createCredential(invitation.options)
  const device = { thumbprint, keys: pair, issuer: invitation.issuer }
  const { lang: language } = document.documentElement
  const own = { label, platform: platform(), language, address: await address }
  const jws = await keys.sign(device, 'push-enrol+jwt', { token }, jwk)
  const body = { token, jws, registration, ...own }
  const answer = await call('POST', 'devices', { body })
  if (answer.thumbprint !== thumbprint) throw new ApiError('unexpected')
  const { account, accountTag, brand, rpId, expiresAt } = invitation
  const kept = {
    ...device,
    account,
    accountTag,
    brand,
    label: account,
    rpId,
    authenticator: { id: registration.id, transports: registration.response.transports },
    offline: await seal(answer.offlineSecret),
    addedAt: Date.now(),
    // Until the computer knows the number: the app may be closed in between.
    confirming: { number: answer.number, expiresAt },
  }
  await keys.put(kept)
  await navigator.storage?.persist?.().catch(() => false)
  return kept
}

/** By hand and not by `toJSON`, which iOS has only since 18.4. @returns RegistrationResponseJSON */
const createCredential = async (options) => {
  const publicKey = {
    ...options,
    challenge: keys.bytesOf(options.challenge),
    user: { ...options.user, id: keys.bytesOf(options.user.id) },
    excludeCredentials: options.excludeCredentials?.map((known) => ({
      ...known,
      id: keys.bytesOf(known.id),
    })),
  }
  const credential = await navigator.credentials.create({ publicKey })
  const { response } = credential
  return {
    id: credential.id,
    rawId: credential.id,
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      attestationObject: keys.base64url(response.attestationObject),
      clientDataJSON: keys.base64url(response.clientDataJSON),
      transports: response.getTransports?.() ?? ['internal'],
    },
  }
}
