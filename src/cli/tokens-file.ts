import { createReadStream } from 'node:fs'
import { systemClock } from '../clock.ts'
import type { ReadOptions } from '../tokens/read-options.ts'
import type { TokenFile } from '../tokens/token.ts'
import { TokenFileError } from '../tokens/token-file-error.ts'
import { type Io, Refusal } from './io.ts'
import { askHidden, readAll } from './password.ts'

export interface FileSecrets {
  passwordStdin: boolean
  keyFile?: string
  keyName?: string
}

/**
 * Reads a file of tokens, with the password or key that it needs: asks for a password where there is a terminal.
 *
 * @throws Refusal where it cannot be read or trusted as a whole
 */
export const readTokens = async (io: Io, file: string, options: FileSecrets): Promise<TokenFile> => {
  if (options.passwordStdin && options.keyFile !== undefined)
    throw new Refusal('A file is encrypted with a password or with a key: give one of them.')
  const bytes = await readUpTo(file, 16 * 1024 * 1024)
  // With its parsers, which no other command needs.
  const { readTokenFile } = await import('../tokens/read.ts')
  const { keyName } = options
  const given: ReadOptions = { now: systemClock.now(), keyName, ...(await secretOf(io, options)) }
  try {
    return await readTokenFile(bytes, given)
  } catch (error) {
    if (!isNeeded(error, 'password_needed') || !io.stdin.isTTY) throw inWords(error)
  }
  const password = await askHidden(io, 'Password of the file: ')
  try {
    return await readTokenFile(bytes, { ...given, password })
  } catch (error) {
    throw inWords(error)
  }
}

const isNeeded = (error: unknown, reason: TokenFileError['reason']): boolean =>
  error instanceof TokenFileError && error.reason === reason

const inWords = (error: unknown): unknown => {
  if (!(error instanceof TokenFileError)) return error
  const advice = isNeeded(error, 'password_needed')
    ? ' There is no terminal to ask for it: send it on standard input with --password-stdin.'
    : isNeeded(error, 'key_needed')
      ? ' Name the file that holds it with --key-file.'
      : ''
  return new Refusal(`${error.message}${advice}\nNothing was imported.`)
}

const secretOf = async (
  io: Io,
  { passwordStdin, keyFile }: FileSecrets,
): Promise<Pick<ReadOptions, 'password' | 'preSharedKey'>> => {
  if (keyFile !== undefined) return { preSharedKey: keyOf(await readUpTo(keyFile, 1024)) }
  if (!passwordStdin) return {}
  const password = await readAll(io.stdin)
  if (password === '') throw new Refusal('There is no password on standard input.')
  return { password }
}

/** Of AES-128, 192 or 256, as bytes or in hexadecimal. */
const keyOf = (bytes: Buffer): Buffer => {
  const text = bytes.toString('latin1').trim()
  const key = /^(?:[0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64})$/i.test(text) ? Buffer.from(text, 'hex') : bytes
  if (![16, 24, 32].includes(key.length))
    throw new Refusal(
      'The --key-file does not hold a key: 16, 24 or 32 bytes, as they are or in hexadecimal.',
    )
  return key
}

/** The whole file, or one byte more than `most` of it. */
const readUpTo = async (file: string, most: number): Promise<Buffer> => {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of createReadStream(file, { end: most })) chunks.push(chunk)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
    throw new Refusal(`The file ${JSON.stringify(file)} cannot be read${code}.`)
  }
  return Buffer.concat(chunks)
}
