import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { createAddresses } from '../../src/account/places.ts'

const at = (url: string) => ({ url }) as IncomingMessage

describe('the addresses of the security page', () => {
  const root = createAddresses('https://id.example')
  const mounted = createAddresses('https://id.example/op')

  it('lie beneath the issuer, wherever it is mounted', () => {
    assert.equal(root.base, '/account')
    assert.equal(mounted.base, '/op/account')
    assert.equal(mounted.callback, 'https://id.example/op/account/callback')
    assert.equal(mounted.origin, 'https://id.example')
    assert.deepEqual(mounted.targetOf(at('/op/account')), { kind: 'place', place: { name: 'home' } })
    assert.equal(mounted.targetOf(at('/account')), undefined)
  })

  it('are these and no others', () => {
    for (const url of [
      '/',
      '/accounts',
      '/account/',
      '/account/home',
      '/account/unknown',
      '/account/add/more',
      '/account/toString',
      '/account/__proto__',
      '/auth?x=/account',
      '//evil.example/account',
      'https://evil.example/account',
      '/x/../account',
      '/%61ccount',
      '*',
    ])
      assert.equal(root.targetOf(at(url)), undefined, url)
  })

  it('hand the callback its query as it came', () => {
    const target = root.targetOf(at('/account/callback?code=a%2Bb&state=x?y'))
    assert.deepEqual(target, { kind: 'open', name: 'callback', search: '?code=a%2Bb&state=x?y' })
  })

  it('keep their own parameter and nothing else of a request', () => {
    const returned = (url: string) => {
      const target = root.targetOf(at(url))
      assert.equal(target?.kind, 'place', url)
      return target.kind === 'place' ? root.addressOf(target.place) : ''
    }
    assert.equal(
      returned('/account/add?factor=totp&returnTo=https://evil.example'),
      '/account/add?factor=totp',
    )
    assert.equal(returned('/account/remove?id=first:0-a_b.c'), '/account/remove?id=first%3A0-a_b.c')
    assert.equal(returned('/account/remove?factor=totp'), '/account/remove')
    assert.equal(returned('/account?done=removed'), '/account')
    for (const id of [
      '//evil.example',
      'https://evil.example',
      'a%0d%0aSet-Cookie:x',
      '%5c%5cevil',
      'a'.repeat(201),
    ])
      assert.equal(returned(`/account/rename?id=${id}`), '/account/rename')
    assert.equal(returned('/account/codes?next=//evil.example#x'), '/account/codes')
  })
})
