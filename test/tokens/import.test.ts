import assert from 'node:assert/strict'
import { describeFault } from '../../src/tokens/fault.ts'
import { type Inventory, planImport } from '../../src/tokens/import.ts'
import type { TokenFault, TokenRow, TokenSeed } from '../../src/tokens/token.ts'

const now = Date.UTC(2026, 0, 1)
const keyOf = (byte: number): string => Buffer.alloc(20, byte).toString('base64')

const row = (ordinal: number, over: Partial<TokenSeed> = {}): TokenRow => ({
  line: ordinal + 1,
  ordinal,
  token: {
    serial: `T${ordinal}`,
    manufacturer: 'Acme',
    model: 'One',
    kind: 'totp',
    algorithm: 'sha1',
    digits: 6,
    period: 30,
    counter: 0,
    key: keyOf(ordinal),
    publicId: null,
    privateId: null,
    owner: null,
    notBefore: null,
    notAfter: null,
    ...over,
  },
})

const nothing: Inventory = { serials: new Map(), keys: new Map(), accounts: new Map() }

const faultsOf = (rows: TokenRow[], over: Partial<Inventory> = {}, faults: TokenFault[] = []): string[] => {
  const plan = planImport({ rows, faults }, { ...nothing, ...over }, now)
  assert.deepEqual(plan.add, [], 'with a fault nothing is imported')
  return plan.faults.map(describeFault)
}

describe('planning an import', () => {
  it('makes a token of the inventory of each row, with its owner', () => {
    const rows = [
      row(1, { owner: 'UID=anna,DC=example' }),
      row(2, { kind: 'hotp', counter: 7 }),
      row(3, { owner: 'Bob' }),
    ]
    const accounts = new Map([
      ['anna', { id: 'anna-1' }],
      ['Bob', { id: 'bob-1' }],
    ])
    const { add, faults } = planImport({ rows, faults: [] }, { ...nothing, accounts }, now)
    assert.deepEqual(faults, [])
    assert.deepEqual(
      add.map(({ seed: _, ...token }) => token),
      [
        {
          serial: 'T1',
          kind: 'totp',
          manufacturer: 'Acme',
          model: 'One',
          accountId: 'anna-1',
          importedAt: now,
          counter: null,
        },
        {
          serial: 'T2',
          kind: 'hotp',
          manufacturer: 'Acme',
          model: 'One',
          accountId: null,
          importedAt: now,
          counter: null,
        },
        {
          serial: 'T3',
          kind: 'totp',
          manufacturer: 'Acme',
          model: 'One',
          accountId: 'bob-1',
          importedAt: now,
          counter: null,
        },
      ],
    )
    assert.deepEqual(
      add.map(({ seed }) => JSON.parse(seed)),
      rows.map(({ token }) => token),
    )
  })

  it('finds a serial number that is taken, whatever its case', () => {
    assert.deepEqual(
      faultsOf([row(1), row(2), row(3)], {
        serials: new Map([
          ['T1', 'T1'],
          ['T3', 't3'],
        ]),
      }),
      [
        'Line 2, serial T1: there is a token with this serial number already.',
        'Line 4, serial T3: there is a token with this serial number already (as t3).',
      ],
    )
  })

  it('finds a key that is there twice, and one that a token has already', () => {
    assert.deepEqual(
      faultsOf([row(1), row(2, { key: keyOf(1) }), row(3)], { keys: new Map([[keyOf(3), 'old']]) }),
      [
        'Line 3, serial T2: the key is in the file more than once: two tokens would show the same codes (as in line 2).',
        'Line 4, serial T3: there is a token with this key already (serial old).',
      ],
    )
  })

  it('says one thing of a token that was imported before', () => {
    const inventory = { serials: new Map([['T1', 'T1']]), keys: new Map([[keyOf(1), 'T1']]) }
    assert.equal(faultsOf([row(1)], inventory).length, 1)
  })

  it('finds owners that are nobody, and shows no name that might be a key', () => {
    const hidden = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
    const owners = [
      'carla',
      'carla.rossi@example.org',
      'UID=carla,DC=example',
      'OU=Sales',
      hidden,
      `CN=${hidden}`,
    ]
    assert.deepEqual(faultsOf(owners.map((owner, index) => row(index + 1, { owner }))), [
      'Line 2, serial T1: there is no account for the owner (carla).',
      'Line 3, serial T2: there is no account for the owner (carla.rossi@example.org).',
      'Line 4, serial T3: there is no account for the owner (carla).',
      'Line 5, serial T4: the owner is a distinguished name that has neither UID nor CN.',
      'Line 6, serial T5: there is no account for the owner.',
      'Line 7, serial T6: there is no account for the owner.',
    ])
  })

  it('puts the faults of the file and its own in the order of the file', () => {
    const own: TokenFault = { line: 3, ordinal: 2, serial: null, reason: 'key_missing' }
    assert.deepEqual(
      faultsOf(
        [row(1), row(3)],
        {
          serials: new Map([
            ['T1', 'T1'],
            ['T3', 'T3'],
          ]),
        },
        [own],
      ),
      [
        'Line 2, serial T1: there is a token with this serial number already.',
        'Line 3: the key is missing.',
        'Line 4, serial T3: there is a token with this serial number already.',
      ],
    )
  })
})
