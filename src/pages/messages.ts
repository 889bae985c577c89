import { readdirSync, readFileSync } from 'node:fs'
import { IntlMessageFormat } from 'intl-messageformat'
import { languages } from './language.ts'
import type { Language, PageError } from './views.ts'

export type MessageValues = Record<string, string | number>

/** @throws Error for a key that is not in the catalogue, or a value that is missing. */
export type Translate = (key: string, values?: MessageValues) => string

/** `views/` beside `src/` and beside `dist/` alike. */
export const ownViews = new URL('../../views/', import.meta.url)

/** Reads the files of `messages/<language>/`: flat keys, ICU MessageFormat. A message is parsed when it is first used. */
export function loadTranslators(views: URL = ownViews): Record<Language, Translate> {
  const entries = languages.map((language) => [language, translatorOf(language, views)] as const)
  return Object.fromEntries(entries) as Record<Language, Translate>
}

/** The type of plain text in a parsed message (`TYPE.literal` of @formatjs/icu-messageformat-parser). */
const literal = 0

function translatorOf(language: Language, views: URL): Translate {
  const folder = new URL(`messages/${language}/`, views)
  const texts = new Map<string, string>(
    readdirSync(folder).flatMap((name) =>
      Object.entries<string>(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))),
    ),
  )
  const formats = new Map<string, IntlMessageFormat>()
  /** Most messages say the same every time. */
  const constants = new Map<string, string>()
  return (key, values) => {
    const constant = constants.get(key)
    if (constant !== undefined) return constant
    let format = formats.get(key)
    if (!format) {
      const text = texts.get(key)
      if (text === undefined) throw new Error(`no message ${key} in ${language}`)
      format = new IntlMessageFormat(text, language, undefined, { ignoreTag: true })
      formats.set(key, format)
    }
    const said = String(format.format(values))
    if (format.getAst().every(({ type }) => type === literal)) constants.set(key, said)
    return said
  }
}

/**
 * A time in words, such as "1 minute and 30 seconds", rounded up: whoever waits that long never comes too early.
 * From five minutes on it is said in whole minutes.
 */
export function durationInWords(language: Language, seconds: number): string {
  const precision = seconds > 300 ? 60 : 1
  const whole = Math.max(1, Math.ceil(seconds / precision) * precision)
  const parts = [
    [Math.floor(whole / 3600), 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ] as const
  const words = parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) =>
      new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(count),
    )
  return new Intl.ListFormat(language, { type: 'conjunction' }).format(words)
}

/** What an error says to the person, with its times in words. */
export function errorText(language: Language, translate: Translate, error: PageError): string {
  if (!('values' in error)) return translate(error.key)
  return translate(error.key, { ...error.values, duration: durationInWords(language, error.values.seconds) })
}
