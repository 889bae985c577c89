import { createPrivateKey } from 'node:crypto'
import { SignJWT } from 'jose'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { apnsLink } from './apns-link.ts'
import { parsed } from './parsed.ts'
import { renewedToken } from './renewed-token.ts'
import { type Notification, type Transport, transport } from './transport.ts'

export interface ApnsOptions {
  /** Of Apple's developer account. */
  teamId: string
  keyId: string
  /** PKCS #8, PEM: the .p8 file. */
  key: string
  /** Bundle id of the app. */
  topic: string
  /** Apple's development environment. Default: no. */
  sandbox?: boolean
  /** Another server than Apple's, for tests, and the certificate that it is trusted by. */
  server?: { origin: string; ca: string }
  /** Milliseconds for a request. Default: 5000. */
  patience?: number
}

const addressShape = z.object({ kind: z.literal('apns'), token: z.string().regex(/^[0-9a-f]{64,200}$/i) })
const errorShape = z.object({ reason: z.string().regex(/^[A-Za-z]{1,50}$/) })

/** Apple wants a token to be renewed not before 20 and not after 60 minutes. */
const tokenLife = 40 * 60_000

const gone = ['BadDeviceToken', 'Unregistered', 'ExpiredToken']

/**
 * Apple Push Notification service, by provider token.
 *
 * @throws Error when the key is no P-256 key; it does not repeat it
 */
export function apns(options: ApnsOptions, clock: Clock): Transport {
  const { teamId, keyId, topic, sandbox = false, patience = 5_000 } = options
  const key = readKey(options.key)
  const origin = options.server?.origin ?? `https://api.${sandbox ? 'sandbox.' : ''}push.apple.com`
  const link = apnsLink(origin, patience, options.server?.ca)
  const token = renewedToken(async () => {
    const now = clock.now()
    const signed = await new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .setIssuer(teamId)
      .setIssuedAt(Math.floor(now / 1000))
      .sign(key)
    return { token: signed, until: now + tokenLife }
  }, clock)

  const post = async (address: { token: string }, notification: Notification) => {
    const provider = await token.read()
    const headers = {
      authorization: `bearer ${provider}`,
      'apns-topic': topic,
      'apns-push-type': 'alert',
      'apns-expiration': String(notification.expires),
      'apns-priority': '10',
      'apns-collapse-id': 'request',
    }
    const { status, body, retryAfter } = await link.post(
      `/3/device/${address.token}`,
      headers,
      bodyOf(notification),
    )
    const reason = errorShape.safeParse(parsed(body)).data?.reason
    if (reason === 'ExpiredProviderToken') token.forget(provider)
    return { status, retryAfter, reason, gone: status === 410 || gone.includes(reason ?? '') }
  }
  return transport('apns', addressShape, post, () => link.close())
}

const bodyOf = ({ id, expires, title, body }: Notification): string =>
  JSON.stringify({ aps: { alert: { title, body }, sound: 'default' }, id, exp: expires })

function readKey(pem: string) {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  } catch {
    // Its message could hold some of the key.
  }
  throw new Error('the key for APNs is not a private P-256 key')
}
