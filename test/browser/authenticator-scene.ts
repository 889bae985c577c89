import { deepEqual } from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import {
  type AuthenticatorApi,
  type FakeRequest,
  startAuthenticatorApi,
} from '../support/authenticator-api.ts'
import {
  launchPhoneBrowser,
  type Phone,
  type PhoneOptions,
  startPhone,
} from '../support/authenticator-phone.ts'

export type { Phone } from '../support/authenticator-phone.ts'
export const maria = 'maria.rossi@example.org'
export const anna = 'anna.bianchi@example.org'

/** A server and, once taken, a phone for each test of a suite; the browser must not complain about anything. */
export const useAuthenticator = () => {
  let browser: Browser
  let api: AuthenticatorApi
  let phone: Phone | undefined

  before(async function () {
    this.timeout(180_000)
    browser = await launchPhoneBrowser()
  })
  after(() => browser?.close())
  beforeEach(async () => {
    api = await startAuthenticatorApi()
  })
  afterEach(async () => {
    const complaints = phone?.complaints ?? []
    await phone?.context.close()
    phone = undefined
    await api.close()
    deepEqual(complaints, [])
  })

  const take = async (options: PhoneOptions = {}): Promise<Phone> => {
    phone = await startPhone(browser, api, options)
    return phone
  }

  return {
    get api() {
      return api
    },
    take,
    /** A phone on which accounts are set up, at the list of them. */
    async ready(accounts = [maria], options: PhoneOptions = {}): Promise<Phone> {
      const taken = await take(options)
      for (const account of accounts) {
        const device = await taken.enrol(account)
        device.state = 'active'
      }
      await taken.page.goto('about:blank')
      await taken.open()
      await taken.page
        .locator('.accounts .status.good')
        .nth(accounts.length - 1)
        .waitFor()
      api.refusals.length = 0
      return taken
    },
    /** The app looks at once instead of within three seconds, as it does when it comes to the front. */
    async ask(...asked: Parameters<AuthenticatorApi['ask']>): Promise<FakeRequest> {
      const request = api.ask(...asked)
      await phone?.page.evaluate("document.dispatchEvent(new Event('visibilitychange')) && 0")
      return request
    },
  }
}
