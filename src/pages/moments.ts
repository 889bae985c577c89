import type { Language } from './views.ts'

/** A day, such as "3 March 2026", in UTC: where the person is is not known. `page.js` puts it into their time zone. */
export function dateInWords(language: Language, at: number): string {
  return new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
    dateStyle: 'long',
    timeZone: 'UTC',
  }).format(at)
}

const minute = 60_000
const units = [
  ['year', 365 * 24 * 60 * minute],
  ['month', 30 * 24 * 60 * minute],
  ['day', 24 * 60 * minute],
  ['hour', 60 * minute],
  ['minute', minute],
] as const

/** How long ago that was, such as "2 hours ago"; "now" within the last minute. Rounded down. */
export function agoInWords(language: Language, at: number, now: number): string {
  const past = Math.max(0, now - at)
  const [unit, length] = units.find(([, span]) => past >= span) ?? ['second', Number.POSITIVE_INFINITY]
  // "1 day ago" and not "yesterday": 30 hours ago may have been the day before.
  const numeric = unit === 'second' ? 'auto' : 'always'
  return new Intl.RelativeTimeFormat(language, { numeric }).format(-Math.floor(past / length), unit)
}
