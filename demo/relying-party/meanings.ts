import type { Language } from './texts.ts'

type InWords = Record<Language, string>

/** Authentication methods, RFC 8176 §2. */
const methods: Record<string, InWords> = {
  pwd: { it: 'password', en: 'password' },
  otp: { it: 'codice usa e getta', en: 'one-time code' },
  mfa: { it: 'più fattori insieme', en: 'several factors together' },
  hwk: { it: 'chiave in un dispositivo fisico', en: 'key held in hardware' },
  swk: { it: 'chiave custodita da un programma', en: 'key held in software' },
  user: { it: 'presenza della persona verificata', en: 'the person was shown to be there' },
  pin: { it: 'PIN', en: 'PIN' },
  pop: { it: 'possesso di una chiave dimostrato', en: 'possession of a key was proved' },
  sms: { it: 'codice via SMS', en: 'code by text message' },
  mca: { it: 'conferma su un altro canale', en: 'confirmed over another channel' },
}

const twoFactors: InWords = {
  it: 'due fattori: due tra ciò che sai, ciò che hai e ciò che sei',
  en: 'two factors: two of what you know, what you have and what you are',
}
const phishingResistant: InWords = {
  it: 'resistente al phishing: una chiave che risponde solo al sito giusto',
  en: 'phishing-resistant: a key that answers only to the right site',
}

/** Assurance levels: REFEDS profiles, and OpenID EAP ACR Values 1.0 (`phr`, `phrh`). */
const levels: Record<string, InWords> = {
  'https://refeds.org/profile/sfa': { it: 'un fattore solo', en: 'one factor' },
  'https://refeds.org/profile/mfa': twoFactors,
  'https://refeds.org/profile/phr': phishingResistant,
  phr: phishingResistant,
  phrh: phishingResistant,
}

const unknown: InWords = {
  it: 'valore che questa applicazione non conosce',
  en: 'a value this application does not know',
}

// `Object.hasOwn`, because a claim may say "constructor".
const lookUp = (table: Record<string, InWords>, value: string): InWords =>
  (Object.hasOwn(table, value) ? table[value] : undefined) ?? unknown

export const methodInWords = (amr: string, language: Language): string => lookUp(methods, amr)[language]

export const levelInWords = (acr: string, language: Language): string => lookUp(levels, acr)[language]

/** The next level up: what *Ask for more* demands of a session at `acr`. */
export const levelsAbove = (acr: unknown): readonly string[] =>
  acr === undefined || acr === 'https://refeds.org/profile/sfa'
    ? ['https://refeds.org/profile/mfa']
    : ['https://refeds.org/profile/phr', 'phr']

/** A time in words: `Unix seconds → "22 nov 2026, 16:03:10 (3 minutes ago)"`, in the time zone of this machine. */
export const timeInWords = (seconds: number, now: number, language: Language): string => {
  const absolute = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' })
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  const distance = seconds - now / 1000
  const [amount, unit] =
    Math.abs(distance) < 60
      ? ([Math.trunc(distance), 'second'] as const)
      : Math.abs(distance) < 5400
        ? ([Math.trunc(distance / 60), 'minute'] as const)
        : Math.abs(distance) < 172_800
          ? ([Math.round(distance / 3600), 'hour'] as const)
          : ([Math.round(distance / 86_400), 'day'] as const)
  return `${absolute.format(seconds * 1000)} (${relative.format(amount, unit)})`
}
