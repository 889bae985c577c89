import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Directory } from '../../src/directory/directory.ts'
import { writeToken } from '../../src/factors/hardware-token/credential.ts'
import { readSeed } from '../../src/factors/hardware-token/seed.ts'
import { openWithAnna } from './account-on-file.ts'
import type { Run } from './terminal.ts'

export type TokenTerminal = Awaited<ReturnType<typeof openTokens>>

/** The command line on a configuration that offers tokens, with the accounts `anna` and `bruno`, and no token. */
export const openTokens = async (over: Record<string, unknown> = {}) => {
  const terminal = await openWithAnna({ tokens: { enabled: true }, ...over })
  await terminal.within((directory) =>
    directory.addAccount({
      id: 'bruno-1',
      username: 'bruno',
      email: 'bruno@example.org',
      name: 'Bruno Verdi',
      passwordHash: 'none',
      passwordDue: null,
      locale: null,
      claims: {},
      groups: [],
      minimum: null,
      disabledAt: null,
      createdAt: 1,
    }),
  )
  const write = (name: string, content: string | Buffer): string => {
    const file = join(terminal.folder, name)
    writeFileSync(file, content)
    return file
  }
  return {
    ...terminal,
    write,
    tokens: (...argv: string[]): Promise<Run> => terminal.run(['tokens', ...argv]),
    /** Imports rows of `serial,key,type,owner`. */
    async stock(...rows: string[]): Promise<void> {
      const file = write('stock.csv', ['serial,key,type,owner', ...rows, ''].join('\n'))
      const { status, stderr } = await terminal.run(['tokens', 'import', file])
      assert.equal(status, 0, stderr)
    },
    serials: () =>
      terminal.within(async (directory) => (await directory.tokens()).map(({ serial }) => serial)),
    /** What became of a token when its owner typed a code. */
    activate: (accountId: string, serial: string) =>
      terminal.within((directory) => activate(directory, accountId, serial)),
    /** The events of an account, oldest first, as `type factor reason`. */
    audit: (accountId: string) =>
      terminal.within(async (directory) =>
        (await directory.audit(accountId, 50))
          .map(({ type, factor, reason }) => [type, factor, reason].filter(Boolean).join(' '))
          .reverse(),
      ),
    /** Fails where one of the texts, or another spelling of a key, is in the database or what was printed. */
    assertSecret(runs: readonly Run[], ...secrets: Buffer[]) {
      const files = readdirSync(terminal.folder).filter((name) => name.includes('.db'))
      assert.ok(files.length > 0)
      const texts = [
        ...files.map((name) => readFileSync(join(terminal.folder, name), 'latin1')),
        ...runs.map(({ stdout, stderr }) => stdout + stderr),
      ].map((text) => text.toLowerCase())
      for (const secret of secrets)
        for (const spelling of [secret.toString('hex'), secret.toString('base64'), secret.toString('latin1')])
          for (const text of texts) assert.ok(!text.includes(spelling.toLowerCase()), spelling)
    },
  }
}

const activate = async (directory: Directory, accountId: string, serial: string): Promise<void> => {
  const { seed } = (await directory.tokenBySerial(serial)) ?? assert.fail(serial)
  const { token, counter } = readSeed(serial, seed)
  await directory.addCredential({
    id: `c-${serial}`,
    accountId,
    factor: 'hardware-token',
    label: 'Token',
    handle: serial,
    secret: writeToken(token),
    counter,
    createdAt: 1,
    lastUsedAt: null,
  })
}

export const hexKey = (byte: number): string => Buffer.alloc(20, byte).toString('hex')
