import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { noPlaces, openPlaces, type Places } from '../../src/context/place.ts'
import { DuepassiError } from '../../src/errors.ts'

const cities = 'test/support/places.mmdb'
const countries = 'test/support/places-countries.mmdb'

const rome = { country: 'IT', city: 'Rome', latitude: 41.8919, longitude: 12.5113 }
const berlin = { country: 'DE', city: 'Berlin', latitude: 52.5244, longitude: 13.4105 }
const onlyItaly = { country: 'IT', city: null, latitude: null, longitude: null }

describe('places from a file of cities', () => {
  let places: Places
  before(async () => {
    places = await openPlaces(cities)
  })
  it('are known by country, English city and coordinates', () => {
    assert.deepEqual(places.of('192.0.2.1'), rome)
    assert.deepEqual(places.of('198.51.100.255')?.city, 'Milan')
    assert.deepEqual(places.of('203.0.113.0'), {
      country: 'JP',
      city: 'Tokyo',
      latitude: 35.6895,
      longitude: 139.6917,
    })
    assert.deepEqual(places.of('2001:db8::1'), berlin)
  })
  it('are the same for each spelling of an address', () => {
    assert.deepEqual(places.of('::ffff:192.0.2.1'), rome)
    assert.deepEqual(places.of('2001:0DB8:0:0:0:0:0:1'), berlin)
  })
  it('are unknown for an address that is not in the file, or is none', () => {
    for (const address of [null, '192.0.3.1', '2001:db9::1', '', 'x', '192.0.2', '192.0.2.1:80', '300.0.0.1'])
      assert.equal(places.of(address), undefined, String(address))
  })
  it('are unknown for a private address, even when the file has one', () => {
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1', '127.0.0.1', '::1', 'fe80::1'])
      assert.equal(places.of(address), undefined, address)
  })
  it('have no city without its English name', () => {
    assert.deepEqual(places.of('198.18.0.1'), {
      country: 'IT',
      city: null,
      latitude: 46.4927,
      longitude: 11.3336,
    })
  })
  it('are unknown when the file says nothing that we ask for, or 0, 0', () => {
    assert.equal(places.of('198.18.1.1'), undefined)
    assert.equal(places.of('198.18.2.1'), undefined)
  })
  it('are looked up for any text without a throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (address) => {
        places.of(address)
      }),
    )
  })
})

describe('places from a file of countries', () => {
  let places: Places
  before(async () => {
    places = await openPlaces(countries)
  })
  it('are known by the code, wherever its maker keeps it', () => {
    assert.deepEqual(places.of('192.0.2.1'), onlyItaly)
    assert.deepEqual(places.of('198.51.100.1'), { ...onlyItaly, latitude: 45.4643, longitude: 9.1895 })
    assert.equal(places.of('203.0.113.1')?.country, 'JP')
  })
  it('are unknown by a country’s name alone', () => {
    assert.equal(places.of('198.18.0.1'), undefined)
  })
  it('are unknown for IPv6 when the file is for IPv4, whatever its first bytes would find', () => {
    assert.equal(places.of('32.1.13.184')?.city, 'Rome')
    assert.equal(places.of('2001:db8::1'), undefined)
  })
})

describe('places without a file', () => {
  it('are always unknown', () => {
    assert.equal(noPlaces.of('192.0.2.1'), undefined)
    assert.equal(noPlaces.of(null), undefined)
  })
})

describe('a file that is no database of places', () => {
  let folder: string
  let whole: Buffer
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'duepassi-places-'))
    whole = await readFile(countries)
  })
  after(() => rm(folder, { recursive: true }))

  const written = async (name: string, bytes: Buffer): Promise<string> => {
    const file = join(folder, name)
    await writeFile(file, bytes)
    return file
  }
  const refuses = (file: string, what: RegExp) =>
    assert.rejects(openPlaces(file), (error) => {
      assert.ok(error instanceof DuepassiError)
      assert.equal(error.code, 'not_configured')
      assert.ok(error.message.startsWith(`The place database ${file} cannot be used: `), error.message)
      assert.match(error.message, what)
      return true
    })

  it('is refused by name when it is missing', () => refuses(join(folder, 'none.mmdb'), /ENOENT/))
  it('is refused when it is a folder', () => refuses(folder, /EISDIR/))
  it('is refused when it is empty, something else, or compressed', async () => {
    await refuses(await written('empty.mmdb', Buffer.alloc(0)), /./)
    await refuses(await written('text.mmdb', Buffer.from('network,country\n192.0.2.0/24,IT\n')), /./)
    await refuses(await written('zeros.mmdb', Buffer.alloc(4096)), /./)
    await refuses(await written('packed.mmdb', gzipSync(whole)), /gzip/)
  })
  it('is refused wherever it was cut', async () => {
    for (let length = whole.length - 1; length > 0; length -= 7)
      await refuses(await written('cut.mmdb', whole.subarray(0, length)), /./)
  })
  it('is refused when it holds something else than places', async () => {
    const type = 'Duepassi-Fixture-Country'
    const networks = whole.toString('latin1').replace(type, 'Duepassi-Fixture-Nil-ASN')
    assert.equal(networks.length, whole.length)
    await refuses(await written('asn.mmdb', Buffer.from(networks, 'latin1')), /Nil-ASN, which holds no/)
  })
  it('answers “unknown” for a damaged record instead of failing a sign-in', async () => {
    const damaged = Buffer.from(whole)
    const metadata = damaged.lastIndexOf('MaxMind.com') - 3
    // A control byte of zero, and a type of zero after it: there is no such thing.
    damaged.fill(0, metadata - 120, metadata)
    const places = await openPlaces(await written('damaged.mmdb', damaged))
    const found = ['192.0.2.1', '198.51.100.1', '203.0.113.1', '32.1.0.1'].map((one) => places.of(one))
    assert.ok(found.includes(undefined))
  })
})
