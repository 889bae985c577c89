import { readFileSync } from 'node:fs'
import { IntlMessageFormat } from 'intl-messageformat'
import type { Mail } from './delivery.ts'

/** What a person is told of by mail, with what each kind says besides. A label may be empty. */
export type Notice =
  | { kind: 'factor-enrolled'; factor: string; label: string }
  | { kind: 'factor-removed'; factor: string; label: string }
  | { kind: 'recovery-codes-issued' }
  | { kind: 'recovery-code-used'; left: number }
  | { kind: 'second-factor-locked' }
  | { kind: 'factors-reset' }

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
}

const catalogues = { en: readCatalogue('en'), it: readCatalogue('it') }

function readCatalogue(language: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`../../views/mail/${language}.json`, import.meta.url), 'utf8'))
}

/** The words of a notice mail: what happened, when, and what to do if it was somebody else. */
export function composeNotice(notice: Notice, context: NoticeContext): Pick<Mail, 'subject' | 'text'> {
  const { language } = context
  // No ICU message can ask whether a text is empty.
  const named = 'label' in notice && notice.label !== '' ? 'yes' : 'no'
  const values = { ...context, ...notice, named, when: timeInWords(context) }
  const say = (key: string): string => {
    const text = catalogues[language][key]
    if (text === undefined) throw new Error(`no mail text ${key} in ${language}`)
    return String(new IntlMessageFormat(text, language, undefined, { ignoreTag: true }).format(values))
  }
  const paragraphs = ['greeting', `${notice.kind}.text`, 'about', 'not-you', 'farewell'].map(say)
  return { subject: say(`${notice.kind}.subject`), text: `${paragraphs.join('\n\n')}\n` }
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
