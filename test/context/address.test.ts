import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import fc from 'fast-check'
import { canonicalAddress, clientAddress } from '../../src/context/address.ts'
import { requestFrom } from './requests.ts'

const proxied = (header: string): string | null =>
  clientAddress(requestFrom('10.0.0.1', { 'x-forwarded-for': header }), true)

describe('the address of a request without a proxy', () => {
  it('is the socket’s, whatever the client writes', () => {
    const req = requestFrom('192.0.2.1', { 'x-forwarded-for': '198.51.100.1' })
    assert.equal(clientAddress(req, false), '192.0.2.1')
  })
  it('is IPv4 where a socket for both versions reports it as IPv6', () => {
    assert.equal(clientAddress(requestFrom('::ffff:192.0.2.1'), false), '192.0.2.1')
  })
  it('is unknown when the connection is gone, or no IP connection', () => {
    assert.equal(clientAddress(requestFrom(undefined), false), null)
    assert.equal(clientAddress(requestFrom(''), false), null)
  })
})

describe('the address of a request behind a proxy', () => {
  it('is what the proxy appended, not what the client wrote before it', () => {
    assert.equal(proxied('203.0.113.9, 198.51.100.1'), '198.51.100.1')
    assert.equal(proxied('203.0.113.9, 203.0.113.8, 198.51.100.1'), '198.51.100.1')
    assert.equal(proxied('198.51.100.1'), '198.51.100.1')
    assert.equal(proxied('198.51.100.1,2001:DB8:0:0::1'), '2001:db8::1')
  })
  it('is that of the last header when there are several, as a real server receives them', async () => {
    const seen: (string | null)[] = []
    const server = createServer((req: IncomingMessage, res) => {
      seen.push(clientAddress(req, true), clientAddress(req, false))
      res.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      await new Promise<void>((resolve, reject) => {
        request({ port, host: '127.0.0.1', agent: false })
          .setHeader('X-Forwarded-For', ['203.0.113.9', '198.51.100.1'])
          .on('response', (res) => res.resume().on('end', resolve))
          .on('error', reject)
          .end()
      })
    } finally {
      server.close()
    }
    assert.deepEqual(seen, ['198.51.100.1', '127.0.0.1'])
  })
  const spellings: [written: string, address: string | null][] = [
    ['192.0.2.1:567', '192.0.2.1'],
    ['[2001:db8::1]:567', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:443', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%eth0]:80', 'fe80::1'],
    [' 192.0.2.1 ', '192.0.2.1'],
    ['', null],
    ['unknown', null],
    ['_hidden', null],
    ['192.0.2.256', null],
    ['192.0.2.01', null],
    ['192.0.2.1:', null],
    ['192.0.2.1:123456', null],
    ['192.0.2.1/24', null],
    ['[192.0.2.1', null],
    ['2001:db8::1::2', null],
    ['198.51.100.1, ', null],
    ['198.51.100.1, unknown', null],
  ]
  for (const [written, address] of spellings)
    it(`reads ${JSON.stringify(written)} as ${address ?? 'unknown'}`, () => {
      assert.equal(proxied(written), address)
    })
  it('is unknown, and never the proxy’s own, when the header is missing', () => {
    assert.equal(clientAddress(requestFrom('10.0.0.1'), true), null)
  })
  it('is an address in its one spelling or null, for any header', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.ipV4(), fc.ipV6()), (header) => {
        const address = proxied(header)
        assert.ok(address === null || (isIP(address) > 0 && canonicalAddress(address) === address))
      }),
    )
  })
  it('does not depend on anything before the last comma', () => {
    fc.assert(
      fc.property(fc.string(), fc.oneof(fc.ipV4(), fc.ipV6()), (written, appended) => {
        assert.equal(proxied(`${written}, ${appended}`), canonicalAddress(appended))
      }),
    )
  })
})
