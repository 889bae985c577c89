import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Registry } from 'prom-client'
import { stringify } from 'yaml'
import { runCli } from '../../src/cli/cli.ts'
import type { Parts } from '../../src/cli/parts.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Directory } from '../../src/directory/directory.ts'
import { migrate } from '../../src/directory/sql/migrate.ts'
import { sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import { laidOver, soundTree } from '../config/sample.ts'

export interface Run {
  status: number
  stdout: string
  stderr: string
}

const textOf = (stream: PassThrough): string => (stream.read() ?? '').toString()

/** What the commands open, without what only the running provider needs. */
const plainParts = (): Pick<Parts, 'openDirectory' | 'migrate'> => ({
  migrate: (config: Config) => migrate(config.database.url),
  openDirectory: (config: Config) => sqlDirectory({ url: config.database.url }),
})

/** A folder with a sound configuration and a database, and the command line on it. */
export const openTerminal = (over: Record<string, unknown> = {}, parts: Partial<Parts> = plainParts()) => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-cli-'))
  const file = join(folder, 'duepassi.yaml')
  const url = `sqlite:${join(folder, 'duepassi.db')}`
  const base = { ...soundTree(), database: { url }, store: { file: join(folder, 'sessions.db') } }
  writeFileSync(file, stringify(laidOver(base, over)))
  const signals = new EventEmitter()

  const start = (argv: string[], { typed, stdin = '' }: { typed?: string[]; stdin?: string } = {}) => {
    let raw = false
    const setRawMode = (mode: boolean) => {
      raw = mode
      return input
    }
    const input = Object.assign(new PassThrough(), typed ? { isTTY: true, setRawMode } : {})
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const seen: string[] = []
    if (typed) {
      const answers = [...typed]
      const write = stderr.write.bind(stderr)
      // Types the moment the question stands there; a terminal that is not in raw mode shows it.
      stderr.write = ((text: string) => {
        const asked = text.endsWith(': ')
        const answer = asked ? `${answers.shift() ?? '\u0003'}\r` : ''
        seen.push(text, raw ? '' : answer)
        if (asked) input.write(answer)
        return write(text)
      }) as typeof stderr.write
    } else input.end(stdin)
    const done = runCli(argv, {
      env: { DUEPASSI_CONFIG: file },
      stdin: input,
      stdout,
      stderr,
      signals,
      parts: parts as Parts,
    }).then(
      (status): Run => ({ status, stdout: textOf(stdout), stderr: typed ? seen.join('') : textOf(stderr) }),
    )
    return { done, stdout, stderr }
  }

  return {
    folder,
    file,
    signals,
    start,
    run: (argv: string[], input: { typed?: string[]; stdin?: string } = {}): Promise<Run> =>
      start(argv, input).done,
    /** The directory as the commands left it. */
    async look<T>(task: (directory: Directory) => Promise<T>): Promise<T> {
      const directory = await sqlDirectory({ url })
      await directory.migrate()
      try {
        return await task(directory)
      } finally {
        await directory.close()
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export type Terminal = ReturnType<typeof openTerminal>

/** Something to serve that is no provider. */
export const servedHello = (closed: () => void) => ({
  handler: (_: unknown, response: import('node:http').ServerResponse) => void response.end('hello'),
  ready: async () => ({ store: 'ok' as const, directory: 'ok' as const }),
  close: async () => closed(),
  registry: new Registry(),
})
