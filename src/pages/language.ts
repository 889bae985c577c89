import type { IncomingMessage } from 'node:http'
import accepts from 'accepts'
import type { Language } from './views.ts'

export const languages = ['en', 'it'] as const satisfies readonly Language[]

/**
 * The language of a page: the first of `ui_locales` (OIDC Core §3.1.2.1: BCP 47 tags, most wanted first) that
 * there is, then the best of Accept-Language, then English.
 */
export function chooseLanguage(req: IncomingMessage, uiLocales?: string): Language {
  for (const tag of uiLocales?.split(/\s+/) ?? []) {
    const wanted = tag.toLowerCase().split('-')[0]
    const known = languages.find((language) => language === wanted)
    if (known) return known
  }
  return languages.find((language) => language === accepts(req).languages([...languages])) ?? 'en'
}
