import { equal } from 'node:assert/strict'
import { faultOf } from '../../src/passwords/acceptable.ts'

const lengths = { minLength: 8, maxLength: 64 }
const names = ['maria.rossi', 'Maria.Rossi-1970@example.org']
const fault = (password: string, again = password) => faultOf({ password, again }, names, lengths)

describe('a new password', () => {
  it('counts in characters, whatever they are made of', () => {
    equal(fault('1234567'), 'short')
    equal(fault('12345678'), undefined)
    equal(fault(''), 'short')
    // Seven letters with their accents beside them are seven.
    equal(fault('e\u0300'.repeat(7)), 'short')
    equal(fault('🛒'.repeat(7)), 'short')
    equal(fault('🛒'.repeat(8)), undefined)
    equal(fault('x'.repeat(64)), undefined)
    equal(fault('🛒'.repeat(64)), undefined)
    equal(fault('x'.repeat(65)), 'long')
  })

  it('is made of anything: no kinds of characters are demanded or refused', () => {
    for (const password of ['aaaaaaaa', 'due passi avanti', '        ', 'пароль пароль', '„quoted“ %_\\'])
      equal(fault(password), undefined, password)
  })

  it('is typed twice, on whatever keyboard', () => {
    equal(fault('12345678', '12345679'), 'differ')
    equal(fault('12345678', ''), 'differ')
    equal(fault('perché no', 'perche\u0301 no'), undefined)
  })

  it('is no name of the account, in any spelling', () => {
    for (const name of [
      'maria.rossi',
      'MARIA.ROSSI',
      ' maria. rossi ',
      'ｍａｒｉａ.ｒｏｓｓｉ',
      'maria.rossi-1970@example.org',
      'maria.rossi-1970',
    ])
      equal(fault(name), 'name', name)
    equal(fault('maria.rossi!'), undefined)
  })
})
