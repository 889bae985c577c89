import { deepEqual, equal } from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { byCodeOf, withoutTyping } from '../../src/interaction/typing.ts'

const at = (url: string) => ({ url }) as IncomingMessage

describe('a page at which something can be typed while its twin is read anew', () => {
  it('is the same address with a parameter more', () => {
    deepEqual(byCodeOf(at('/interaction/x/second-factor')), { open: false, url: '?typing=on' })
    deepEqual(byCodeOf(at('/x?a=b%26c')), { open: false, url: '?a=b%26c&typing=on' })
    deepEqual(byCodeOf(at('/x?typing=on&a=b')), { open: true, url: '?typing=on&a=b' })
  })

  it('cannot lead elsewhere', () => {
    for (const url of ['//evil.example/x', 'https://evil.example/?x=//evil.example', '*'])
      equal(byCodeOf(at(url)).url.startsWith('?'), true, url)
  })

  it('leads back to the one that waits', () => {
    equal(withoutTyping(at('/x?typing=on')), '/x')
    equal(withoutTyping(at('/x?a=b&typing=on')), '/x?a=b')
    equal(withoutTyping(at('/x?a=b%20c')), '/x?a=b%20c')
  })
})
