import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './command.ts'

/** Somebody's own code, touching every part of the surface. */
const consumer = `
import { type IncomingMessage, type ServerResponse } from 'node:http'
import {
  type Clock, type Credential, type ErrorCode, type Factor, type Hasher, type Ladder, type Limits, type Notice,
  type Sealer, type SecondFactor, type SecondFactorDirectory, type SecondFactorOptions, type Standing, type Store,
  createHasher, createSealer, DuepassiError, embeddedStore, openDirectory, recoveryCodes, redisStore, refedsLadder,
  secondFactor, systemClock, totp,
} from 'duepassi'
import { type Configuration, Provider } from 'oidc-provider'

const clock: Clock = systemClock
const sealer: Sealer = createSealer([{ id: 'k1', key: '' }])
const stores: Store[] = [embeddedStore(':memory:', clock), redisStore('redis://localhost')]
const directory: SecondFactorDirectory = await openDirectory('sqlite::memory:')
const hasher: Hasher = createHasher({ concurrency: 1, queue: 1, random: (size) => Buffer.alloc(size) })
const factors: Factor[] = [totp({ window: 0 }), recoveryCodes({ hasher })]
const ladder: Ladder = refedsLadder
const limits: Limits = { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 10 }
const options: SecondFactorOptions = {
  directory,
  store: stores[0]!,
  sealer,
  factors,
  policy: { secondFactor: 'required', ladder },
  attempts: limits,
  notify: async (notice: Notice) => console.log(notice.kind, notice.accountId),
}
const mfa: SecondFactor = secondFactor(options)
const configuration: Configuration = mfa.configure({ findAccount: async () => undefined })
const provider = new Provider('https://id.example', configuration)
mfa.attach(provider)
provider.use(mfa.routes())

export const passwordWasRight = (req: IncomingMessage, res: ServerResponse): Promise<void> =>
  mfa.primarySucceeded(req, res, { accountId: 'maria', amr: ['pwd'] })
export const labels = (credentials: Credential[]): string[] => credentials.map(({ label }) => label)
export const isLocked = ({ lockedAt }: Standing): boolean => lockedAt !== null
export const codeOf = (error: unknown): ErrorCode | undefined => (error instanceof DuepassiError ? error.code : undefined)

// @ts-expect-error what proved the password must be said
await mfa.primarySucceeded({} as IncomingMessage, {} as ServerResponse, { accountId: 'maria' })
`

const strict = {
  target: 'es2024',
  lib: ['es2024'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
}

/** Compiles a use of the whole surface, strictly, with the declarations of the package themselves checked. */
export const checkTypes = async (project: string): Promise<void> => {
  await writeFile(join(project, 'consumer.ts'), consumer)
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: strict, files: ['consumer.ts'] }),
  )
  await run(fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url)), ['-p', '.'], project)
}
