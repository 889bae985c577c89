import { deepEqual, throws } from 'node:assert/strict'
import { hostList } from '../../src/outbound/host-list.ts'

describe('hostList', () => {
  const isListed = hostList(['push.example', '*.wide.example', 'odd.example:8443', '10.1.2.3'])
  const listed = (...urls: string[]) => urls.filter((url) => isListed(new URL(url)))

  it('knows a name, whatever its spelling, on port 443', () => {
    const good = [
      'https://push.example/a?b',
      'https://push.example:443/',
      'https://PUSH.Example/',
      'https://10.1.2.3/',
    ]
    deepEqual(listed(...good), good)
  })

  it('knows all that is below a wildcard, but not itself', () => {
    const good = ['https://a.wide.example/', 'https://a.b.wide.example/']
    deepEqual(
      listed(...good, 'https://wide.example/', 'https://xwide.example/', 'https://.wide.example.evil/'),
      good,
    )
  })

  it('knows the port that is named, and no other', () => {
    const good = ['https://odd.example:8443/']
    deepEqual(
      listed(...good, 'https://odd.example/', 'https://odd.example:8444/', 'https://push.example:8443/'),
      good,
    )
  })

  it('knows nothing else', () =>
    deepEqual(
      listed(
        'https://push.example.evil.test/',
        'https://evil.test/push.example',
        'https://evil.test/?a.wide.example',
        'https://evil.test#a.wide.example',
        'https://push.example.@evil.test/',
        'https://sub.push.example/',
        'https://push.example./',
        'https://push-example/',
        'http://push.example/',
      ),
      [],
    ))

  it('knows nothing when it is empty', () => deepEqual(hostList([])(new URL('https://push.example/')), false))

  for (const bad of [
    '',
    '*',
    '*.',
    '*.com',
    'https://push.example',
    'a.*.example',
    'Push.example',
    'a b',
    'a:0',
    '[::1]',
  ])
    it(`refuses the entry "${bad}"`, () => throws(() => hostList([bad]), /cannot|can be listed/))
})
