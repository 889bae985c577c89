import assert from 'node:assert/strict'
import { X509Certificate as Certificate, webcrypto } from 'node:crypto'
import 'reflect-metadata'
import {
  type GeneralNames,
  type JsonName,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import fc from 'fast-check'
import { certificateNames } from '../../../src/provider/clients/certificate-names.ts'
import type { SubjectProperty } from '../../../src/provider/clients/client-certificate.ts'

type Subject = ReadonlyArray<Readonly<Record<string, readonly string[]>>>
type Alternative = ReturnType<GeneralNames['toJSON']>[number]

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dn = 'tls_client_auth_subject_dn'

describe('names in certificates', () => {
  let keys: webcrypto.CryptoKeyPair
  before(async () => {
    keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  })

  /** Parts in the order of their encoding: the most specific one last. */
  const issue = async (subject: Subject, ...alternatives: Alternative[][]): Promise<Certificate> => {
    const name = subject.map((part) =>
      Object.fromEntries(
        Object.entries(part).map(([type, values]) => [type, values.map((utf8String) => ({ utf8String }))]),
      ),
    )
    const made = await X509CertificateGenerator.create(
      {
        serialNumber: '01',
        subject: name as unknown as JsonName,
        issuer: 'CN=authority',
        signingKey: keys.privateKey,
        publicKey: keys.publicKey,
        signingAlgorithm: algorithm,
        notBefore: new Date('2020-01-01'),
        notAfter: new Date('2100-01-01'),
        extensions: alternatives.map((names) => new SubjectAlternativeNameExtension(names)),
      },
      webcrypto,
    )
    return new Certificate(Buffer.from(made.rawData))
  }
  const isSubject = async (subject: Subject, expected: string) =>
    certificateNames.carries(await issue(subject), dn, expected)

  describe('subjects', () => {
    const subject: Subject = [
      { C: ['IT'] },
      { O: ['Due, Passi + Co'] },
      { OU: ['a'], '2.5.4.97': ['b'] },
      { CN: ['bank "x" é'] },
    ]

    for (const same of [
      'CN=bank \\"x\\" é,OU=a+organizationIdentifier=b,O=Due\\, Passi \\+ Co,C=IT',
      'cn=bank \\"x\\" é, 2.5.4.97=b+ou=a, O=Due\\, Passi \\+ Co, c=IT',
      '2.5.4.3=bank \\"x\\" é,OU=a+2.5.4.97=b,O=Due\\, Passi \\+ Co,C=IT',
    ])
      it(`take ${same} for the same`, async () => assert.equal(await isSubject(subject, same), true))

    for (const other of [
      'CN=bank \\"x\\" é',
      'C=IT,O=Due\\, Passi \\+ Co,OU=a+organizationIdentifier=b,CN=bank \\"x\\" é',
      'CN=Bank \\"x\\" é,OU=a+organizationIdentifier=b,O=Due\\, Passi \\+ Co,C=IT',
      'CN=bank \\"x\\" é,OU=a,organizationIdentifier=b,O=Due\\, Passi \\+ Co,C=IT',
      'CN=bank \\"x\\" é,OU=a,O=Due\\, Passi \\+ Co,C=IT',
      'CN=bank \\"x\\" é,OU=b+organizationIdentifier=a,O=Due\\, Passi \\+ Co,C=IT',
      'CN=bank \\"x\\" é,OU=a+organizationIdentifier=b,O=Due\\, Passi \\+ Co,C=IT,C=IT',
      '',
    ])
      it(`do not take ${other || 'nothing'} for the same`, async () =>
        assert.equal(await isSubject(subject, other), false))

    it('are compared whole: what stands before or after makes another', async () => {
      const good: Subject = [{ CN: ['good'] }]
      assert.equal(await isSubject(good, 'CN=good'), true)
      for (const longer of [
        [{ O: ['evil'] }, { CN: ['good'] }],
        [{ CN: ['good'] }, { O: ['evil'] }],
        [{ CN: ['good'], O: ['evil'] }],
        [{ CN: ['good', 'evil'] }],
        [{ CN: ['good'] }, { CN: ['good'] }],
      ] as Subject[]) {
        assert.equal(await isSubject(longer, 'CN=good'), false)
        assert.equal(await isSubject(good, 'CN=good,O=evil'), false)
        assert.equal(await isSubject(good, 'CN=good+O=evil'), false)
      }
      assert.equal(await isSubject([], 'CN=good'), false)
      assert.equal(await isSubject([], ''), false)
    })

    it('are compared part by part, in their order', async () => {
      assert.equal(await isSubject([{ O: ['a'] }, { O: ['b'] }], 'O=b,O=a'), true)
      assert.equal(await isSubject([{ O: ['a'] }, { O: ['b'] }], 'O=a,O=b'), false)
      assert.equal(await isSubject([{ O: ['a'] }, { CN: ['b'] }], 'CN=b+O=a'), false)
      assert.equal(await isSubject([{ O: ['a', 'b'] }], 'O=b+O=a'), true)
    })

    it('are not cut where somebody wrote a separator into a value', async () => {
      for (const [value, registered] of [
        ['x,O=Bank', 'O=Bank,CN=x'],
        ['x,O=Bank', 'CN=x,O=Bank'],
        ['x\\,O=Bank', 'CN=x\\,O=Bank'],
        ['x\nO=Bank', 'O=Bank,CN=x'],
        ['x\nO=Bank', 'CN=x'],
        ['x+OU=Bank', 'CN=x+OU=Bank'],
        ['x\0', 'CN=x'],
        ['x\0.evil', 'CN=x'],
        ['x ', 'CN=x'],
        ['"x"', 'CN=x'],
        ['X', 'CN=x'],
        ['ｘ', 'CN=x'],
      ] as const)
        assert.equal(
          await isSubject([{ CN: [value] }], registered),
          false,
          `${JSON.stringify(value)} ${registered}`,
        )
      assert.equal(await isSubject([{ CN: ['x,O=Bank'] }], 'CN=x\\,O=Bank'), true)
      assert.equal(await isSubject([{ CN: ['x+OU=Bank'] }], 'CN=x\\+OU=Bank'), true)
    })

    it('are what somebody registered, whatever they hold', async () => {
      const types = ['CN', 'O', 'OU', 'serialNumber', 'organizationIdentifier', '1.2.3.4']
      const oid: Record<string, string> = { serialNumber: '2.5.4.5', organizationIdentifier: '2.5.4.97' }
      const value = fc
        .string({ unit: fc.constantFrom(...'ab,+=<>;"# é😀/.:*\''), minLength: 1, maxLength: 8 })
        .filter((text) => !/^[ #]| $/.test(text))
      const attribute = fc.record({ type: fc.constantFrom(...types), value })
      const name = fc.array(fc.array(attribute, { minLength: 1, maxLength: 2 }), {
        minLength: 1,
        maxLength: 4,
      })
      await fc.assert(
        fc.asyncProperty(name, async (parts) => {
          const text = parts
            .map((part) =>
              part.map(({ type, value }) => `${type}=${value.replaceAll(/[,+"<>;]/g, '\\$&')}`).join('+'),
            )
            .join(',')
          assert.equal(certificateNames.faultOf(text), undefined, text)
          const encoded = parts.toReversed().map((part) => {
            const values: Record<string, string[]> = {}
            for (const { type, value } of part) {
              const id = oid[type] ?? type
              values[id] = [...(values[id] ?? []), value]
            }
            return values
          })
          assert.equal(await isSubject(encoded, text), true, text)
          assert.equal(await isSubject([...encoded, { CN: ['x'] }], text), false, text)
          assert.equal(await isSubject(encoded.slice(1), text), false, text)
        }),
        { numRuns: 100 },
      )
    })
  })

  describe('subjects that are registered', () => {
    for (const good of ['CN=bank', 'CN=a=b', 'CN=a, O=b', 'E=a@b.c+UID=x', '1.3.6.1.4.1.311.60.2.1.3=IT'])
      it(`may be ${good}`, () => assert.equal(certificateNames.faultOf(good), undefined))
    for (const none of [
      ...[
        '',
        'bank',
        'CN=',
        'CN=x,',
        ',CN=x',
        'CN=x+',
        '=x',
        'CN = x',
        'CN=x ',
        'CN=x ,O=y',
        'x CN=y',
        'x-CN=y',
      ],
      ...[
        'CN=#0C0161',
        'CN=\\#0C0161',
        'CN=\\FF',
        'CN=\\C3\\A9',
        'CN=x\\\\',
        'CN=x\\\\,O=y',
        'CN=x\\',
        'CN="x,y"',
      ],
      ...['CN=x;O=y', 'CN=x\nO=y', 'CN=x\0', 'CN=x\u2028y', '/CN=x/O=y', 'OID.2.5.4.3=x'],
    ])
      it(`are not written ${JSON.stringify(none)}`, () =>
        assert.match(certificateNames.faultOf(none) ?? '', /is not written like/))
    for (const unknown of ['nickname=x', 'CN=x,nickname=y', 'constructor=x', 'toString=x', 'Cn=x'])
      it(`name no attribute such as in ${unknown}`, () =>
        assert.match(certificateNames.faultOf(unknown) ?? '', /attribute whose name is not known/))
    it('carry nothing where they cannot be read', async () => {
      for (const name of ['', 'bank', 'nickname=x', 'x CN=bank'])
        assert.equal(await isSubject([{ CN: ['bank'] }], name), false)
    })
  })

  describe('alternative names', () => {
    const carries = async (property: SubjectProperty, name: string, ...lists: Alternative[][]) =>
      certificateNames.carries(await issue([{ CN: ['bank.example.org'] }], ...lists), property, name)
    const [dns, uri, email, ip] = ['dns', 'uri', 'email', 'ip'].map(
      (kind) => `tls_client_auth_san_${kind}` as SubjectProperty,
    ) as [SubjectProperty, SubjectProperty, SubjectProperty, SubjectProperty]
    const odd = 'urn:x, DNS:evil.example.org, "y", URI:urn:z'

    it('are one entry, whatever stands in it', async () => {
      const list: Alternative[] = [
        { type: 'url', value: odd },
        { type: 'dns', value: 'a.example", DNS:b.example' },
      ]
      assert.equal(await carries(uri, odd, list), true)
      assert.equal(await carries(dns, 'evil.example.org', list), false)
      assert.equal(await carries(dns, 'b.example', list), false)
      assert.equal(await carries(uri, 'urn:z', list), false)
      assert.equal(await carries(uri, 'urn:x', list), false)
    })

    it('are of the kind that is registered', async () => {
      const list: Alternative[] = [
        { type: 'email', value: 'bank@example.org' },
        { type: 'dns', value: '192.0.2.1' },
        { type: 'url', value: 'mail.example.org' },
      ]
      assert.equal(await carries(email, 'bank@example.org', list), true)
      assert.equal(await carries(email, 'BANK@example.org', list), false)
      assert.equal(await carries(ip, '192.0.2.1', list), false)
      assert.equal(await carries(dns, 'mail.example.org', list), false)
      assert.equal(await carries(uri, 'bank@example.org', list), false)
    })

    it('with a wildcard are no other name', async () => {
      const list: Alternative[] = [{ type: 'dns', value: '*.example.org' }]
      for (const name of ['bank.example.org', 'example.org', '.example.org'])
        assert.equal(await carries(dns, name, list), false)
    })

    it('with a NUL are no shorter one', async () =>
      assert.equal(await carries(dns, 'a.example', [{ type: 'dns', value: 'a.example\0.evil' }]), false))

    it('are none where there are two lists, or no list', async () => {
      const list: Alternative[] = [
        { type: 'dns', value: 'a.example' },
        { type: 'ip', value: '192.0.2.1' },
      ]
      for (const [property, name] of [
        [dns, 'a.example'],
        [ip, '192.0.2.1'],
      ] as const) {
        assert.equal(await carries(property, name, list), true)
        assert.equal(await carries(property, name, list, list), false)
        assert.equal(await carries(property, name, list, [{ type: 'dns', value: 'b.example' }]), false)
        assert.equal(await carries(property, name, [{ type: 'dns', value: 'b.example' }], list), false)
      }
      assert.equal(await carries(dns, 'bank.example.org'), false, 'nor the common name')
    })
  })
})
