import { createServer, type Server } from 'node:http'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Hasher } from '../passwords/hashing.ts'

export interface Measured {
  route: string
  method: string
  status: number
  seconds: number
}

/** The registry of the process, with what is measured besides requests. */
export const createRegistry = (hasher: Hasher): Registry => {
  const registry = new Registry()
  new Gauge({
    name: 'duepassi_password_hashes_waiting',
    help: 'Sign-ins that wait for a password hash.',
    registers: [registry],
    collect() {
      this.set(hasher.gate.waiting)
    },
  })
  return registry
}

/** Node's own metrics and the duration of requests, in the registry of the process. */
export const measureRequests = (registry: Registry): ((request: Measured) => void) => {
  collectDefaultMetrics({ register: registry })
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its answer.',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  return ({ route, method, status, seconds }) => durations.observe({ route, method, status }, seconds)
}

/** The server of the metrics port: `/metrics`, and nothing else. Not listening yet. */
export const createMetricsServer = (registry: Registry): Server =>
  createServer({ headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
