import { systemClock } from '../clock.ts'
import type { StandardClaims } from '../directory/directory.ts'
import {
  addressParts,
  type ClaimName,
  claimNames,
  isClaimName,
  readClaim,
  withoutOrphans,
} from '../provider/standard-claims.ts'
import type { OnAccount } from './account.ts'
import { checkPersonalNames } from './account-create.ts'
import { printable } from './account-show.ts'
import { Refusal } from './io.ts'

export interface ClaimChange {
  /** Each `name=value`. */
  set: readonly string[]
  unset: readonly string[]
  json: boolean
}

type Claims = Record<string, unknown>

/** Claims of an account that stand in columns of their own, and how they change. */
const elsewhere: Record<string, string> = {
  sub: 'is the account’s id, which never changes',
  preferred_username: 'is the user name, which never changes',
  email: 'is set with the account',
  email_verified: 'follows from the e-mail address, which only you set',
  updated_at: 'is written when the others change',
}

const fieldNames = ['name', 'locale'] as const
type FieldName = (typeof fieldNames)[number]
const isField = (name: string): name is FieldName => fieldNames.some((one) => one === name)

const refuseName = (name: string): never => {
  const why = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined
  throw new Refusal(
    why === undefined
      ? `There is no claim ${JSON.stringify(name)}; there are ${[...fieldNames, ...claimNames].join(', ')}, and parts such as address.locality.`
      : `The claim ${name} ${why}.`,
  )
}

/** `address.locality` names a part of the address. */
const partOf = (name: string): string | undefined => {
  const part = /^address\.(\w+)$/.exec(name)?.[1]
  return part !== undefined && addressParts.includes(part) ? part : undefined
}

const typedValue = (name: ClaimName, text: string): unknown => {
  if (name !== 'address' && name !== 'phone_number_verified') return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

const put = (claims: Claims, name: ClaimName, value: unknown): void => {
  const read = readClaim(name, value)
  if ('fault' in read) throw new Refusal(`The claim ${name} ${read.fault}.`)
  claims[name] = read.value
}

const setClaim = (claims: Claims, fields: Claims, assignment: string): void => {
  const at = assignment.indexOf('=')
  const [name, text] = [assignment.slice(0, at), assignment.slice(at + 1)]
  if (at < 1) throw new Refusal('A claim is set by its name and its value: --set given_name=Maria.')
  const part = partOf(name)
  if (part !== undefined) put(claims, 'address', { ...(claims['address'] as object), [part]: text })
  else if (isField(name)) fields[name] = text
  else if (isClaimName(name)) put(claims, name, typedValue(name, text))
  else refuseName(name)
}

const unsetClaim = (claims: Claims, fields: Claims, name: string): void => {
  const part = partOf(name)
  if (part !== undefined) {
    const { [part]: _, ...rest } = (claims['address'] ?? {}) as Claims
    if (Object.keys(rest).length > 0) claims['address'] = rest
    else delete claims['address']
  } else if (name === 'locale') fields['locale'] = null
  else if (name === 'name') throw new Refusal('An account has a name: set another one instead.')
  else if (isClaimName(name)) delete claims[name]
  else refuseName(name)
}

/** Changes what is released about a person, and answers all of it then. Changes nothing when told nothing. */
export const changeClaims = async (
  { account, directory }: Pick<OnAccount, 'account' | 'directory'>,
  { set, unset, json }: ClaimChange,
): Promise<string> => {
  const claims: Claims = { ...account.claims }
  const fields: { name?: string; locale?: string | null } = {}
  for (const name of unset) unsetClaim(claims, fields, name)
  for (const assignment of set) setClaim(claims, fields, assignment)
  if (set.length + unset.length === 0) return listed(account, json)
  checkPersonalNames({
    ...(fields.name !== undefined && { name: fields.name }),
    ...(typeof fields.locale === 'string' && { locale: fields.locale }),
  })
  const kept = withoutOrphans({ ...claims, updated_at: Math.floor(systemClock.now() / 1000) })
  await directory.changeAccount(account.id, { ...fields, claims: kept })
  return listed({ ...account, ...fields, claims: kept }, json)
}

const listed = (
  { name, locale, claims }: { name: string; locale: string | null; claims: StandardClaims },
  json: boolean,
): string => {
  const all = { name, ...(locale !== null && { locale }), ...claims }
  if (json) return JSON.stringify(all, null, 2)
  return Object.entries(all)
    .flatMap(([claim, value]) =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).map(([part, text]) => [`${claim}.${part}`, text] as const)
        : [[claim, value] as const],
    )
    .map(([claim, value]) => `${claim.padEnd(24)}${printable(String(value))}`)
    .join('\n')
}
