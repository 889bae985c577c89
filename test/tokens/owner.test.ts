import assert from 'node:assert/strict'
import { isDistinguishedName, nameOfOwner } from '../../src/tokens/owner.ts'

describe('the owner of a token', () => {
  for (const [owner, name] of [
    ['anna', 'anna'],
    ['anna@example.org', 'anna@example.org'],
    ['Anna Bianchi', 'Anna Bianchi'],
    // RFC 6030 §5, figure 5
    ['UID=jsmith,DC=example-bank,DC=net', 'jsmith'],
    ['CN=Anna Bianchi, OU=People, UID=anna, DC=example', 'anna'],
    ['cn=anna,dc=example', 'anna'],
    ['CN=anna,CN=Users,DC=example', 'anna'],
    ['OU=Sales+CN=anna,DC=example', 'anna'],
    ['0.9.2342.19200300.100.1.1=anna,DC=example', 'anna'],
    ['OID.2.5.4.3=anna', 'anna'],
    ['CN=Bianchi\\, Anna,DC=example', 'Bianchi, Anna'],
    ['CN="Bianchi, Anna",DC=example', 'Bianchi, Anna'],
    ['CN=Nicol\\C3\\B2,DC=example', 'Nicolò'],
    ['UID=,CN=anna', 'anna'],
    ['OU=Sales,DC=example', undefined],
  ] as const)
    it(`of ${owner} is ${name}`, () => {
      assert.equal(nameOfOwner(owner), name)
      assert.equal(isDistinguishedName(owner), owner.includes('='))
    })

  it('takes no time over what only looks like one', () => {
    const begun = performance.now()
    for (const part of ['\\', '"', ',', '=', ' ', 'a', '\\"', '"\\', 'CN= '])
      nameOfOwner(`CN=${part.repeat(256)}`)
    assert.ok(performance.now() - begun < 1000)
  })
})
