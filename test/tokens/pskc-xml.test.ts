import assert from 'node:assert/strict'
import { readTokenFile } from '../../src/tokens/read.ts'
import type { TokenFileErrorReason } from '../../src/tokens/token-file-error.ts'
import { container, keyPackage, plainFile, pskc } from '../support/token-files/pskc.ts'

const now = Date.UTC(2026, 0, 1)
const refused = (text: string | Buffer, reason: TokenFileErrorReason) =>
  assert.rejects(readTokenFile(Buffer.from(text), { now }), { name: 'TokenFileError', reason })

const good = plainFile({}).toString()
const withDoctype = (doctype: string) => good.replace('?>', `?>${doctype}`)

describe('the XML of a PSKC file', () => {
  it('is read at all', async () => {
    assert.equal((await readTokenFile(plainFile({}), { now })).rows.length, 1)
  })

  const laughs = Array.from(
    { length: 9 },
    (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`,
  ).join('')
  for (const [what, text] of [
    ['a document type', withDoctype('<!DOCTYPE KeyContainer>')],
    ['one in small letters', withDoctype('<!doctype KeyContainer>')],
    ['an external one', withDoctype('<!DOCTYPE KeyContainer SYSTEM "http://127.0.0.1/x.dtd">')],
    ['an entity', withDoctype('<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]>')],
    ['a bomb of entities', withDoctype(`<!DOCTYPE k [<!ENTITY l0 "ha">${laughs}]>`)],
    ['a document type in a comment', withDoctype('<!-- <!DOCTYPE k> -->')],
    ['a reference to an entity', good.replace('1001', '&x;')],
    ['an ampersand', good.replace('1001', '1&1')],
  ] as const)
    it(`may not have ${what}`, () => refused(text, 'markup_forbidden'))

  it('is refused when it is damaged, without a word of what it says', async () => {
    for (const damaged of [
      good.slice(0, -20),
      good.replace('</Key>', '</Kay>'),
      good.replace('Id="k"', 'Id=k'),
      good.replace('Id="k"', 'Id="k" Id="k"'),
      good.replace('<Data>', '<__proto__></__proto__><Data>'),
    ])
      await refused(damaged, 'malformed')
  })

  it('may not nest deeply, nor be large', async () => {
    const deep = (depth: number) =>
      container([
        keyPackage({ more: `<Extensions>${'<x>'.repeat(depth)}${'</x>'.repeat(depth)}</Extensions>` }),
      ])
    assert.equal((await readTokenFile(deep(10), { now })).rows.length, 1)
    await refused(deep(100), 'malformed')
    await refused(deep(100_000), 'malformed')
    await refused(Buffer.alloc(17 * 1024 * 1024, '<'), 'too_large')
    await refused(Buffer.concat([plainFile({}), Buffer.alloc(17 * 1024 * 1024, ' ')]), 'too_large')
  })

  it('has to be a container of version 1.0, with something in it', async () => {
    await refused('<html><body/></html>', 'not_a_token_file')
    await refused(`${good}<KeyContainer/>`, 'not_a_token_file')
    await refused(good.replace('Version="1.0"', 'Version="2.0"'), 'version_unsupported')
    await refused(good.replace('Version="1.0"', ''), 'version_unsupported')
    await refused(container(['<Device><Key/></Device>']), 'version_unsupported')
    await refused(container([]), 'no_tokens')
    await refused(container(['<KeyPackage/>']), 'no_tokens')
    await refused(`<KeyContainer Version="1.0" xmlns="${pskc}"/>`, 'no_tokens')
  })

  it('has to be UTF-8', async () => {
    await refused(Buffer.from(good, 'utf16le'), 'not_utf8')
    await refused(Buffer.from(plainFile({ device: '<Model>é</Model>' }).toString(), 'latin1'), 'not_utf8')
    await refused(Buffer.from([0x50, 0x4b, 3, 4, 0xff]), 'not_utf8')
  })
})
