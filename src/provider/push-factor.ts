import { readFile } from 'node:fs/promises'
import type { RequestLimits } from '../challenge/request-limits.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { PushDelivery } from '../delivery/delivery.ts'
import type { PushOptions } from '../delivery/push/push-delivery.ts'
import type { VapidKey } from '../delivery/push/vapid.ts'
import { DuepassiError } from '../errors.ts'
import type { Factor } from '../factors/factor.ts'
import { push } from '../factors/push/push.ts'
import { platformPresence } from '../factors/webauthn/platform.ts'
import { webauthnOptions } from './webauthn-options.ts'

/** The authenticator app as a second factor: what a phone is told, by whom it is verified, how long a request lives. */
export const pushFactor = async (config: Config, delivery: PushDelivery, clock: Clock): Promise<Factor> => {
  const { digits, seconds, resendAfter, resends } = config.push
  return push({
    issuer: config.issuer,
    issuerName: config.brand.name,
    digits,
    seconds,
    resendAfter,
    mostResends: resends,
    presence: platformPresence(await webauthnOptions(config, clock)),
    delivery,
  })
}

export const requestLimitsOf = ({ push: of }: Config): Partial<RequestLimits> => {
  const { perTenMinutes, perDay, firstWait, longestWait, refusals, silence, silenceAfterReport } = of
  return { perTenMinutes, perDay, firstWait, longestWait, refusals, silence, silenceAfterReport }
}

const readFileOf = (option: string, file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DuepassiError('not_configured', `${option} cannot be read: ${file}`, { cause })
  })

/**
 * The ways of telling phones that a configuration names.
 * @throws DuepassiError `not_configured` for a file that cannot be read
 */
export const pushTransports = async ({
  issuer,
  keys,
  push: of,
}: Config): Promise<PushOptions['transports']> => {
  const { fcm, apns, ntfy, webhook } = of
  return {
    ...(keys.push && {
      web: {
        vapid: keys.push as unknown as VapidKey,
        contact: of.contact ?? contactOf(issuer),
        hosts: of.hosts,
      },
    }),
    ...(fcm.account !== undefined && {
      fcm: { account: JSON.parse(await readFileOf('push.fcm.account', fcm.account)) },
    }),
    ...(apns.key !== undefined && {
      apns: {
        key: await readFileOf('push.apns.key', apns.key),
        teamId: apns.teamId ?? '',
        keyId: apns.keyId ?? '',
        topic: apns.topic ?? '',
        sandbox: apns.sandbox,
      },
    }),
    ...(ntfy.url !== undefined && {
      ntfy: { url: ntfy.url, allowPrivate: true, ...(ntfy.token !== undefined && { token: ntfy.token }) },
    }),
    ...(webhook.url !== undefined && {
      webhook: { url: webhook.url, secret: webhook.secret ?? '', allowPrivate: true },
    }),
  }
}

/** A push service takes a mail or an https address; the demo has neither. */
const contactOf = (issuer: string): string =>
  issuer.startsWith('https:') ? issuer : 'mailto:nobody@localhost.invalid'
