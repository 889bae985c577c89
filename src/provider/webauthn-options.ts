import { readFile } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { DuepassiError } from '../errors.ts'
import { readMetadata } from '../factors/webauthn/metadata.ts'
import type { WebAuthnOptions } from '../factors/webauthn/webauthn.ts'

/** The name that passkeys are bound to: the issuer's host, unless a domain above it is configured. */
export const rpIdOf = ({ issuer, webauthn: { rpId } }: Config): string => rpId ?? new URL(issuer).hostname

/** @throws DuepassiError `not_configured` for metadata that cannot be read or believed. */
export const webauthnOptions = async (config: Config, clock: Clock): Promise<WebAuthnOptions> => {
  const { relatedOrigins, topOrigins, algorithms, userVerification, authenticators, metadata } =
    config.webauthn
  const options: WebAuthnOptions = {
    rpId: rpIdOf(config),
    origins: [new URL(config.issuer).origin, ...relatedOrigins],
    topOrigins,
    algorithms,
    userVerification,
  }
  if (!authenticators || metadata === undefined) return options
  const { metadataRoot } = config.webauthn
  return {
    ...options,
    authenticators: {
      allowed: authenticators,
      metadata: await readMetadata({
        file: metadata,
        now: clock.now(),
        ...(metadataRoot !== undefined && { roots: [await readRoot(metadataRoot)] }),
      }),
    },
  }
}

const readRoot = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DuepassiError('not_configured', `webauthn.metadataRoot cannot be read: ${file}`, { cause })
  })

export const relatedOriginsPath = '/.well-known/webauthn'

/** Which origins may use the passkeys of ours (WebAuthn L3 §5.11.1); browsers ask the RP ID's host for it. */
export const relatedOriginsFile = (config: Config): string | undefined =>
  config.webauthn.relatedOrigins.length > 0
    ? JSON.stringify({ origins: [new URL(config.issuer).origin, ...config.webauthn.relatedOrigins] })
    : undefined
