import { readCsv } from './csv/read.ts'
import { readPskc } from './pskc/read.ts'
import type { ReadOptions } from './read-options.ts'
import type { TokenFile } from './token.ts'
import { TokenFileError } from './token-file-error.ts'

const largest = 16 * 1024 * 1024

/**
 * Reads a file of hardware tokens, whichever of the known formats it has.
 *
 * @throws TokenFileError where it cannot be read as a whole, or not be trusted. What is wrong with single rows is in
 *   `faults`, all of it.
 */
export async function readTokenFile(bytes: Buffer, options: ReadOptions): Promise<TokenFile> {
  if (bytes.length > largest) throw new TokenFileError('too_large')
  const text = decode(bytes)
  if (text.trimStart().startsWith('<')) return readPskc(text, options)
  if (options.password !== undefined || options.preSharedKey !== undefined)
    throw new TokenFileError('not_encrypted')
  return readCsv(text, options.now)
}

/** UTF-8, without its mark. A NUL means UTF-16 or a file that is no text. */
function decode(bytes: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // Falls through: the decoder has nothing to say but that.
  }
  throw new TokenFileError('not_utf8')
}
