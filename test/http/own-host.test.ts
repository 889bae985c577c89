import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { nameOwnHost } from '../../src/http/own-host.ts'

const seen = (
  given: { url?: string; headers: Record<string, string> },
  over: { proxy?: boolean; other?: string } = {},
) => {
  const req = { url: '/token', ...given } as unknown as IncomingMessage
  nameOwnHost({ issuer: 'https://id.example.org', other: over.other, proxy: over.proxy ?? true })(req)
  return { host: req.headers.host, forwarded: req.headers['x-forwarded-host'], url: req.url }
}

describe('the host of a request', () => {
  it('is that of the issuer, whatever it says', () => {
    const own = { host: 'id.example.org', forwarded: undefined, url: '/token' }
    for (const headers of [
      {},
      { host: 'evil.example' },
      { host: 'ID.example.org' },
      { host: 'id.example.org.evil.example' },
      { host: 'id.example.org', 'x-forwarded-host': 'evil.example' },
      { host: 'id.example.org', 'x-forwarded-host': 'evil.example, id.example.org' },
      { host: 'mtls.example.org' },
    ])
      assert.deepEqual(seen({ headers: headers as Record<string, string> }), own)
  })

  it('is the other one of ours where that is named', () => {
    const other = 'https://mtls.example.org:8443'
    const host = 'mtls.example.org:8443'
    assert.equal(seen({ headers: { host } }, { other }).host, host)
    assert.equal(seen({ headers: { host: 'a', 'x-forwarded-host': host } }, { other }).host, host)
    assert.equal(
      seen({ headers: { host: 'a', 'x-forwarded-host': host } }, { other, proxy: false }).host,
      'id.example.org',
    )
    assert.equal(seen({ headers: { host: 'mtls.example.org' } }, { other }).host, 'id.example.org')
  })

  it('is not taken from the first line either', () => {
    const { host, url } = seen({ url: 'https://evil.example/token?a=b', headers: { host: 'evil.example' } })
    assert.deepEqual([host, url], ['id.example.org', '/token?a=b'])
    assert.equal(seen({ url: '//evil.example/token', headers: {} }).url, '//evil.example/token')
    assert.equal(seen({ url: '*', headers: {} }).url, '*')
  })
})
