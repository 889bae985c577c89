/** `npm run bench`: see README.md. */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { stopServices, temporaryFolder } from '../test/support/machine.ts'
import { compileServers, measureColdStarts } from './cold-start.ts'
import { createCryptoLimits } from './crypto-limits.ts'
import { login, refresh } from './flows.ts'
import { createOperations, type OperationName, operationNames, ownOperationNames } from './operations.ts'
import { createPeople } from './people.ts'
import { startOwnRedis } from './redis.ts'
import { type Measurements, printReport, tabulate } from './report.ts'
import { startServer } from './server.ts'
import { measureSessionBytes } from './session-bytes.ts'
import { openSite } from './site.ts'
import { type Contender, runRounds, warmUp } from './slices.ts'
import { measureStorm } from './storm.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    json: { type: 'string' },
    only: { type: 'string' },
  },
})

const full = {
  rounds: 24,
  slice: 500,
  loginSlice: 1500,
  warmUp: { operations: 600, milliseconds: 12_000 },
  storm: 20_000,
  sessions: 300,
  starts: 5,
  idle: 5000,
  accounts: 6000,
  steppers: 320,
}
const quick = {
  rounds: 2,
  slice: 200,
  loginSlice: 400,
  warmUp: { operations: 20, milliseconds: 400 },
  storm: 1500,
  sessions: 20,
  starts: 1,
  idle: 500,
  accounts: 500,
  steppers: 64,
}

const connections = 8

const tell = (message: string) => process.stderr.write(`bench: ${message}\n`)

const readPlan = () => {
  const plan = values.quick ? quick : full
  const rounds = values.rounds === undefined ? plan.rounds : Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds wants a whole number above 0')
  return { ...plan, rounds }
}

/** `--only` takes operations and these, separated by `+`; a table of a part has the lines of that part. */
const others = ['context', 'sessions', 'storm', 'start'] as const

const readParts = (): ReadonlySet<string> => {
  const all: readonly string[] = [...operationNames, ...ownOperationNames, ...others]
  const wanted = values.only?.split('+') ?? all
  const unknown = wanted.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new Error(`--only knows ${all.join(' + ')}, not ${unknown}`)
  return new Set(wanted)
}

const measureAll = async (): Promise<Measurements> => {
  const plan = readPlan()
  const parts = readParts()
  const crypto = await createCryptoLimits()
  await crypto.measure()

  tell(`starting the servers, with ${plan.accounts} accounts each`)
  const folder = await temporaryFolder()
  const redis = {
    bare: await startOwnRedis(),
    duepassi: await startOwnRedis(),
    stubbed: await startOwnRedis(),
    forgetful: await startOwnRedis(),
  }
  const accounts = { accounts: plan.accounts + plan.steppers }
  const [duepassi, stubbed, forgetful] = await Promise.all([
    startServer('duepassi', redis.duepassi, { ...accounts, folder }),
    startServer('duepassi', redis.stubbed, { ...accounts, folder: await temporaryFolder(), stubHash: true }),
    startServer('duepassi', redis.forgetful, {
      ...accounts,
      folder: await temporaryFolder(),
      stubHash: true,
      withoutDevices: true,
    }),
  ])
  const people = {
    duepassi: createPeople(plan.accounts),
    stubbed: createPeople(plan.accounts),
    bare: createPeople(plan.accounts),
    forgetful: createPeople(plan.accounts),
    steppers: createPeople(plan.steppers, plan.accounts),
  }
  const sites = {
    duepassi: await openSite(duepassi.origin, 32),
    stubbed: await openSite(stubbed.origin, 32),
    // Its browsers have no name to be read.
    forgetful: { ...(await openSite(forgetful.origin, 32)), userAgent: '' },
  }

  // The reference rotates refresh tokens exactly if Duepassi does.
  const { tokens } = await login(sites.stubbed, await people.stubbed.take())
  const rotate = (await refresh(sites.stubbed, tokens)).refreshToken !== tokens.refreshToken
  const bare = await startServer('bare', redis.bare, { rotate })
  const bareSite = await openSite(bare.origin, 32)

  tell('bytes per session')
  const sessions = parts.has('sessions') ? plan.sessions : 0
  const sessionBytes = {
    bare: await measureSessionBytes(bareSite, people.bare, redis.bare.client, sessions),
    duepassi: await measureSessionBytes(sites.stubbed, people.stubbed, redis.stubbed.client, sessions),
  }

  const operations = {
    bare: createOperations(bareSite, people.bare, connections),
    duepassi: createOperations(sites.duepassi, people.duepassi, connections),
    stubbed: createOperations(sites.stubbed, people.stubbed, connections, {
      people: people.steppers,
      count: plan.steppers,
    }),
    forgetful: createOperations(sites.forgetful, people.forgetful, connections),
  }
  const ofStubbed = (operation: OperationName, label: string = operation): Contender => ({
    server: stubbed,
    operations: operations.stubbed,
    operation,
    milliseconds: plan.slice,
    label: `duepassi, stubbed hash: ${label}`,
  })
  const own = ownOperationNames.filter((operation) => parts.has(operation))
  const withoutDevices: Contender = {
    ...ofStubbed('login', 'login without devices'),
    server: forgetful,
    operations: operations.forgetful,
    // Its compilers see as many sign-ins as those of the server that it is compared with.
    warmth: 1 + own.length,
  }
  // What is compared with a login without the hash stands right beside one.
  const besideLogin: Contender[] = [
    ...own.map((operation) => ofStubbed(operation)),
    ...(parts.has('context') ? [withoutDevices] : []),
  ]
  const stubbedLogins: Contender[] = [
    ...(parts.has('login') || besideLogin.length > 0 ? [ofStubbed('login')] : []),
    ...besideLogin,
    ...(besideLogin.length > 0 ? [ofStubbed('login', 'login, again')] : []),
  ]
  const contenders: Contender[] = operationNames.flatMap((operation) => {
    if (!parts.has(operation)) return operation === 'login' ? stubbedLogins : []
    const reference = { server: bare, operations: operations.bare, operation, milliseconds: plan.slice }
    const ours = { server: duepassi, operations: operations.duepassi, operation }
    return [
      { ...reference, label: `bare: ${operation}` },
      ...(operation === 'login' ? stubbedLogins : []),
      {
        ...ours,
        label: `duepassi: ${operation}`,
        milliseconds: operation === 'login' ? plan.loginSlice : plan.slice,
      },
      { ...reference, label: `bare: ${operation}, again` },
    ]
  })
  tell('warming up')
  await warmUp(contenders, plan.warmUp)
  const series = await runRounds(contenders, plan.rounds, async (round) => {
    await crypto.measure()
    tell(`round ${round + 1} of ${plan.rounds}`)
  })

  tell('refreshing during a storm of logins')
  const storm = parts.has('storm')
    ? await measureStorm(sites.duepassi, people.duepassi, plan.storm)
    : undefined
  await Promise.all([...Object.values(sites), bareSite].map((site) => site.close()))
  await Promise.all([duepassi, stubbed, forgetful, bare].map((server) => server.stop()))

  tell('cold starts')
  const starting = [
    { kind: 'bare', redis: redis.bare, folder },
    { kind: 'duepassi', redis: redis.duepassi, folder },
  ] as const
  if (parts.has('start')) await compileServers()
  const starts = await measureColdStarts(parts.has('start') ? starting : [], plan.starts, plan.idle)
  const none = { milliseconds: Number.NaN, idleBytes: Number.NaN }
  return {
    machine: {
      CPU: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
      Node: process.version,
      load: loadavg()
        .map((value) => value.toFixed(1))
        .join(' '),
      date: new Date().toISOString(),
    },
    settings: {
      rounds: plan.rounds,
      'slice ms': plan.slice,
      connections,
      'refresh tokens rotate': rotate,
      'waits for a fresh code': people.duepassi.waited + people.stubbed.waited,
    },
    series: Object.fromEntries(series),
    ...(storm && { storm }),
    sessionBytes,
    coldStart: { bare: starts.get('bare') ?? none, duepassi: starts.get('duepassi') ?? none },
    crypto: crypto.limits,
    requestsOfLogin: { bare: operations.bare.requestsOfLogin, duepassi: operations.duepassi.requestsOfLogin },
  }
}

const write = async (file: string, content: unknown): Promise<void> => {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`)
}

try {
  const found = await measureAll()
  const rows = tabulate(found)
  const file =
    values.json ??
    join(import.meta.dirname, 'results', `${new Date().toISOString().replaceAll(':', '-')}.json`)
  await write(file, { ...found, rows })
  process.stdout.write(`${printReport(found, rows)}\n\n${file}\n`)
} catch (error) {
  tell(error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.exitCode = 1
} finally {
  await stopServices()
}
