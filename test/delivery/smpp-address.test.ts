import { deepEqual, throws } from 'node:assert/strict'
import { readSender, readSmsc } from '../../src/delivery/smpp/address.ts'

describe('readSmsc', () => {
  it('reads host, port and credentials', () => {
    deepEqual(readSmsc('smpp://user:p%40ss%3A@[::1]:2776'), {
      host: '::1',
      port: 2776,
      tls: false,
      systemId: 'user',
      password: 'p@ss:',
      exposed: false,
    })
    const { port, tls, exposed } = readSmsc('smpps://a:b@smsc.example')
    deepEqual({ port, tls, exposed }, { port: 3550, tls: true, exposed: false })
  })

  it('knows when password and texts would travel in the clear', () => {
    const exposed = (host: string) => readSmsc(`smpp://a:b@${host}`).exposed
    deepEqual(['127.0.0.1', 'localhost', '[::1]'].map(exposed), [false, false, false])
    deepEqual(['10.0.0.1', 'smsc.example', '127.0.0.1.example'].map(exposed), [true, true, true])
  })

  for (const url of [
    'no url hidden',
    'http://a:hidden@127.0.0.1',
    'smpp://127.0.0.1',
    'smpp://a@127.0.0.1',
    'smpp://:hidden@127.0.0.1',
    'smpp:a:hidden',
    'smpp://a:hidden%00@127.0.0.1',
    'smpp://a:hidden%0A@127.0.0.1',
    'smpp://a:hidden%E8@127.0.0.1',
    'smpp://a:hiddenè@127.0.0.1',
  ])
    it(`refuses ${url}, without repeating it`, () =>
      throws(
        () => readSmsc(url),
        (error: Error) => !/hidden/.test(`${error.message}${JSON.stringify(error)}`),
      ))
})

describe('readSender', () => {
  it('knows numbers, short codes and names', () => {
    const read = (from: string) => Object.values(readSender(from))
    deepEqual(read('+393401234567'), [1, 1, '393401234567'])
    deepEqual(read('393401234567'), [1, 1, '393401234567'])
    deepEqual(read('12345'), [3, 0, '12345'])
    deepEqual(read('Duepassi'), [5, 0, 'Duepassi'])
  })

  for (const from of ['', 'Duepassi srl!', 'longer than 11', 'Città', 'a\0b', '+12345678901234567'])
    it(`refuses ${JSON.stringify(from)}`, () => throws(() => readSender(from), /sender/))
})
