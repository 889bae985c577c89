import { isIP } from 'node:net'
import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'

const hostOf = (issuer: string): string => new URL(issuer).hostname.replace(/^\[|\]$/g, '')

/** The RP ID is the issuer's host or a domain above it; browsers know none on an IP address (WebAuthn L3 §5.1.3). */
export const usableRpId = ({ mode, issuer, policy, webauthn }: Config): Breach[] => {
  const host = hostOf(issuer)
  const { rpId = host } = webauthn
  if (rpId !== host && !(host.endsWith(`.${rpId}`) && rpId.includes('.')))
    return [
      {
        path: ['webauthn', 'rpId'],
        message: `is not the issuer’s host or a domain above it (${host}).`,
        fix: 'Leave it out, or name a domain that the issuer’s host ends with.',
      },
    ]
  return mode === 'production' && isIP(host) !== 0 && policy.factors.webauthn !== 'forbid'
    ? [
        {
          path: ['issuer'],
          message: 'is an IP address: browsers make no passkeys for one.',
          fix: 'Use a host name, or set `policy.factors.webauthn` to `forbid`.',
        },
      ]
    : []
}

/** A model is believed only where its metadata say how to prove it. */
export const knownModels = ({ webauthn }: Config): Breach[] => {
  if (webauthn.authenticators && webauthn.metadata === undefined)
    return [
      {
        path: ['webauthn', 'metadata'],
        message: 'is missing.',
        fix: 'Name the file of the FIDO metadata: `webauthn.authenticators` needs it to prove the models.',
      },
    ]
  return !webauthn.authenticators && webauthn.metadata !== undefined
    ? [
        {
          path: ['webauthn', 'metadata'],
          message: 'has no effect without `webauthn.authenticators`.',
          fix: 'List the models that may be registered, or leave it out.',
        },
      ]
    : []
}
