import { createInterface } from 'node:readline'
import { PassThrough, type Readable } from 'node:stream'
import type { Config } from '../config/schema.ts'
import { type Io, Refusal } from './io.ts'

/** Longer input is nobody's password. */
const mostBytes = 65_536

/** All of standard input but the last line end. @throws Refusal where it is longer than any password. */
export const readAll = async (stdin: Readable): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > mostBytes) throw new Refusal('The password on standard input is too long.')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

/** Asks at the terminal without showing what is typed. @throws Refusal where nothing is. */
export const askHidden = (io: Io, question: string): Promise<string> =>
  new Promise((resolve, reject) => {
    // readline echoes into a stream that nobody reads.
    const reader = createInterface({
      input: io.stdin,
      output: new PassThrough().resume(),
      terminal: true,
      historySize: 0,
    })
    const finish = (settle: () => void): void => {
      reader.removeAllListeners('close')
      reader.close()
      io.stderr.write('\n')
      settle()
    }
    reader.once('line', (line) => finish(() => resolve(line)))
    const giveUp = (): void =>
      finish(() => reject(new Refusal('No password was given; nothing was changed.')))
    reader.once('SIGINT', giveUp)
    reader.once('close', giveUp)
    // Only now, with the terminal's own echo off: somebody may type as soon as it stands there.
    io.stderr.write(question)
  })

/** Counted in characters, as people do: NFC, code points (NIST SP 800-63B-4 §3.1.1.2). */
const lengthOf = (password: string): number => [...password.normalize('NFC')].length

/**
 * A new password: from standard input where asked for, otherwise twice from a hidden prompt.
 * @throws Refusal where it is too short or too long, the two differ, or there is no terminal.
 */
export const readNewPassword = async (io: Io, { passwords }: Config, fromStdin: boolean): Promise<string> => {
  if (!fromStdin && !io.stdin.isTTY) {
    throw new Refusal(
      'There is no terminal to ask for the password: send it on standard input with --password-stdin.',
    )
  }
  const password = fromStdin ? await readAll(io.stdin) : await askHidden(io, 'Password: ')
  const length = lengthOf(password)
  if (length < passwords.minLength)
    throw new Refusal(`The password is too short: it needs at least ${passwords.minLength} characters.`)
  if (length > passwords.maxLength)
    throw new Refusal(`The password is too long: it may have at most ${passwords.maxLength} characters.`)
  if (!fromStdin && (await askHidden(io, 'Once more: ')) !== password) {
    throw new Refusal('The two passwords differ; nothing was changed.')
  }
  return password
}
