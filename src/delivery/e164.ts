import { phoneLibrary } from './phone-library.ts'

/** Whether a text is a number that exists, of any kind and country, and written as E.164: `+390612345678`. */
export const isE164 = (text: string): boolean => {
  const number = /^\+\d{4,15}$/.test(text)
    ? phoneLibrary().parsePhoneNumberFromString(text, { extract: false })
    : undefined
  return number?.isValid() === true && number.number === text
}
