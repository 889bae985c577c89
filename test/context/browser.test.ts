import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describeBrowser } from '../../src/context/browser.ts'

const chrome = '(KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36'
const known: [browser: string | null, system: string | null, userAgent: string][] = [
  ['Firefox', 'Windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0'],
  ['Firefox', 'Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
  ['Chrome', 'Windows', `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 ${chrome}`],
  ['Chrome', 'macOS', `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 ${chrome}`],
  ['Chrome', 'Android', `Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 ${chrome}`],
  [
    'Microsoft Edge',
    'Windows',
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 ${chrome} Edg/131.0.0.0`,
  ],
  [
    'Safari',
    'iOS',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  ],
  [
    'Safari',
    'macOS',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
  ],
  [null, null, 'curl/8.5.0'],
  [null, null, 'node'],
]

describe('what a User-Agent says', () => {
  for (const [browser, system, userAgent] of known)
    it(`is ${browser} on ${system} for ${userAgent.slice(0, 50)}…`, () => {
      assert.deepEqual(describeBrowser(userAgent), { browser, system })
    })
  it('is nothing when there is none', () => {
    assert.deepEqual(describeBrowser(undefined), { browser: null, system: null })
    assert.deepEqual(describeBrowser(''), { browser: null, system: null })
  })
  it('is a name without a version: an updated browser is no other', () => {
    const one = describeBrowser('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0')
    const two = describeBrowser('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')
    assert.deepEqual(one, two)
  })
  it('is never a text of the sender, which would reach a person by mail', () => {
    for (const userAgent of [
      'Your account is lost, call 555 0100/1 (now)',
      'evil.example/1.0 ',
      '<b>Bank</b>/1 (x)',
    ])
      assert.deepEqual(describeBrowser(userAgent), { browser: null, system: null })
  })
  it('is looked for in the first 512 characters', () => {
    const firefox = 'Firefox/133.0'
    assert.equal(describeBrowser(`${' '.repeat(512 - firefox.length)}${firefox}`).browser, 'Firefox')
    assert.equal(describeBrowser(`${' '.repeat(512)}${firefox}`).browser, null)
  })
  it('is short and printable, or unknown, for any header', () => {
    const words = known.flatMap(([, , userAgent]) => userAgent.split(' '))
    const header = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      fc
        .array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary' })))
        .map((found) => found.join(' ')),
    )
    fc.assert(
      fc.property(header, (userAgent) => {
        const { browser, system } = describeBrowser(userAgent)
        for (const name of [browser, system])
          assert.ok(
            name === null || (name.length > 0 && name.length <= 40 && !/\p{C}/u.test(name)),
            name ?? '',
          )
      }),
    )
  })
})
