import assert from 'node:assert/strict'
import { stepAt, codeOf as totpCode } from '../../src/factors/totp/code.ts'
import type { Answer, Browser } from './browser.ts'
import type { MovableClock } from './clock.ts'

/** What a person does on the pages of the second step. */
export const secretOn = ({ body }: Answer): string => {
  const secret = /secret=([A-Z2-7]{32})/.exec(body)?.[1]
  assert.ok(secret, `no seed on the page: ${body.slice(-1500)}`)
  return secret
}

export const recoveryCodesOn = ({ body }: Answer): string[] => {
  const codes = [
    ...new Set(body.match(/\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{4}\b/g) ?? []),
  ]
  assert.equal(codes.length, 10, 'ten recovery codes on the page')
  return codes
}

/** After a recovery code: everything ticked as lost. */
export const allLostOn = ({ body }: Answer): Record<string, string> => {
  const fields = body.match(/lost-[\w:-]+/g) ?? []
  assert.ok(fields.length > 0, 'something that may be lost')
  return Object.fromEntries(fields.map((field) => [field, 'on']))
}

/** The code an authenticator app shows; `later` steps of 30 s from now. */
export const codeNow = (secret: string, clock: MovableClock, later = 0): string =>
  totpCode(secret, stepAt(clock.now()) + later)

/** A code that is certainly wrong: none of the steps around now has it. */
export const wrongCode = (secret: string, clock: MovableClock): string => {
  const near = new Set(Array.from({ length: 41 }, (_, index) => codeNow(secret, clock, index - 20)))
  for (let candidate = 0; ; candidate++) {
    const code = String(candidate).padStart(6, '0')
    if (!near.has(code)) return code
  }
}

export const answerPage = (browser: Browser, page: Answer, fields: Record<string, string>): Promise<Answer> =>
  browser.post(page.url, fields)

/** Where there is a choice of what to set up, the factor of that name; otherwise the page as it is. */
export const choose = (browser: Browser, page: Answer, factor: string): Promise<Answer> | Answer =>
  page.body.includes('value="choose"') ? answerPage(browser, page, { intent: 'choose', factor }) : page

/** Sets an authenticator app up and saves the recovery codes; answers the secret and what came last. */
export const enrol = async (browser: Browser, page: Answer, clock: MovableClock) => {
  const enrolPage = await choose(browser, page, 'totp')
  const secret = secretOn(enrolPage)
  const codesPage = await answerPage(browser, enrolPage, {
    intent: 'confirm',
    code: codeNow(secret, clock),
    label: 'My phone',
  })
  const codes = recoveryCodesOn(codesPage)
  const last = await answerPage(browser, codesPage, { intent: 'saved' })
  return { secret, codes, last }
}
