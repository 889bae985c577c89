import type { Place } from './place.ts'

/** The value at a path of nested records; undefined where there is none. */
const at = (record: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined,
    record,
  )

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** Of the texts, the first that is an ISO 3166-1 alpha-2 code: in some files `country` is the code, in some the name. */
const countryCode = (...found: unknown[]): string | null =>
  found.find((value): value is string => typeof value === 'string' && /^[A-Z]{2}$/.test(value)) ?? null

/** Some makers write numbers as text. */
const degrees = (value: unknown, most: number): number | undefined => {
  const number = text(value) === undefined ? value : Number(value)
  return typeof number === 'number' && Math.abs(number) <= most ? number : undefined
}

/**
 * What a record of a place database says of a place, or undefined when that is nothing. Country: `country.iso_code` (GeoLite2,
 * GeoIP2, DB-IP), `country_code` (IPinfo Lite) or `country` (IPinfo); city in English: `city.names.en` or `city`; coordinates:
 * `location.latitude` and `.longitude`, or `lat` and `lng`.
 */
export const placeIn = (record: unknown): Place | undefined => {
  const country = countryCode(
    at(record, 'country', 'iso_code'),
    at(record, 'country_code'),
    at(record, 'country'),
  )
  const city = text(at(record, 'city', 'names', 'en')) ?? text(at(record, 'city')) ?? null
  const latitude = degrees(at(record, 'location', 'latitude') ?? at(record, 'lat'), 90)
  const longitude = degrees(at(record, 'location', 'longitude') ?? at(record, 'lng'), 180)
  // 0, 0 lies in the open sea, and is what some makers write for "unknown": journeys from there would be impossible ones.
  const located =
    latitude !== undefined && longitude !== undefined && (latitude !== 0 || longitude !== 0)
      ? { latitude, longitude }
      : { latitude: null, longitude: null }
  return country === null && city === null && located.latitude === null
    ? undefined
    : { country, city, ...located }
}
