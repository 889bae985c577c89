import type { Sighting } from '../directory/directory.ts'

/**
 * A place for people to read, such as "Rome, Italy"; undefined when nothing is known of it. The city is called as the place
 * database calls it, the country as the language does.
 * @param language BCP 47
 */
export const placeInWords = (
  language: string,
  { city, country }: Pick<Sighting, 'city' | 'country'>,
): string | undefined => {
  // Anything else makes Intl throw, and a host's directory may hold anything.
  const named =
    country !== null && /^[A-Z]{2}$/.test(country)
      ? new Intl.DisplayNames(language, { type: 'region' }).of(country)
      : country
  return [city, named].filter(Boolean).join(', ') || undefined
}
