import { equal, throws } from 'node:assert/strict'
import { lastLine } from '../../src/delivery/web-otp.ts'

describe('lastLine', () => {
  it('binds the code to the host', () => {
    equal(lastLine('idp.example', '123456'), '@idp.example #123456')
    equal(lastLine(new URL('http://localhost:3000/path').hostname, '12345678'), '@localhost #12345678')
    equal(lastLine(new URL('https://città.example').hostname, '000000'), '@xn--citt-3na.example #000000')
  })

  for (const host of [
    '',
    'idp.example:3000',
    'https://idp.example',
    'a b',
    'a\nb',
    '@a',
    'a.',
    '.a',
    'IDP.example',
  ])
    it(`takes nothing but a host: ${JSON.stringify(host)}`, () =>
      throws(() => lastLine(host, '123456'), /not the name of a host/))

  for (const code of ['', '123 456', '12\n34', '#123456'])
    it(`takes nothing but a code: ${JSON.stringify(code)}`, () =>
      throws(() => lastLine('idp.example', code), /not a code/))
})
