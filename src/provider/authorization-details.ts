import { isDeepStrictEqual } from 'node:util'
import {
  type AuthorizationDetail,
  type AuthorizationDetailsForIntrospection,
  errors,
  interactionPolicy,
  type KoaContextWithOIDC,
  type RichAuthorizationRequestsActiveConfiguration,
} from 'oidc-provider'
import type { Config } from '../config/schema.ts'
import type { DetailWords } from '../interaction/shown-detail.ts'
import type { Language } from '../pages/views.ts'
import { selfRegisteredProperty } from './clients/self-registration.ts'
import { consentProperty } from './grants.ts'

type Feature =
  | { enabled: false }
  | (RichAuthorizationRequestsActiveConfiguration & {
      authorizationDetailsForIntrospection: AuthorizationDetailsForIntrospection
    })
type Policy = ReturnType<typeof interactionPolicy.base>
type Type = Config['protocol']['authorizationDetails'][number]

/** RFC 9396 §2.2; oidc-provider holds them to their types. */
const commonFields = ['type', 'locations', 'actions', 'datatypes', 'identifier', 'privileges']

/** As much as a person still reads before saying yes: how deep, how many characters of each, and how many of them. */
const most = { depth: 4, characters: 2_000, details: 10 }

const detailTypes = ({ protocol }: Pick<Config, 'protocol'>): ReadonlyMap<string, Type> =>
  new Map(protocol.authorizationDetails.map((one) => [one.type, one]))

/** What people read for a type of details and its fields, in a language of the pages. */
export const detailWords =
  (config: Pick<Config, 'protocol'>) =>
  (type: string, language: Language): DetailWords => {
    const { title, names = {} } = detailTypes(config).get(type) ?? {}
    const said = (words: typeof title) => (typeof words === 'object' ? words[language] : words)
    return {
      title: said(title),
      name: (field) => (Object.hasOwn(names, field) ? said(names[field]) : undefined),
    }
  }

/** What a request asks for in detail; whatever is no list was refused before (`checkRar` of oidc-provider). */
const askedIn = (params: Record<string, unknown> | undefined): AuthorizationDetail[] => {
  const given = params?.['authorization_details']
  return typeof given === 'string' ? (JSON.parse(given) as AuthorizationDetail[]) : []
}

/** Whether the person has to say yes to a detail of that type, each time. */
const needsConsent = (type: Type | undefined, client: object | undefined): boolean =>
  type?.consent !== 'client' ||
  (client as { [consentProperty]?: unknown } | undefined)?.[consentProperty] === true

/**
 * Where nobody is there who could be asked, it is the registration of the client that grants (`checkRar`), and so not one
 * that the client made by itself.
 */
const isVouchedFor = (client: object | undefined): boolean =>
  (client as { [selfRegisteredProperty]?: unknown } | undefined)?.[selfRegisteredProperty] !== true

/** The resource servers that the details of a request are for: who asks for details need not name them besides. */
export const resourcesOfDetails = (
  config: Pick<Config, 'protocol'>,
  params: Record<string, unknown> | undefined,
): string | string[] | undefined => {
  const types = detailTypes(config)
  const found = new Set(askedIn(params).flatMap(({ type }) => types.get(type)?.resource ?? []))
  return found.size > 1 ? [...found] : [...found][0]
}

/** Rich authorization requests (RFC 9396), of the types of the configuration. */
export const authorizationDetails = (config: Pick<Config, 'protocol'>): Feature => {
  const types = detailTypes(config)
  if (types.size === 0) return { enabled: false }
  return {
    enabled: true,
    types: Object.fromEntries([...types].map(([name, type]) => [name, { validate: validatorOf(type) }])),

    /** What was asked for now, and allowed now: nothing of an earlier grant comes along. */
    authorizationDetailsForGrantSource({ oidc }) {
      const asked = askedIn(oidc.params)
      const unasked = asked.some(({ type }) => needsConsent(types.get(type), oidc.client))
      if (unasked && !oidc.result?.consent)
        throw new errors.AccessDenied('nobody was asked for their consent')
      return asked
    },

    /** Those of the resource server that the token is for; a token request may narrow them (RFC 9396 §6). */
    authorizationDetailsForAccessToken({ oidc }, token, source) {
      const asked = askedIn(oidc.params)
      const granted = source ? (source.rar ?? []) : isVouchedFor(oidc.client) ? asked : []
      if (!asked.every((one) => granted.some((other) => isDeepStrictEqual(one, other))))
        throw new errors.InvalidAuthorizationDetails('that was not granted')
      const given = asked.length > 0 ? asked : granted
      // The configuration and the client's registration may have changed since somebody said yes.
      const registered = oidc.client?.authorizationDetailsTypes
      return given.filter(({ type }) => {
        const { resource } = types.get(type) ?? {}
        return resource !== undefined && resource === token.aud && registered?.includes(type) !== false
      })
    },

    authorizationDetailsForIntrospection: (_ctx, token) => token.rar,
  }
}

const validatorOf =
  ({ type, resource, fields }: Type) =>
  ({ oidc }: KoaContextWithOIDC, detail: AuthorizationDetail): void => {
    const refuse = (reason: string) => new errors.InvalidAuthorizationDetails(`${type}: ${reason}`)
    const allowed = new Set([...commonFields, ...fields])
    const unknown = Object.keys(detail).find((field) => !allowed.has(field))
    if (unknown !== undefined) throw refuse('it has a field that is not known')
    const isLong =
      JSON.stringify(detail).length > most.characters || askedIn(oidc.params).length > most.details
    if (isLong || depthOf(detail) > most.depth) throw refuse('nobody could read it')
    // A phone shows one line.
    if (oidc.route === 'backchannel_authentication') throw refuse('it needs a browser to be consented to')
    const { locations } = detail as { locations?: readonly string[] }
    if (locations?.some((location) => location !== resource)) throw refuse('it is not for these locations')
    const wanted = [oidc.params?.['resource'] ?? []].flat()
    if (wanted.length > 0 && !wanted.includes(resource))
      throw new errors.InvalidTarget(`${type} is for ${resource}`)
  }

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? 1 + Math.max(0, ...Object.values(value).map((one) => depthOf(one)))
    : 0

/**
 * The policy with consent to details where their types ask for it. oidc-provider asks for each detail of each client; here
 * a type may leave it to the client.
 */
export const consentToDetails = (policy: Policy, config: Pick<Config, 'protocol'>): Policy => {
  const types = detailTypes(config)
  const checks = policy.get('consent')?.checks
  if (types.size === 0 || !checks) return policy
  checks.remove('rar_prompt')
  checks.add(
    new interactionPolicy.Check(
      'rar_prompt',
      'authorization_details were requested',
      'consent_required',
      ({ oidc }: KoaContextWithOIDC) =>
        !oidc.result?.consent &&
        askedIn(oidc.params).some(({ type }) => needsConsent(types.get(type), oidc.client)),
      ({ oidc }: KoaContextWithOIDC) => ({ rar: askedIn(oidc.params) }),
    ),
  )
  return policy
}
