import type { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Parts } from './parts.ts'

/** What a command touches of the world; `process` is one. */
export interface Io {
  env: NodeJS.ProcessEnv
  stdin: Readable & { isTTY?: boolean }
  stdout: Writable
  stderr: Writable
  /** Where SIGTERM and SIGINT arrive; the process by default. */
  signals?: EventEmitter
  /** What stands behind the commands; the real one by default. */
  parts?: Parts
}

/** Why a command did not do what it was asked, as sentences for the person at the terminal. */
export class Refusal extends Error {}

export const print = (io: Io, ...lines: string[]): void => {
  io.stdout.write(`${lines.join('\n')}\n`)
}
