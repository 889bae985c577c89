import { AsyncLocalStorage } from 'node:async_hooks'
import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

const requestScope = new AsyncLocalStorage<string>()

/** Runs `task`, and all that it starts, with every log line carrying the request's id. */
export const withRequestId = <T>(requestId: string, task: () => T): T => requestScope.run(requestId, task)

/** The id of the request that is being answered; undefined outside of one. */
export const currentRequestId = (): string | undefined => requestScope.getStore()

const censored = '[redacted]'

/** What may be secret is never passed here in the first place; what follows is the second net, at any depth. */
const secretNames = new Set([
  'answer',
  'assertion',
  'body',
  'code',
  'codes',
  'codeverifier',
  'd',
  'devicecode',
  'key',
  'keys',
  'otp',
  'passwordhash',
  'phc',
  'recoverycode',
  'recoverycodes',
  'seed',
  'url',
  'usercode',
])

const isSecret = (name: string): boolean => {
  const plain = name.toLowerCase().replaceAll(/[-_]/g, '')
  return (
    secretNames.has(plain) ||
    /(password|passphrase|secrets?|tokens?|cookies?|authorization|idtokenhint)$/.test(plain)
  )
}

/** A record that is nested deeper than this was not made to be logged. */
const deepest = 6

/** Only what an error says of itself: drivers hang queries, commands and their arguments on it. */
const describeError = (error: Error, depth: number): Record<string, unknown> => {
  const { code, status } = error as { code?: unknown; status?: unknown }
  return {
    type: error.name,
    message: error.message,
    // A word such as ECONNREFUSED or store_unavailable; anything else may be something a person typed.
    ...(typeof code === 'string' && /^([A-Z_]+|[a-z_]+)$/.test(code) && { code }),
    ...(typeof status === 'number' && { status }),
    stack: error.stack,
    ...(error.cause !== undefined && { cause: censor(error.cause, depth + 1) }),
  }
}

const censor = (value: unknown, depth: number): unknown => {
  if (typeof value !== 'object' || value === null) return value
  if (depth > deepest) return censored
  if (value instanceof Error) return describeError(value, depth)
  if (ArrayBuffer.isView(value)) return censored
  if (Array.isArray(value)) return value.map((entry) => censor(entry, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      name,
      isSecret(name) ? censored : censor(entry, depth + 1),
    ]),
  )
}

/** Secrets that are recognizable inside a text: tokens, credentials in an address, parameters of a request. */
const secretTexts: ReadonlyArray<[pattern: RegExp, replacement: string]> = [
  [/eyJ[\w-]{8,}\.[\w-]*\.[\w-]*(\.[\w-]*){0,2}/g, censored],
  [/otpauth:\/\/[^\s"\\]+/g, censored],
  [/:\/\/[^\s"\\/@]*@/g, `://${censored}@`],
  [/\b(Bearer|Basic) [\w+/=.~-]+/g, `$1 ${censored}`],
  [/\b(\w*(?:code|token|secret|password|verifier|assertion|hint)=)[^\s"\\&]+/gi, `$1${censored}`],
]

const clean = (line: string): string =>
  secretTexts.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line)

/** pino's number of `warn`. */
const warnings = 40

/** Milliseconds that a line below `warn` may wait to be written with others. */
const patience = 100

/**
 * Standard output, written in pieces: one write for each line costs more than most requests. Nothing waits longer than
 * `patience`, and what is left is written when the process ends; only a killed one loses its last moment.
 */
const bufferedOutput = () => {
  const output = pino.destination({ sync: false, minLength: 8_192 })
  let waiting: NodeJS.Timeout | undefined
  return {
    output,
    flush: () => output.flush(),
    flushSoon() {
      if (waiting) return
      waiting = setTimeout(() => {
        waiting = undefined
        output.flush()
      }, patience).unref()
    },
  }
}

const accessLogs = new WeakMap<Log, Log>()

/**
 * The same log for lines that hold nothing but what we made ourselves, such as the line of each request: they go without
 * the censor, and name their request id themselves.
 */
export const accessLogOf = (log: Log): Log => accessLogs.get(log) ?? log

/**
 * JSON lines with the time and, inside a request, its id.
 * @param destination standard output when absent
 */
export const createLog = (level: string, destination?: DestinationStream): Log => {
  const buffer = destination ? undefined : bufferedOutput()
  const to = destination ?? (buffer?.output as DestinationStream)
  const shape = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  const log = pino(
    {
      ...shape,
      mixin: () => {
        const requestId = currentRequestId()
        return requestId === undefined ? {} : { requestId }
      },
      formatters: {
        level: (label) => ({ level: label }),
        log: (line) => censor(line, 0) as Record<string, unknown>,
      },
      // pino's own would bring back what the censor left out.
      serializers: { err: (error: unknown) => error },
      hooks: {
        streamWrite: clean,
        logMethod(words, method, number) {
          method.apply(this, words)
          if (number >= warnings) buffer?.flush()
          else buffer?.flushSoon()
        },
      },
    },
    to,
  )
  const access = pino(
    {
      ...shape,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        streamWrite(line) {
          buffer?.flushSoon()
          return line
        },
      },
    },
    to,
  )
  accessLogs.set(log, access)
  return log
}

export const silentLog: Log = pino({ level: 'silent' })
