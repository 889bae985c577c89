import assert from 'node:assert/strict'
import { isE164 } from '../../src/delivery/e164.ts'

describe('a number as E.164', () => {
  for (const text of ['+390612345678', '+393471234567', '+12125550123', '+442071838750'])
    it(`is ${text}`, () => assert.equal(isE164(text), true))

  for (const text of [
    '',
    '+',
    '390612345678',
    '+39 06 12345678',
    '+39-0612345678',
    '+39061',
    '+999123456789',
    '+1212555012345',
    '+390612345678;ext=1',
    'tel:+390612345678',
    '+３９０６１２３４５６７８',
    '+390612345678\n',
  ])
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(isE164(text), false))
})
