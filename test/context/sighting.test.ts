import assert from 'node:assert/strict'
import fc from 'fast-check'
import { noPlaces, openPlaces } from '../../src/context/place.ts'
import { createSightings } from '../../src/context/sighting.ts'
import { requestFrom } from './requests.ts'

const headers = {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'x-forwarded-for': '198.51.100.7, 192.0.2.1',
}
const rome = { country: 'IT', city: 'Rome', latitude: 41.8919, longitude: 12.5113 }
const nowhere = { country: null, city: null, latitude: null, longitude: null }
const firefox = { browser: 'Firefox', system: 'Linux' }

describe('a sighting', () => {
  it('has address, place and browser of a request behind a proxy', async () => {
    const sightingOf = createSightings({ places: await openPlaces('test/support/places.mmdb'), proxy: true })
    assert.deepEqual(sightingOf(requestFrom('203.0.113.1', headers)), {
      address: '192.0.2.1',
      ...rome,
      ...firefox,
    })
  })
  it('is of the socket’s address without one', async () => {
    const sightingOf = createSightings({ places: await openPlaces('test/support/places.mmdb'), proxy: false })
    const { address, city } = sightingOf(requestFrom('203.0.113.1', headers))
    assert.deepEqual({ address, city }, { address: '203.0.113.1', city: 'Tokyo' })
  })
  it('has null for all that is not known', () => {
    const sightingOf = createSightings({ places: noPlaces, proxy: false })
    assert.deepEqual(sightingOf(requestFrom('192.0.2.1', headers)), {
      address: '192.0.2.1',
      ...nowhere,
      ...firefox,
    })
    assert.deepEqual(sightingOf(requestFrom(undefined)), {
      address: null,
      ...nowhere,
      browser: null,
      system: null,
    })
  })
  it('is taken of any request', async () => {
    const sightingOf = createSightings({ places: await openPlaces('test/support/places.mmdb'), proxy: true })
    const text = fc.option(fc.string({ unit: 'binary' }), { nil: undefined })
    fc.assert(
      fc.property(text, text, text, (remote, forwarded, userAgent) => {
        sightingOf(requestFrom(remote, { 'x-forwarded-for': forwarded, 'user-agent': userAgent }))
      }),
    )
  })
})
