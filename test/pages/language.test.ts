import { equal } from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { chooseLanguage } from '../../src/pages/language.ts'

const request = (acceptLanguage?: string): IncomingMessage => {
  const req = new IncomingMessage(new Socket())
  if (acceptLanguage !== undefined) req.headers['accept-language'] = acceptLanguage
  return req
}

describe('chooseLanguage', () => {
  it('follows ui_locales before the browser', () => {
    equal(chooseLanguage(request('en'), 'it'), 'it')
    equal(chooseLanguage(request('it'), 'fr-CA en-GB it'), 'en')
    equal(chooseLanguage(request('en'), 'IT-ch'), 'it')
  })

  it('takes the best of Accept-Language otherwise', () => {
    equal(chooseLanguage(request('it-IT,it;q=0.9,en;q=0.8')), 'it')
    equal(chooseLanguage(request('en;q=0.3, it;q=0.7')), 'it')
    equal(chooseLanguage(request('de, en-US;q=0.5')), 'en')
    equal(chooseLanguage(request('it'), 'fr de'), 'it')
  })

  it('falls back to English', () => {
    equal(chooseLanguage(request()), 'en')
    equal(chooseLanguage(request('')), 'en')
    equal(chooseLanguage(request('fr, de'), ''), 'en')
    equal(chooseLanguage(request('*')), 'en')
  })
})
