import { z } from 'zod'
import { randomDigits } from '../../crypto/digits.ts'
import type { PushDelivery } from '../../delivery/delivery.ts'
import type { Draft, FactorContext, Rejection } from '../factor.ts'
import { deviceKey, type PushDevice, thumbprintOf } from './device.ts'
import type { ConfirmDraft, ScanDraft } from './draft.ts'
import { deviceName, invitationName } from './invitation.ts'
import { newSeed } from './offline-code.ts'
import type { Presence } from './presence.ts'
import { isFresh, isSignedBy, readSigned, signedClaims } from './signed.ts'

const header = z.strictObject({
  alg: z.literal('ES256'),
  typ: z.literal('push-enrol+jwt'),
  jwk: deviceKey,
})

const claims = z.strictObject({ ...signedClaims, token: z.string() })

const presented = z.object({
  jws: z.string(),
  /** RegistrationResponseJSON. */
  registration: z.unknown(),
  address: z.unknown().optional(),
  label: z.string().default(''),
  platform: z
    .string()
    .regex(/^[a-z]{1,16}$/)
    .catch('other'),
  language: z.enum(['en', 'it']).catch('en'),
})

/** Of the JSON text; a registration alone has at most 16 384. */
const mostCharacters = 32_768

const mostLabel = 60

/** Phones of one account. */
const mostDevices = 5

/** A number that is shown on the phone: whoever types it holds the phone, and sees this page. */
const numberDigits = 4
const tries = 3
/** Seconds to type it. */
const confirmSeconds = 300

export interface PresentingParts {
  issuer: string
  presence: Presence
  delivery: Pick<PushDelivery, 'readAddress'>
}

/**
 * A phone answers its invitation: with its own key, which signs the invitation, and a credential of its authenticator,
 * which has verified its user. `told`: what nobody but the phone is to know.
 */
export const presentDevice = async (
  answer: string,
  draft: ScanDraft,
  { issuer, presence, delivery }: PresentingParts,
  context: FactorContext,
): Promise<{ draft: Draft; told: Record<string, unknown> } | { refused: Rejection }> => {
  const { now, random } = context
  const given = read(answer)
  if (!given) return { refused: 'malformed' }
  if (now >= draft.expiresAt) return { refused: 'expired' }
  const signed = readSigned(given.jws, header, claims)
  if (!signed) return { refused: 'malformed' }
  const key = signed.header.jwk
  const { aud, iat, token } = signed.payload
  const isInvited = draft.invitations.includes(invitationName(token) ?? '')
  if (!isInvited || aud !== issuer || !isFresh(iat, now)) return { refused: 'wrong' }
  if (!(await isSignedBy(given.jws, key))) return { refused: 'wrong' }
  const hasAddress = (given.address ?? null) !== null
  const address = hasAddress ? delivery.readAddress(given.address) : null
  if (address === undefined || draft.own >= mostDevices) return { refused: 'not-allowed' }
  const registered = await presence.register(given.registration, draft, context)
  if ('refused' in registered) return registered
  const { id, secret, counter } = registered
  const { platform, language } = given
  const offline = newSeed(random)
  const device: PushDevice = {
    v: 1,
    key,
    authenticator: { id, secret, counter },
    address,
    offline,
    language,
    platform,
  }
  const thumbprint = await thumbprintOf(key)
  const number = randomDigits(random, numberDigits)
  const confirm: ConfirmDraft = {
    v: 1,
    own: draft.own,
    step: 'confirm',
    device,
    thumbprint,
    label: labelOf(given.label) || platform,
    number,
    triesLeft: tries,
    expiresAt: now + confirmSeconds * 1000,
  }
  return { draft: draftToConfirm(confirm), told: { number, thumbprint, offlineSecret: offline } }
}

/** What the page shows while it waits for the number; never the number. */
export const draftToConfirm = (draft: ConfirmDraft): Draft => {
  const { label, triesLeft, expiresAt, thumbprint } = draft
  return {
    secret: JSON.stringify(draft),
    shown: { step: 'confirm', label, triesLeft, expiresAt },
    names: [deviceName(thumbprint)],
  }
}

const read = (text: string): z.infer<typeof presented> | undefined => {
  if (text.length > mostCharacters) return undefined
  try {
    return presented.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** One line, as a person would type it. */
const labelOf = (given: string): string =>
  given
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, mostLabel)
