import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createNetworks, isNetwork } from '../../src/context/networks.ts'
import { DuepassiError } from '../../src/errors.ts'

describe('networks', () => {
  const cases: [cidr: string, inside: string[], outside: string[]][] = [
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'], ['9.255.255.255', '11.0.0.0']],
    ['10.1.2.3/8', ['10.200.0.1'], ['11.0.0.1']],
    ['192.0.2.128/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127', '192.0.3.0']],
    ['192.0.2.1', ['192.0.2.1', '::ffff:c000:201'], ['192.0.2.2', '192.0.2.0']],
    ['192.0.2.1/32', ['192.0.2.1'], ['192.0.2.2']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['2001:db8::1', '::1']],
    ['2001:db8::/32', ['2001:db8::', '2001:db8:ffff::1', '2001:DB8:0::1%eth0'], ['2001:db9::', '192.0.2.1']],
    ['2001:db8::1', ['2001:db8::1', '2001:db8:0:0:0:0:0:1'], ['2001:db8::2']],
    ['::/0', ['::1', '2001:db8::1'], ['192.0.2.1', '::ffff:192.0.2.1']],
    ['::ffff:10.0.0.0/104', ['10.9.9.9', '::ffff:10.9.9.9'], ['11.0.0.1', '2001:db8::1']],
    ['::ffff:192.0.2.1', ['192.0.2.1'], ['192.0.2.2']],
  ]
  for (const [cidr, inside, outside] of cases)
    it(`${cidr} has its own addresses and no other`, () => {
      const networks = createNetworks([cidr])
      for (const address of inside) assert.equal(networks.includes(address), true, address)
      for (const address of outside) assert.equal(networks.includes(address), false, address)
    })
  it('are searched all, of both versions', () => {
    const networks = createNetworks(['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'])
    for (const address of ['10.1.1.1', '2001:db8::1', '192.0.2.1']) assert.ok(networks.includes(address))
    assert.equal(networks.includes('198.51.100.1'), false)
  })
  it('hold no unknown or malformed address, and nothing when there are none', () => {
    const everything = createNetworks(['0.0.0.0/0', '::/0'])
    for (const address of [null, '', 'unknown', '10.0.0', '10.0.0.0/8'])
      assert.equal(everything.includes(address), false)
    assert.equal(createNetworks([]).includes('10.0.0.1'), false)
  })
  it('hold each address of which they have the leading bits', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(fc.tuple(octet, octet), fc.tuple(octet, octet), ([a, b], [c, d]) => {
        const networks = createNetworks([`${a}.${b}.0.0/16`])
        assert.equal(networks.includes(`${a}.${b}.${c}.${d}`), true)
        assert.equal(networks.includes(`${a}.${(b + 1) % 256}.${c}.${d}`), false)
      }),
    )
  })
})

describe('the text of a network', () => {
  const wrong = [
    '',
    ' ',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.0 /8',
    '10.0.0/8',
    '10.0.0.0/255.0.0.0',
    '2001:db8::/129',
    '::ffff:10.0.0.0/95',
    'fe80::1%eth0',
    '[2001:db8::1]',
    'example.org',
  ]
  for (const text of wrong)
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(isNetwork(text), false)
      assert.throws(
        () => createNetworks(['10.0.0.0/8', text]),
        (error) => {
          assert.ok(error instanceof DuepassiError)
          assert.equal(error.code, 'not_configured')
          assert.ok(error.message.startsWith(`"${text}" is not a network`), error.message)
          return true
        },
      )
    })
  it('is checked as it is read: what the check lets pass can be used', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: -1, max: 130 }))
            .map(([address, prefix]) => `${address}/${prefix}`),
        ),
        (text) => {
          if (isNetwork(text)) createNetworks([text])
          else assert.throws(() => createNetworks([text]), DuepassiError)
        },
      ),
    )
  })
})
