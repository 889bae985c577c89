import { equal } from 'node:assert/strict'
import { isPublicAddress } from '../../src/outbound/public-address.ts'

const inside = {
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  'RFC 1918': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.255.255'],
  'link-local and metadata': ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
  'shared and unique local': ['100.64.0.1', '100.127.255.255', 'fc00::1', 'fd00:ec2::254', 'fec0::1'],
  'nowhere and everywhere': ['0.0.0.0', '0.1.2.3', '255.255.255.255', '::', '224.0.0.1', 'ff02::1'],
  'set aside': [
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '2001:db8::1',
    '100::1',
  ],
  'IPv4 in IPv6': [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '::ffff:0:127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::808:808',
    '2002:7f00:1::',
    '2002:808:808::',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  ],
  'no address': ['', 'localhost', 'push.example', '127.0.0.1.', '[::1]', '1.2.3.4.5'],
}

describe('isPublicAddress', () => {
  for (const [what, addresses] of Object.entries(inside))
    it(`is none: ${what}`, () => {
      for (const address of addresses) equal(isPublicAddress(address), false, address)
    })

  it('is one: the rest of the internet', () => {
    for (const address of [
      '8.8.8.8',
      '1.1.1.1',
      '100.63.255.255',
      '100.128.0.1',
      '172.15.255.255',
      '172.32.0.1',
      '169.253.255.255',
      '2606:4700::1111',
      '2a00:1450:4002::200a',
      '64:ff9b::8.8.8.8',
    ])
      equal(isPublicAddress(address), true, address)
  })
})
