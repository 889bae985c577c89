import { readFileSync } from 'node:fs'
import { IntlMessageFormat } from 'intl-messageformat'
import type { Mail } from './delivery.ts'
import { lastLine } from './web-otp.ts'

export interface CodeWords {
  language: 'en' | 'it'
  /** Name of the provider. */
  brand: string
  code: string
  /** For which the code is good. */
  minutes: number
}

const catalogues = { en: readCatalogue('en'), it: readCatalogue('it') }

function readCatalogue(language: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`../../views/mail/${language}.json`, import.meta.url), 'utf8'))
}

/**
 * A code as a text message: what it is for, a warning, and the last line by which the phone fills it in on the pages of
 * `host` alone. One message in GSM 03.38 (160 characters) with a brand and a host of usual length; never a link.
 *
 * @param words.host name of the host alone, as `new URL(issuer).hostname` gives it
 * @throws Error when host or code would make another line of the last one
 */
export function composeCodeText({ host, ...words }: CodeWords & { host: string }): string {
  return `${say('code.sms', words)}\n\n${lastLine(host, words.code)}`
}

/** A code as a mail. It is in the text alone: a locked phone shows subjects to whoever passes by. */
export function composeCodeMail(words: CodeWords & { name: string }): Pick<Mail, 'subject' | 'text'> {
  const paragraphs = ['greeting', 'code.text', 'code.alone', 'code.not-you', 'farewell'].map((key) =>
    say(key, words),
  )
  return { subject: say('code.subject', words), text: `${paragraphs.join('\n\n')}\n` }
}

function say(key: string, words: CodeWords & { name?: string }): string {
  const { language } = words
  const text = catalogues[language][key]
  if (text === undefined) throw new Error(`no mail text ${key} in ${language}`)
  return String(new IntlMessageFormat(text, language, undefined, { ignoreTag: true }).format({ ...words }))
}
