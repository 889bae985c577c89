import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { decodeBase64 } from '../encodings.ts'
import { showable } from '../fault.ts'
import type { ReadOptions } from '../read-options.ts'
import { TokenFileError } from '../token-file-error.ts'
import { hmacs, nameIn, pbkdf2Names } from './algorithms.ts'
import { attributeOf, child, childNames, textOf, type XmlElement, type XmlNode } from './xml.ts'

const derive = promisify(pbkdf2)

/** Some seconds of one core at most, whoever wrote the file. */
const mostIterations = 1_000_000

/**
 * The key that opens the file (RFC 6030 §6.1 and §6.2): the one that was agreed upon, or one derived from the password.
 *
 * @param keyBytes what the ciphers of the file take.
 * @throws TokenFileError where it was not given, or the file wants another kind of key.
 */
export async function findKey(
  container: XmlElement,
  keyBytes: number,
  options: ReadOptions,
): Promise<Buffer> {
  const encryption = child(container, 'EncryptionKey')
  const foreign = childNames(encryption).find((name) => name !== 'KeyName' && name !== 'DerivedKey')
  if (foreign !== undefined) throw new TokenFileError('protection_unsupported', showable(foreign))
  const derived = child(encryption, 'DerivedKey')
  const name = derived ? textOf(derived, 'MasterKeyName') : textOf(encryption, 'KeyName')
  if (options.keyName !== undefined && name !== options.keyName)
    throw new TokenFileError('key_other', showable(name))
  if (derived !== undefined) {
    if (options.password === undefined) throw new TokenFileError('password_needed')
    return fromPassword(child(derived, 'KeyDerivationMethod'), options.password, keyBytes)
  }
  if (options.preSharedKey === undefined) throw new TokenFileError('key_needed')
  if (options.preSharedKey.length !== keyBytes)
    throw new TokenFileError('wrong_secret', `a key of ${keyBytes} bytes is wanted`)
  return options.preSharedKey
}

/** PBKDF2 (RFC 8018 §5.2); without another word, with HMAC-SHA-1. */
async function fromPassword(
  method: XmlNode | undefined,
  password: string,
  keyBytes: number,
): Promise<Buffer> {
  const algorithm = attributeOf(method, 'Algorithm')
  if (algorithm === undefined || !pbkdf2Names.has(algorithm))
    throw new TokenFileError('protection_unsupported', nameIn(algorithm))
  const parameters = child(method, 'PBKDF2-params')
  const salt = decodeBase64(textOf(parameters, 'Salt', 'Specified') ?? '')
  const iterations = textOf(parameters, 'IterationCount') ?? ''
  if (salt === undefined || !/^[1-9]\d*$/.test(iterations)) throw new TokenFileError('malformed')
  if (Number(iterations) > mostIterations) throw new TokenFileError('too_many_iterations')
  const length = textOf(parameters, 'KeyLength')
  if (length !== undefined && length !== String(keyBytes)) throw new TokenFileError('malformed')
  const prfNode = child(parameters, 'PRF')
  // python-pskc writes it as text.
  const prf = attributeOf(prfNode, 'Algorithm') ?? textOf(prfNode)
  const hash = prf === undefined ? 'sha1' : hmacs.get(prf)
  if (hash === undefined) throw new TokenFileError('protection_unsupported', nameIn(prf))
  return derive(password, salt, Number(iterations), keyBytes, hash)
}
