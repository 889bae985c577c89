import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readTokenFile } from '../../src/tokens/read.ts'
import type { ReadOptions } from '../../src/tokens/read-options.ts'
import type { TokenFileErrorReason } from '../../src/tokens/token-file-error.ts'
import {
  container,
  keyPackage,
  type Protected,
  plain,
  protect,
  seed,
  type TestProtection,
} from '../support/token-files/pskc.ts'

const now = Date.UTC(2026, 0, 1)
const seed32 = Buffer.from('12345678901234567890123456789012')

const fileOf = (protection: Protected, secrets: readonly string[] = [protection.seal(seed)]) =>
  container(
    secrets.map((secret, index) => keyPackage({ serial: String(1001 + index), secret })),
    protection.head,
  )

const keysOf = async (bytes: Buffer, options: Omit<ReadOptions, 'now'>) => {
  const { rows, faults } = await readTokenFile(bytes, { now, ...options })
  assert.deepEqual(faults, [])
  return rows.map(({ token }) => Buffer.from(token.key, 'base64'))
}

const refused = (bytes: Buffer, options: Omit<ReadOptions, 'now'>, reason: TokenFileErrorReason) =>
  assert.rejects(readTokenFile(bytes, { now, ...options }), { name: 'TokenFileError', reason })

/** Flips a bit of what the pattern's group matches, which is base64. */
const flip = (bytes: Buffer, pattern: RegExp, at = 20): Buffer =>
  Buffer.from(
    bytes.toString().replace(pattern, (whole: string, base64: string) => {
      const changed = Buffer.from(base64, 'base64')
      changed[at] = (changed[at] ?? 0) ^ 1
      return whole.replace(base64, changed.toString('base64'))
    }),
  )
const secretValue = /<Secret>.*?<xenc:CipherValue>(.*?)<.*?<\/Secret>/
const macValue = /<ValueMAC>(.*?)</

describe('encrypted PSKC files', () => {
  for (const bits of [128, 192, 256] as const)
    for (const hash of ['sha1', 'sha256', 'sha512'] as const)
      it(`open: AES-${bits}-CBC with a MAC of HMAC-${hash}`, async () => {
        const protection = protect({ bits, hash })
        const file = fileOf(protection, [protection.seal(seed), protection.seal(seed32)])
        assert.deepEqual(await keysOf(file, { preSharedKey: protection.key }), [seed, seed32])
      })

  it('open: padding of XML Encryption, where only the last byte counts', async () => {
    const protection = protect({ padding: 'random' })
    assert.deepEqual(await keysOf(fileOf(protection), { preSharedKey: protection.key }), [seed])
  })

  it('open: the MAC made with the key of the file itself', async () => {
    const protection = protect({ macKey: null })
    assert.deepEqual(await keysOf(fileOf(protection), { preSharedKey: protection.key }), [seed])
    await refused(fileOf(protection), { preSharedKey: randomBytes(16) }, 'wrong_secret')
  })

  for (const bits of [128, 192, 256] as const)
    it(`open: AES-${bits} key wrap, with a MAC and without`, async () => {
      const protection = protect({ bits, mode: 'kw' })
      const file = fileOf(protection, [protection.seal(seed32), protection.sealWithoutMac(seed32)])
      assert.deepEqual(await keysOf(file, { preSharedKey: protection.key }), [seed32, seed32])
      const bare = container([keyPackage({ secret: protection.sealWithoutMac(seed32) })])
      assert.deepEqual(await keysOf(bare, { preSharedKey: protection.key }), [seed32])
      await refused(bare, { preSharedKey: randomBytes(bits / 8) }, 'wrong_secret')
      await refused(flip(bare, secretValue), { preSharedKey: protection.key }, 'wrong_secret')
    })

  it('open: the example of RFC 3394 §4.1', async () => {
    const kek = Buffer.from('000102030405060708090A0B0C0D0E0F', 'hex')
    const wrapped = Buffer.from('1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5', 'hex')
    const secret = protect({ mode: 'kw' })
      .sealWithoutMac(seed32)
      .replace(/(<xenc:CipherValue>).*?</, `$1${wrapped.toString('base64')}<`)
    const keys = await keysOf(container([keyPackage({ secret })]), { preSharedKey: kek })
    assert.deepEqual(keys, [Buffer.from('00112233445566778899AABBCCDDEEFF', 'hex')])
  })

  for (const prf of [undefined, 'sha1', 'sha256'] as const)
    it(`open: a password, PBKDF2 with ${prf ?? 'nothing said, which is sha1'}`, async () => {
      const protection = protect({ password: 'pàsswörd', bits: 256, ...(prf && { prf }) })
      assert.deepEqual(await keysOf(fileOf(protection), { password: 'pàsswörd' }), [seed])
    })

  it('say in one way that a password is wrong, however the MAC key comes out', async () => {
    const file = fileOf(protect({ password: 'right', iterations: 1 }))
    const errors = new Set<string>()
    // A wrong password ends in valid padding once in about 16 times, and in that of a 1 once in 256.
    for (let attempt = 0; attempt < 2000; attempt++)
      await readTokenFile(file, { now, password: `wrong ${attempt}` }).then(
        () => assert.fail('opened'),
        (error: Error) => errors.add(error.message),
      )
    assert.deepEqual(
      [...errors],
      ['The password or key does not open this file. Check it; if it is right, the file was damaged.'],
    )
  })

  it('ask for what opens them', async () => {
    const byPassword = fileOf(protect({ password: 'right' }))
    const byKey = fileOf(protect({}))
    await refused(byPassword, {}, 'password_needed')
    await refused(byPassword, { preSharedKey: Buffer.alloc(16) }, 'password_needed')
    await refused(byKey, {}, 'key_needed')
    await refused(byKey, { password: 'right' }, 'key_needed')
    await refused(byKey, { preSharedKey: Buffer.alloc(16) }, 'wrong_secret')
    await refused(byKey, { preSharedKey: Buffer.alloc(32) }, 'wrong_secret')
  })

  it('have to name the key that is expected', async () => {
    const protection = protect({ keyName: 'HSM 7' })
    const preSharedKey = protection.key
    assert.deepEqual(await keysOf(fileOf(protection), { preSharedKey, keyName: 'HSM 7' }), [seed])
    await refused(fileOf(protection), { preSharedKey, keyName: 'HSM 8' }, 'key_other')
  })

  it('are not taken for encrypted when nothing or not everything is', async () => {
    await refused(container([keyPackage()]), { password: 'right' }, 'not_encrypted')
    await refused(
      Buffer.from('1001,3132333435363738393031323334353637383930\n'),
      { password: 'x' },
      'not_encrypted',
    )
    const protection = protect({})
    const mixed = fileOf(protection, [protection.seal(seed), plain(seed)])
    const { rows, faults } = await readTokenFile(mixed, { now, preSharedKey: protection.key })
    assert.deepEqual(
      rows.map(({ token }) => token.serial),
      ['1001'],
    )
    assert.deepEqual(
      faults.map(({ serial, reason }) => [serial, reason]),
      [['1002', 'key_not_encrypted']],
    )
    await refused(mixed, {}, 'key_needed')
  })
})

describe('encrypted PSKC files that were changed', () => {
  const protection = protect({ password: 'right' })
  const open = { password: 'right' }
  const one = fileOf(protection)
  const three = fileOf(protection, [protection.seal(seed), protection.seal(seed), protection.seal(seed)])

  it('are refused without a MAC', async () => {
    await refused(fileOf(protection, [protection.sealWithoutMac(seed)]), open, 'mac_missing')
    await refused(
      fileOf(protection, [protection.seal(seed), protection.sealWithoutMac(seed)]),
      open,
      'mac_missing',
    )
    const without = one.toString().replace(/<MACMethod.*<\/MACMethod>/, '')
    await refused(Buffer.from(without), open, 'mac_missing')
  })

  it('are refused with a bit of the ciphertext, the IV or the MAC changed, in one key or the only one', async () => {
    for (const file of [one, three]) {
      await refused(flip(file, secretValue, 0), open, 'mac_wrong')
      await refused(flip(file, secretValue, 20), open, 'mac_wrong')
      await refused(flip(file, macValue, 5), open, 'mac_wrong')
    }
    await refused(Buffer.from(one.toString().replace(macValue, '<ValueMAC>AAAA<')), open, 'mac_wrong')
    await refused(Buffer.from(one.toString().replace(macValue, '<ValueMAC>?<')), open, 'mac_wrong')
  })

  it('are refused with a MAC made by somebody who has no key', async () => {
    const attacker = protect({ password: 'another' })
    await refused(fileOf(protection, [protection.seal(seed), attacker.seal(seed)]), open, 'mac_wrong')
    const head = protection.head.replace(/<MACMethod.*/, '') + attacker.head.replace(/.*(<MACMethod)/, '$1')
    await refused(fileOf({ ...protection, head }), open, 'wrong_secret')
  })

  it('are refused with two values of different key lengths', async () => {
    const long = protect({ bits: 256, password: 'right' })
    await refused(fileOf(protection, [protection.seal(seed), long.seal(seed)]), open, 'malformed')
  })
})

describe('PSKC files encrypted in other ways', () => {
  const changed = (options: TestProtection, from: string | RegExp, to: string) => {
    const protection = protect(options)
    const text = fileOf(protection).toString().replace(from, to)
    assert.notEqual(text, fileOf(protection).toString())
    return { bytes: Buffer.from(text), open: { password: 'right', preSharedKey: protection.key } }
  }
  const password = 'right'

  for (const [what, from, to] of [
    ['3DES', /aes128-cbc/g, 'tripledes-cbc'],
    ['Camellia', /2001\/04\/xmlenc#aes128-cbc/g, '2001/04/xmldsig-more#camellia128-cbc'],
    ['a MAC of MD5', 'xmldsig#hmac-sha1', 'xmldsig-more#hmac-md5'],
    ['a MAC key known elsewhere', /<MACKey>.*<\/MACKey>/, '<MACKeyReference>k</MACKeyReference>'],
    ['RSA', /<ds:KeyName>.*<\/ds:KeyName>/, '<ds:KeyValue/>'],
  ] as const)
    it(`refuse ${what}`, async () => {
      const { bytes, open } = changed({}, from, to)
      await refused(bytes, open, 'protection_unsupported')
    })

  for (const [what, from, to, reason] of [
    ['another derivation', 'xmlenc11#pbkdf2', 'xmlenc11#ConcatKDF', 'protection_unsupported'],
    ['another PRF', 'hmac-sha256', 'hmac-md5', 'protection_unsupported'],
    ['a salt from elsewhere', /<Specified>.*<\/Specified>/, '<OtherSource/>', 'malformed'],
    ['10⁹ iterations', /<IterationCount>10</, '<IterationCount>1000000000<', 'too_many_iterations'],
    ['one iteration too many', /<IterationCount>10</, '<IterationCount>1000001<', 'too_many_iterations'],
    ['no iteration', /<IterationCount>10</, '<IterationCount>0<', 'malformed'],
    ['a negative count', /<IterationCount>10</, '<IterationCount>-5<', 'malformed'],
    ['a key of another length', /<KeyLength>16</, '<KeyLength>1000000<', 'malformed'],
  ] as const)
    it(`refuse a password with ${what}`, async () => {
      const { bytes, open } = changed({ password, prf: 'sha256', hash: 'sha1' }, from, to)
      const begun = performance.now()
      await refused(bytes, open, reason)
      assert.ok(performance.now() - begun < 2000)
    })

  it('refuse a counter that is encrypted', async () => {
    const protection = protect({})
    const data = `<Secret>${protection.seal(seed)}</Secret><Counter>${protection.seal(Buffer.from('5'))}</Counter>`
    const { faults } = await readTokenFile(container([keyPackage({ data })], protection.head), {
      now,
      preSharedKey: protection.key,
    })
    assert.deepEqual(
      faults.map(({ reason, detail }) => [reason, detail]),
      [['parameter_encrypted', 'Counter']],
    )
  })
})
