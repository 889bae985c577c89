import assert from 'node:assert/strict'
import type { Answer } from '../support/browser.ts'
import { codeOf } from '../support/relying-party.ts'

export const fresh = 'tre passi indietro'

export const isAskedForOne = ({ page }: { page: Answer }, what = 'a new password is asked for') => {
  assert.equal(codeOf(page), null, `${what}, and a code was issued`)
  assert.match(page.url.pathname, /^\/interaction\/[\w-]{43}$/, `${what}: ${page.status} ${page.url}`)
  assert.match(page.body, /name="new-password"/, what)
}
export const isAtLogin = ({ page }: { page: Answer }, what = 'the login page') => {
  assert.match(page.body, /current-password/, `${what}: ${page.status} ${page.url}`)
  assert.doesNotMatch(page.body, /name="new-password"/, what)
}
export const isAtSecondStep = ({ page }: { page: Answer }, what = 'the second factor') => {
  assert.match(page.url.pathname, /\/second-factor$/, `${what}: ${page.status} ${page.url}`)
  assert.doesNotMatch(page.body, /name="new-password"/, what)
}
export const typed = (password: string, again = password) => ({
  intent: 'change',
  'new-password': password,
  'new-password-again': again,
})
