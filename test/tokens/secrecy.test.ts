import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describeFault } from '../../src/tokens/fault.ts'
import { readTokenFile } from '../../src/tokens/read.ts'
import { TokenFileError } from '../../src/tokens/token-file-error.ts'
import { container, keyPackage, plainFile, protect } from '../support/token-files/pskc.ts'

const now = Date.UTC(2026, 0, 1)

/** All that a person, a log or a page could get to see when reading goes wrong. */
const said = async (bytes: Buffer, password?: string): Promise<string> => {
  try {
    const { faults } = await readTokenFile(bytes, { now, password })
    return faults.map((fault) => `${describeFault(fault)} ${JSON.stringify(fault)}`).join('\n')
  } catch (error) {
    assert.ok(error instanceof TokenFileError, String(error))
    assert.equal(error.cause, undefined)
    return `${error.message}\n${error.stack}`
  }
}

const key = fc.uint8Array({ minLength: 10, maxLength: 64 }).map((bytes) => Buffer.from(bytes))

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const base32 = (bytes: Buffer): string =>
  [...bytes]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .match(/.{1,5}/g)
    ?.map((bits) => alphabet[Number.parseInt(bits.padEnd(5, '0'), 2)])
    .join('') ?? ''

const spellings = (bytes: Buffer) => [bytes.toString('hex'), base32(bytes), bytes.toString('base64')]

const assertSilent = (text: string, bytes: Buffer) => {
  for (const spelling of spellings(bytes))
    assert.ok(!text.toLowerCase().includes(spelling.toLowerCase()), `${spelling} in ${text}`)
}

describe('reading token files', () => {
  it('ends in a file or in a TokenFileError, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        await said(Buffer.from(bytes))
      }),
      { numRuns: 300 },
    )
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 500 }), fc.boolean(), async (text, xml) => {
        await said(Buffer.from(xml ? `<KeyContainer Version="1.0">${text}` : text))
      }),
      { numRuns: 300 },
    )
  })

  it('survives PSKC files with anything cut out or put in', async () => {
    const protection = protect({ password: 'pw', iterations: 1 })
    const sources = [
      plainFile({}, { serial: '2' }).toString(),
      container([keyPackage({ secret: protection.seal(Buffer.alloc(20, 3)) })], protection.head).toString(),
    ]
    const words = [
      '<',
      '/>',
      '</Key>',
      '<Data>',
      '<!--',
      '"',
      '&amp;',
      '<Secret/>',
      '<Policy/>',
      '<Key/>',
      ' ',
      'x',
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sources),
        fc.nat(1500),
        fc.nat(200),
        fc.constantFrom('', ...words),
        async (text, at, length, put) => {
          await said(Buffer.from(text.slice(0, at) + put + text.slice(at + length)), 'pw')
          await said(Buffer.from(text.slice(0, at) + put + text.slice(at + length)))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('survives a PSKC file with any one element renamed, doubled, emptied or given a text', async () => {
    const protection = protect({ password: 'pw', iterations: 1 })
    const text = container(
      [
        keyPackage({
          secret: protection.seal(Buffer.alloc(20, 3)),
          policy:
            '<StartDate>2020-01-01T00:00:00Z</StartDate><PINPolicy PINUsageMode="Local"/><KeyUsage>OTP</KeyUsage>',
          device: '<Model>m</Model>',
          more: '<UserId>u</UserId>',
        }),
      ],
      protection.head,
    ).toString()
    const names = [...new Set([...text.matchAll(/<([\w:]+)/g)].map(([, name]) => name ?? ''))]
    assert.ok(names.length > 25)
    for (const name of names) {
      const element = new RegExp(`<${name}(?=[\\s/>])[^>]*?(?:/>|>.*?</${name}>)`, 's')
      for (const change of [
        (whole: string) => whole + whole,
        () => '',
        () => `<${name}/>`,
        () => `<${name}>x</${name}>`,
        (whole: string) => whole.replaceAll(name, `${name}s`),
        (whole: string) => whole.replace(/Algorithm="[^"]*"/, ''),
        (whole: string) => whole.replace(/Algorithm="[^"]*"/, 'Algorithm="constructor"'),
      ]) {
        const changed = Buffer.from(text.replace(element, change))
        await said(changed, 'pw')
        await said(changed)
      }
    }
  })

  it('never repeats a key, in whichever column it stands', async () => {
    const cell = fc.oneof(
      fc.constantFrom('', '1001', 'totp', '6', '7', '30', 'x"', 'Yubico OTP', 'serial', 'key', '1'),
    )
    await fc.assert(
      fc.asyncProperty(
        key,
        fc.array(fc.array(cell, { maxLength: 7 }), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat(),
        fc.nat(2),
        fc.boolean(),
        async (bytes, rows, row, column, spelling, sure) => {
          const cells = rows.map((one): string[] => [...one])
          const target = cells[row % cells.length] ?? []
          target.splice(column % (target.length + 1), 0, spellings(bytes)[spelling] ?? '')
          const text = cells.map((one) => one.join()).join('\n')
          assertSilent(await said(Buffer.from(sure ? `1,${'0'.repeat(20)},totp\n${text}` : text)), bytes)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('never repeats a key, in whichever element it stands', async () => {
    const places = [
      (text: string) => plainFile({ serial: text }),
      (text: string) => plainFile({ device: `<SerialNo>${text}</SerialNo>` }),
      (text: string) => plainFile({ algorithm: `urn:ietf:params:xml:ns:keyprov:pskc:${text}` }),
      (text: string) => plainFile({ parameters: `<Suite>${text}</Suite><ResponseFormat Length="${text}"/>` }),
      (text: string) => plainFile({ parameters: `<ResponseFormat Encoding="${text}"/>` }),
      (text: string) => plainFile({ policy: `<P${text.replace(/[^a-z0-9]/gi, '')}/>` }),
      (text: string) =>
        plainFile({ policy: `<StartDate>${text}</StartDate>`, device: `<Model>${text}\u0001</Model>` }),
      (text: string) => plainFile({ data: `<Secret><PlainValue>${text}*</PlainValue></Secret>` }),
      (text: string) => plainFile({ data: `<Secret><PlainValue>${text}</PlainVal></Secret>` }),
      (text: string) =>
        container([keyPackage()], `<EncryptionKey><K${text.replace(/\W/g, '')}/></EncryptionKey>`),
    ]
    await fc.assert(
      fc.asyncProperty(key, fc.constantFrom(...places), fc.nat(2), async (bytes, place, spelling) => {
        assertSilent(await said(place(spellings(bytes)[spelling] ?? '')), bytes)
      }),
      { numRuns: 300 },
    )
  })
})
