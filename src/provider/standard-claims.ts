import { z } from 'zod'
import { isE164 } from '../delivery/e164.ts'
import type { StandardClaims } from '../directory/directory.ts'

const line = z
  .string()
  .min(1)
  .max(200)
  .regex(/^\P{Cc}+$/u, 'must be printable')
  .refine((text) => text.trim() === text, 'must not begin or end with a space')

const lines = z
  .string()
  .min(1)
  .max(500)
  .regex(/^(?:\P{Cc}|\n)+$/u, 'must be printable')

const webAddress = z
  .string()
  .max(2_000)
  .refine(
    (text) => ['https:', 'http:'].includes(URL.parse(text)?.protocol ?? ''),
    'must be a http or https address',
  )

const isZone = (name: string): boolean => {
  try {
    return (
      /^[A-Z]\w*(?:\/[\w+-]+)*$/i.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
    )
  } catch {
    return false
  }
}

/** ISO 8601-1: a day, a year, or a day without its year, which is written 0000 (OIDC Core §5.1). */
const isBirthdate = (text: string): boolean => {
  if (/^\d{4}$/.test(text)) return text !== '0000'
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  // A year in which February has 29 days.
  const day = text.startsWith('0000') ? `2000${text.slice(4)}` : text
  const at = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day)
}

const address = z
  .strictObject({
    formatted: lines.optional(),
    street_address: lines.optional(),
    locality: line.optional(),
    region: line.optional(),
    postal_code: line.optional(),
    country: line.optional(),
  })
  .refine((parts) => Object.keys(parts).length > 0, 'must not be empty')

const claim = {
  given_name: line,
  family_name: line,
  middle_name: line,
  nickname: line,
  profile: webAddress,
  picture: webAddress,
  website: webAddress,
  gender: line,
  birthdate: z
    .string()
    .refine(isBirthdate, 'must be a day such as 1985-03-08, a year, or 0000-03-08 without the year'),
  zoneinfo: z.string().refine(isZone, 'must be a time zone such as Europe/Rome'),
  phone_number: z.string().refine(isE164, 'must be a number that exists, as E.164: +390612345678'),
  phone_number_verified: z.boolean(),
  address,
}

export type ClaimName = keyof typeof claim

/** What may be kept with an account; `updated_at` is kept by whoever changes them. */
export const claimNames = Object.keys(claim) as ClaimName[]

export const isClaimName = (name: string): name is ClaimName => Object.hasOwn(claim, name)

/** The parts of `address`. */
export const addressParts = Object.keys(address.shape)

/** A value as it is to be kept, or what is wrong with it, in words that follow the claim's name. */
export const readClaim = (name: ClaimName, value: unknown): { value: unknown } | { fault: string } => {
  const parsed = claim[name].safeParse(value)
  if (parsed.success) return { value: parsed.data }
  const [issue] = parsed.error.issues
  const own = issue && !/^(Invalid|Too |Unrecognized)/.test(issue.message) ? issue.message : undefined
  return { fault: own ?? otherwise(name) }
}

const otherwise = (name: ClaimName): string => {
  if (name === 'phone_number_verified') return 'must be true or false'
  if (name === 'address')
    return `must have some of ${addressParts.join(', ')}, each with a text of moderate length`
  return 'must be a text of moderate length'
}

/** A number that nobody has is not verified: without it the other claim goes as well. */
export const withoutOrphans = ({ phone_number_verified, ...claims }: StandardClaims): StandardClaims =>
  claims.phone_number === undefined || phone_number_verified === undefined
    ? claims
    : { ...claims, phone_number_verified }
