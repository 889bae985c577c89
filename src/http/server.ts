import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'
import type { Config } from '../config/schema.ts'
import { type RandomBytes, systemRandom } from '../crypto/random.ts'
import { accessLogOf, type Log, withRequestId } from '../log.ts'
import { answerHealth, type Readiness } from './health.ts'
import { createMetricsServer, type Measured, measureRequests } from './metrics.ts'
import { closePort, openPort } from './port.ts'
import { requestIdOf } from './request-id.ts'
import { maskedPath, type Route, routes } from './route.ts'

/** What is served; `compose()` makes one. */
export interface Served {
  handler(request: IncomingMessage, response: ServerResponse): void
  ready(): Promise<Readiness>
  close(): Promise<void>
  registry: Registry
}

export interface Listening {
  url: string
  metricsUrl?: string
  /** Turns `/health/ready` to 503, stops accepting, finishes running requests, closes everything. May be called again. */
  drain(): Promise<void>
}

/** Milliseconds. Above the idle time of common proxies, so that they close first and no request meets a closing socket. */
const idleBehindProxy = 75_000
const idleOtherwise = 10_000

const limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16_384,
}

/** Milliseconds that running requests get when the process is to end. */
const patienceOfDrain = 10_000

interface Settings {
  config: Config
  log: Log
  random: RandomBytes
  measure: (request: Measured) => void
  routeOf: (target: string) => Route
  state: { draining: boolean }
}

const report = (
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  { log, measure, routeOf }: Settings,
): void => {
  const started = performance.now()
  const method = request.method ?? ''
  const { path, route } = routeOf(request.url ?? '')
  response.once('close', () => {
    const ms = Math.round((performance.now() - started) * 10) / 10
    const status = response.statusCode
    measure({ route, method, status, seconds: ms / 1000 })
    // Probes come every few seconds; while they go well they would only bury the rest.
    const level = route.startsWith('/health') && status < 400 ? 'debug' : 'info'
    accessLogOf(log)[level](
      { requestId, method, path, status, ms, ...(!response.writableFinished && { aborted: true }) },
      'request',
    )
  })
}

const createListener =
  (served: Served, settings: Settings) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const { config, log, random, state } = settings
    const requestId = requestIdOf(request, { proxy: config.proxy, random })
    response.setHeader('x-request-id', requestId)
    if (state.draining) response.setHeader('connection', 'close')
    report(request, response, requestId, settings)
    withRequestId(requestId, () => {
      try {
        const path = (request.url ?? '').split('?')[0] ?? ''
        if (answerHealth(path, request, response, { draining: state.draining, ready: served.ready })) return
        served.handler(request, response)
      } catch (error) {
        log.error({ err: error }, 'a request failed')
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
        response.end()
      }
    })
  }

/**
 * Opens the port, and the metrics port where one is configured.
 * @throws DuepassiError `not_configured` where a port cannot be opened; nothing stays open then.
 */
export const listen = async (
  served: Served,
  config: Config,
  log: Log,
  { random = systemRandom, patience = patienceOfDrain }: { random?: RandomBytes; patience?: number } = {},
): Promise<Listening> => {
  const state = { draining: false }
  const withMetrics = config.metrics.port !== null
  const measure = withMetrics ? measureRequests(served.registry) : () => {}
  const keepAliveTimeout = config.proxy ? idleBehindProxy : idleOtherwise
  const server = createServer(
    { ...limits, keepAliveTimeout },
    createListener(served, {
      config,
      log,
      random,
      measure,
      routeOf: routes(maskedPath(config.issuer).replace(/\/$/, '')),
      state,
    }),
  )
  const metrics = createMetricsServer(served.registry)

  const url = await openPort(server, config.listen, 'listen')
  let metricsUrl: string | undefined
  if (config.metrics.port !== null) {
    try {
      metricsUrl = await openPort(
        metrics,
        { host: config.metrics.host, port: config.metrics.port },
        'metrics',
      )
    } catch (error) {
      await closePort(server, 0)
      throw error
    }
  }

  let drained: Promise<void> | undefined
  const drain = async (): Promise<void> => {
    state.draining = true
    await closePort(server, patience)
    await closePort(metrics, 0)
    await served.close()
  }
  return {
    url,
    ...(metricsUrl !== undefined && { metricsUrl }),
    drain: () => {
      drained ??= drain()
      return drained
    },
  }
}
