import { equal } from 'node:assert/strict'
import { placeInWords } from '../../src/context/place-in-words.ts'

describe('placeInWords', () => {
  it('names the country in the language of the page', () => {
    equal(placeInWords('it', { city: 'Milano', country: 'IT' }), 'Milano, Italia')
    equal(placeInWords('en', { city: 'Milano', country: 'IT' }), 'Milano, Italy')
    equal(placeInWords('it', { city: null, country: 'DE' }), 'Germania')
  })

  it('says what is known, and nothing where nothing is', () => {
    equal(placeInWords('en', { city: 'Atlantis', country: null }), 'Atlantis')
    equal(placeInWords('en', { city: null, country: null }), undefined)
    equal(placeInWords('en', { city: '', country: '' }), undefined)
  })

  it('takes whatever a host’s directory calls a country', () => {
    for (const country of ['Italia', 'it', 'I', '_', '日本'])
      equal(placeInWords('en', { city: null, country }), country)
    equal(placeInWords('en', { city: null, country: 'QX' }), 'QX')
  })
})
