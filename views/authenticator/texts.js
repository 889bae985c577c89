/** What the app says, in the language of the browser or the one that was chosen. */
const keys = globalThis.duepassiAuthenticator
export const languages = { en: 'English', it: 'Italiano' }

let texts = {}
let language = 'en'

/** BCP 47, as dates are written in. */
const locale = () => (language === 'en' ? 'en-GB' : language)

/** Loads the texts; the page came in the language of the browser. */
export const chooseLanguage = async () => {
  const chosen = await keys.setting('language')
  language = chosen in languages ? chosen : browserLanguage()
  texts = await (await fetch(`${language}.json`)).json()
  document.documentElement.lang = language
}

const browserLanguage = () =>
  navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in languages) ?? 'en'

export const brand = document.documentElement.dataset.brand

/** @param values replace `{name}`; `{brand}` is always there */
export const t = (key, values = {}) => {
  const all = { brand, ...values }
  if (!(key in texts)) throw new Error(`no text ${key}`)
  return texts[key].replaceAll(/\{(\w+)\}/g, (_, name) => all[name] ?? '')
}

export const has = (key) => key in texts

/** `5 minutes ago`, from milliseconds. */
export const ago = (milliseconds) => {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 10) return t('time.now')
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' })
  if (seconds < 60) return format.format(-seconds, 'second')
  return seconds < 3600
    ? format.format(-Math.floor(seconds / 60), 'minute')
    : format.format(-Math.floor(seconds / 3600), 'hour')
}

/** The time of day, and the day where it is not today. */
export const moment = (at) => {
  const date = new Date(at)
  const today = date.toDateString() === new Date().toDateString()
  const format = { timeStyle: 'short', ...(today ? {} : { dateStyle: 'medium' }) }
  return new Intl.DateTimeFormat(locale(), format).format(date)
}

export const day = (at) => new Intl.DateTimeFormat(locale(), { dateStyle: 'long' }).format(new Date(at))

/** `0:42` */
export const clock = (milliseconds) => {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** `Rome, Italy`; the city is called as the database calls it. */
export const place = ({ city, country }) => {
  const named = /^[A-Z]{2}$/.test(country ?? '')
    ? new Intl.DisplayNames(locale(), { type: 'region' }).of(country)
    : country
  return [city, named].filter(Boolean).join(', ')
}
