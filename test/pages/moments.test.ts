import { deepEqual, equal } from 'node:assert/strict'
import { agoInWords, dateInWords } from '../../src/pages/moments.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

describe('agoInWords', () => {
  it('speaks like people', () => {
    const spans = [0, 59_999, minute, 2 * hour, 30 * hour, 45 * day, 800 * day]
    deepEqual(
      spans.map((span) => agoInWords('en', 0, span)),
      ['now', 'now', '1 minute ago', '2 hours ago', '1 day ago', '1 month ago', '2 years ago'],
    )
    deepEqual(
      spans.map((span) => agoInWords('it', 0, span)),
      ['ora', 'ora', '1 minuto fa', '2 ore fa', '1 giorno fa', '1 mese fa', '2 anni fa'],
    )
  })

  it('knows no future, whatever another clock said', () => {
    equal(agoInWords('en', hour, 0), 'now')
  })
})

describe('dateInWords', () => {
  it('says the day', () => {
    const at = Date.UTC(2026, 2, 3, 23, 59)
    equal(dateInWords('en', at), '3 March 2026')
    equal(dateInWords('it', at), '3 marzo 2026')
  })
})
