import { readFileSync } from 'node:fs'
import { IntlMessageFormat } from 'intl-messageformat'
import { placeInWords } from '../context/place-in-words.ts'
import type { Mail } from './delivery.ts'

/** What a person is told of by mail, with what each kind says besides. A label may be empty. */
export type Notice =
  | { kind: 'factor-enrolled'; factor: string; label: string }
  | { kind: 'factor-removed'; factor: string; label: string }
  | { kind: 'recovery-codes-issued' }
  | { kind: 'recovery-code-used'; left: number }
  | { kind: 'second-factor-locked' }
  | { kind: 'factors-reset' }
  | { kind: 'password-changed' }
  | { kind: 'own-password-changed' }
  | {
      kind: 'new-device'
      browser: string | null
      system: string | null
      city: string | null
      country: string | null
      address: string | null
    }
  | { kind: 'device-copied' }
  /** `late`: of a request that nobody had answered in time, so that everything was ended. */
  | { kind: 'signin-reported'; late: boolean }
  | { kind: 'factor-retired'; factor: string; label: string; by: string }

export interface NoticeContext {
  language: 'en' | 'it'
  /** Name of the provider. */
  brand: string
  /** The person's name, for the greeting. */
  name: string
  /** The user name, so that it is known which account is meant. */
  account: string
  /** Milliseconds since the Unix epoch. */
  at: number
  /** IANA name; UTC when absent, because where the person is is not known. */
  timeZone?: string
  /** Address of the person's security page, where there is one. */
  securityPage?: string
}

const catalogues = { en: readCatalogue('en'), it: readCatalogue('it') }

function readCatalogue(language: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`../../views/mail/${language}.json`, import.meta.url), 'utf8'))
}

/** The words of a notice mail: what happened, when, and what to do if it was somebody else. */
export function composeNotice(notice: Notice, context: NoticeContext): Pick<Mail, 'subject' | 'text'> {
  const { language } = context
  const values = {
    ...context,
    ...notice,
    ...whereabouts(notice, language),
    // No ICU message can choose by a word with a hyphen.
    ...('factor' in notice && { factor: chosenBy(notice.factor) }),
    ...('by' in notice && { by: chosenBy(notice.by) }),
    // No ICU message can ask whether a text is empty.
    named: 'label' in notice && notice.label !== '' ? 'yes' : 'no',
    late: 'late' in notice && notice.late ? 'yes' : 'no',
    linked: context.securityPage === undefined ? 'no' : 'yes',
    when: timeInWords(context),
  }
  const textOf = (key: string) => catalogues[language][`${notice.kind}.${key}`] ?? catalogues[language][key]
  const say = (key: string): string => {
    const text = textOf(key)
    if (text === undefined) throw new Error(`no mail text ${key} in ${language}`)
    return String(new IntlMessageFormat(text, language, undefined, { ignoreTag: true }).format(values))
  }
  const paragraphs = ['greeting', 'text', 'about', 'not-you', 'farewell'].map(say)
  return { subject: say('subject'), text: `${paragraphs.join('\n\n')}\n` }
}

const chosenBy = (name: string): string => name.replaceAll('-', '_')

/** Which browser and which place it was, and how much of it is known. */
function whereabouts(notice: Notice, language: string): Record<string, string> {
  if (notice.kind !== 'new-device') return {}
  const { browser, system, address } = notice
  const place = placeInWords(language, notice)
  return {
    browser: browser ?? '',
    system: system ?? '',
    device: browser ? (system ? 'both' : 'browser') : system ? 'system' : 'none',
    place: place ?? '',
    address: address ?? '',
    where: place ? (address ? 'both' : 'place') : address ? 'address' : 'none',
  }
}

function timeInWords({ language, at, timeZone = 'UTC' }: NoticeContext): string {
  const format = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
    timeZoneName: 'short',
  })
  return format.format(at)
}
