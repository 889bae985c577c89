import { equal } from 'node:assert/strict'
import { readCode } from '../../../src/factors/message-code/code.ts'

describe('a code as it is typed', () => {
  for (const typed of ['012345', ' 012 345 ', '٠١٢٣٤٥'])
    it(`is read: ${JSON.stringify(typed)}`, () => equal(readCode(typed), '012345'))

  for (const typed of ['', '12345', '1234567', '12345a'])
    it(`is no code: ${JSON.stringify(typed)}`, () => equal(readCode(typed), undefined))
})
