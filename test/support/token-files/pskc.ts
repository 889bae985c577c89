/** Writes PSKC files (RFC 6030), right ones and wrong ones; knows nothing of the reader. */
import { createCipheriv, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export const seed = Buffer.from('12345678901234567890')
export const pskc = 'urn:ietf:params:xml:ns:keyprov:pskc'
export const xmlenc = 'http://www.w3.org/2001/04/xmlenc#'
const dsig = 'http://www.w3.org/2000/09/xmldsig#'
const dsigMore = 'http://www.w3.org/2001/04/xmldsig-more#'

export interface TestKey {
  /** Null: without the element. */
  serial?: string | null
  algorithm?: string
  parameters?: string
  /** The children of Data; default: `secret`, and a counter of 0. */
  data?: string
  /** The content of Secret. */
  secret?: string
  policy?: string
  /** Further children of DeviceInfo and of Key. */
  device?: string
  more?: string
}

export const plain = (key: Buffer): string => `<PlainValue>${key.toString('base64')}</PlainValue>`

export const counter = (value: string): string => `<Counter><PlainValue>${value}</PlainValue></Counter>`

export const keyPackage = (key: TestKey = {}): string => {
  const serial = key.serial === undefined ? '1001' : key.serial
  return `<KeyPackage>
  <DeviceInfo>${serial === null ? '' : `<SerialNo>${serial}</SerialNo>`}${key.device ?? ''}</DeviceInfo>
  <Key Id="k" Algorithm="${key.algorithm ?? `${pskc}:hotp`}">
    <AlgorithmParameters>${key.parameters ?? '<ResponseFormat Length="6" Encoding="DECIMAL"/>'}</AlgorithmParameters>
    <Data>${key.data ?? `<Secret>${key.secret ?? plain(seed)}</Secret>${counter('0')}`}</Data>
    ${key.policy === undefined ? '' : `<Policy>${key.policy}</Policy>`}${key.more ?? ''}
  </Key>
</KeyPackage>`
}

/** `head`: EncryptionKey and MACMethod. */
export const container = (packages: readonly string[], head = ''): Buffer =>
  Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<KeyContainer Version="1.0" xmlns="${pskc}" xmlns:xenc="${xmlenc}" xmlns:ds="${dsig}">\n` +
      `${head}\n${packages.join('\n')}\n</KeyContainer>\n`,
  )

/** A file of plain keys. */
export const plainFile = (...keys: TestKey[]): Buffer => container(keys.map(keyPackage))

export interface TestProtection {
  /** Default: a random pre-shared key. */
  key?: Buffer
  password?: string
  iterations?: number
  prf?: 'sha1' | 'sha256'
  bits?: 128 | 192 | 256
  mode?: 'cbc' | 'kw'
  hash?: 'sha1' | 'sha256' | 'sha512'
  /** Null: no MACKey, so that the key of the file serves. */
  macKey?: Buffer | null
  /** How the bytes before the last one of the padding are filled. */
  padding?: 'pkcs' | 'random'
  keyName?: string
}

export interface Protected {
  key: Buffer
  /** EncryptionKey and MACMethod. */
  head: string
  /** The content of Secret. */
  seal(secret: Buffer): string
  /** As `seal`, without the MAC. */
  sealWithoutMac(secret: Buffer): string
}

const hmacUri = {
  sha1: `${dsig}hmac-sha1`,
  sha256: `${dsigMore}hmac-sha256`,
  sha512: `${dsigMore}hmac-sha512`,
}

export const protect = (options: TestProtection = {}): Protected => {
  const { bits = 128, mode = 'cbc', hash = 'sha1', padding = 'pkcs', iterations = 10, prf } = options
  const salt = Buffer.from('saltsalt')
  const key =
    options.password === undefined
      ? (options.key ?? randomBytes(bits / 8))
      : pbkdf2Sync(options.password, salt, iterations, bits / 8, prf ?? 'sha1')
  const algorithm = `${xmlenc}${mode === 'cbc' ? `aes${bits}-cbc` : `kw-aes${bits}`}`

  const encrypt = (bytes: Buffer): Buffer => {
    if (mode === 'kw') {
      const cipher = createCipheriv(`id-aes${bits}-wrap`, key, Buffer.alloc(8, 0xa6))
      return Buffer.concat([cipher.update(bytes), cipher.final()])
    }
    const iv = randomBytes(16)
    const count = 16 - (bytes.length % 16)
    const pad = padding === 'pkcs' ? Buffer.alloc(count, count) : randomBytes(count)
    pad[count - 1] = count
    const cipher = createCipheriv(`aes-${bits}-cbc`, key, iv).setAutoPadding(false)
    return Buffer.concat([iv, cipher.update(bytes), cipher.update(pad), cipher.final()])
  }
  const encryptedData = (bytes: Buffer) =>
    `<xenc:EncryptionMethod Algorithm="${algorithm}"/><xenc:CipherData><xenc:CipherValue>${bytes.toString('base64')}</xenc:CipherValue></xenc:CipherData>`

  const macKey =
    options.macKey === undefined ? randomBytes(hash === 'sha1' && mode === 'cbc' ? 20 : 32) : options.macKey
  const encryptionKey =
    options.password === undefined
      ? `<EncryptionKey><ds:KeyName>${options.keyName ?? 'Pre-shared-key'}</ds:KeyName></EncryptionKey>`
      : `<EncryptionKey><DerivedKey><KeyDerivationMethod Algorithm="http://www.w3.org/2009/xmlenc11#pbkdf2"><PBKDF2-params>` +
        `<Salt><Specified>${salt.toString('base64')}</Specified></Salt><IterationCount>${iterations}</IterationCount>` +
        `<KeyLength>${bits / 8}</KeyLength>${prf === undefined ? '' : `<PRF Algorithm="${hmacUri[prf]}"/>`}</PBKDF2-params>` +
        `</KeyDerivationMethod></DerivedKey></EncryptionKey>`
  const macMethod = `<MACMethod Algorithm="${hmacUri[hash]}">${
    macKey === null ? '' : `<MACKey>${encryptedData(encrypt(macKey))}</MACKey>`
  }</MACMethod>`

  const sealed = (secret: Buffer, withMac: boolean) => {
    const bytes = encrypt(secret)
    const mac = createHmac(hash, macKey ?? key)
      .update(bytes)
      .digest('base64')
    return `<EncryptedValue>${encryptedData(bytes)}</EncryptedValue>${withMac ? `<ValueMAC>${mac}</ValueMAC>` : ''}`
  }
  return {
    key,
    head: encryptionKey + macMethod,
    seal: (secret) => sealed(secret, true),
    sealWithoutMac: (secret) => sealed(secret, false),
  }
}
