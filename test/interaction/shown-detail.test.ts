import assert from 'node:assert/strict'
import { showDetail } from '../../src/interaction/shown-detail.ts'

const none = { title: undefined, name: () => undefined }
const lines = (fields: Record<string, unknown>, words: Parameters<typeof showDetail>[1] = none) =>
  showDetail({ type: 'payment', ...fields }, words).lines

describe('an authorization detail for people', () => {
  it('has the title of its type, or the type', () => {
    assert.equal(showDetail({ type: 'payment' }, { ...none, title: 'Pay' }).title, 'Pay')
    assert.equal(showDetail({ type: 'account_information' }, none).title, 'account information')
  })

  it('calls its fields as people do, wherever they stand, and numbers lists by themselves', () => {
    const words = { title: undefined, name: (field: string) => ({ amount: 'Importo', 1: 'wrong' })[field] }
    assert.deepEqual(lines({ amount: '1', parts: [{ amount: '2' }], payee_name: 'A' }, words), [
      { name: 'Importo', value: '1' },
      { name: 'parts', lines: [{ name: '1', lines: [{ name: 'Importo', value: '2' }] }] },
      { name: 'payee name', value: 'A' },
    ])
  })

  it('shows everything that is in it', () => {
    assert.deepEqual(
      lines({
        amount: { value: '1', currency: 'EUR' },
        actions: ['a', 'b'],
        recurring: false,
        note: null,
        days: 3,
        payees: [{ name: 'A' }, { name: 'B' }],
      }),
      [
        {
          name: 'amount',
          lines: [
            { name: 'value', value: '1' },
            { name: 'currency', value: 'EUR' },
          ],
        },
        { name: 'actions', value: 'a, b' },
        { name: 'recurring', value: false },
        { name: 'note', value: null },
        { name: 'days', value: 3 },
        {
          name: 'payees',
          lines: [
            { name: '1', lines: [{ name: 'name', value: 'A' }] },
            { name: '2', lines: [{ name: 'name', value: 'B' }] },
          ],
        },
      ],
    )
  })

  it('lets nothing change how the rest is read', () => {
    const [{ name, value } = { name: '' }] = lines({ 'to\u202E': '\u202E0001\u200B\n€\u2028' })
    assert.equal(name, 'to\u{fffd}')
    assert.equal(value, '\u{fffd}0001\u{fffd}\u{fffd}€\u{fffd}')
    const [far, piled, empty] = lines({
      far: `1${'\u00A0'.repeat(900)}\u3000000`,
      piled: `1${'\u0316'.repeat(90)}`,
      empty: '\u2800\u3164',
    })
    assert.deepEqual(far, { name: 'far', value: '1 000' })
    assert.deepEqual(piled, { name: 'piled', value: `1${'\u0316'.repeat(4)}\u{fffd}` })
    assert.deepEqual(empty, { name: 'empty', value: '\u{fffd}\u{fffd}' })
  })
})
