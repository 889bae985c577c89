import { isIP } from 'node:net'
import { combineRules, type FactorRuleSet } from '../policy/factor-rules.ts'
import type { Breach, KeyPath } from './fault.ts'
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

const selfEnrolled = ['webauthn', 'totp']

const faultOf = (...sets: FactorRuleSet[]): string | undefined => {
  const { required, forbidden } = combineRules(...sets)
  const issued = required.find((factor) => !selfEnrolled.includes(factor))
  if (issued !== undefined) return `requires \`${issued}\`, which nobody can set up.`
  const both = required.find((factor) => forbidden.includes(factor))
  if (both !== undefined) return `requires and forbids \`${both}\`.`
  return selfEnrolled.every((factor) => forbidden.includes(factor))
    ? 'forbids every factor that people can set up.'
    : undefined
}

/** Rules that nobody can meet would keep everybody out. */
export const factorsCanBeMet = ({ policy }: Config): Breach[] => {
  const places: Array<[KeyPath, FactorRuleSet[]]> = [
    [['policy', 'factors'], [policy.factors]],
    ...Object.entries(policy.groups).map(([name, group]): [KeyPath, FactorRuleSet[]] => [
      ['policy', 'groups', name],
      [policy.factors, group.factors],
    ]),
  ]
  return places.flatMap(([path, sets]) => {
    const message = faultOf(...sets)
    return message === undefined
      ? []
      : [{ path, message, fix: 'Allow one factor that people can set up: `webauthn` or `totp`.' }]
  })
}
