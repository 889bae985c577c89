import assert from 'node:assert/strict'
import { claims, toOidcAccount } from '../../src/provider/claims.ts'
import { type ClaimName, claimNames, readClaim, withoutOrphans } from '../../src/provider/standard-claims.ts'
import { someAccount } from '../contracts/directory-samples.ts'

/** OIDC Core §5.1, but `sub`. */
const standard = [
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile'],
  ...['picture', 'website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale'],
  ...['phone_number', 'phone_number_verified', 'address', 'updated_at'],
]

const good: [ClaimName, unknown][] = [
  ['given_name', 'María José'],
  ['profile', 'https://people.example/maria'],
  ['picture', 'https://people.example/maria.png'],
  ['website', 'http://maria.example'],
  ['birthdate', '1985-03-08'],
  ['birthdate', '1985'],
  ['birthdate', '0000-02-29'],
  ['birthdate', '2000-02-29'],
  ['zoneinfo', 'Europe/Rome'],
  ['zoneinfo', 'America/Argentina/Buenos_Aires'],
  ['phone_number', '+390612345678'],
  ['phone_number_verified', false],
  ['address', { street_address: 'Via Roma 1\nInterno 2', country: 'IT' }],
]

const bad: [ClaimName, unknown, RegExp][] = [
  ['given_name', '', /text/],
  ['given_name', 'a'.repeat(201), /text/],
  ['given_name', 'Maria\n', /printable/],
  ['given_name', ' Maria', /space/],
  ['given_name', 7, /text/],
  ['picture', 'javascript:alert(1)', /http/],
  ['picture', 'data:image/png;base64,AAAA', /http/],
  ['profile', 'people.example/maria', /http/],
  ['birthdate', '8 March 1985', /day/],
  ['birthdate', '1985-02-29', /day/],
  ['birthdate', '1985-13-01', /day/],
  ['birthdate', '0000', /day/],
  ['birthdate', '1985-03-08T00:00', /day/],
  ['zoneinfo', 'Rome', /zone/],
  ['zoneinfo', '+01:00', /zone/],
  ['phone_number', '06 12345678', /E\.164/],
  ['phone_number_verified', 'yes', /true or false/],
  ['address', 'Via Roma 1', /some of/],
  ['address', {}, /empty/],
  ['address', { street: 'Via Roma 1' }, /some of/],
  ['address', { locality: 'Forlì\nIT' }, /printable/],
  ['address', ['Via Roma 1'], /some of/],
]

describe('standard claims', () => {
  for (const [name, value] of good)
    it(`take ${name} ${JSON.stringify(value)}`, () => assert.deepEqual(readClaim(name, value), { value }))

  for (const [name, value, why] of bad)
    it(`refuse ${name} ${JSON.stringify(value).slice(0, 40)}`, () => {
      const read = readClaim(name, value)
      assert.match('fault' in read ? read.fault : 'taken', why)
    })

  it('are each released by the scope of OIDC Core §5.4', () => {
    assert.deepEqual(Object.values(claims).flat().toSorted(), ['sub', ...standard].toSorted())
    assert.deepEqual(claims.email, ['email', 'email_verified'])
    assert.deepEqual(claims.address, ['address'])
    assert.deepEqual(claims.phone, ['phone_number', 'phone_number_verified'])
    assert.deepEqual(
      claimNames.filter((name) => !standard.includes(name)),
      [],
    )
  })

  it('come from the account, which is never overlaid by them', async () => {
    const account = someAccount({
      claims: {
        given_name: 'Maria',
        phone_number: '+390612345678',
        updated_at: 7,
        sub: 'x',
        email: 'x',
      } as object,
      createdAt: 1_790_000_000_999,
    })
    const released = await toOidcAccount(account).claims('userinfo', 'openid', {}, [])
    assert.equal(released.sub, account.id)
    assert.equal(released['email'], account.email)
    assert.equal(released['email_verified'], true)
    assert.equal(released['given_name'], 'Maria')
    assert.equal(released['phone_number_verified'], false)
    assert.equal(released['updated_at'], 7)
    const plain = await toOidcAccount({ ...account, email: null, locale: null, claims: {} }).claims(
      'userinfo',
      'openid',
      {},
      [],
    )
    assert.deepEqual(plain, {
      sub: account.id,
      name: account.name,
      preferred_username: account.username,
      updated_at: 1_790_000_000,
    })
  })

  it('say nothing of a number that is gone', () => {
    assert.deepEqual(withoutOrphans({ phone_number_verified: true, gender: 'female' }), { gender: 'female' })
    const both = { phone_number: '+390612345678', phone_number_verified: true }
    assert.deepEqual(withoutOrphans(both), both)
  })
})
