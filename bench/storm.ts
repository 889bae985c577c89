import { login, refresh } from './flows.ts'
import type { People } from './people.ts'
import type { Site } from './site.ts'
import { quantile } from './statistics.ts'

export interface Latency {
  p50: number
  p95: number
  p99: number
  samples: number
}

export interface Storm {
  /** Refreshing with nothing else going on, milliseconds. */
  quiet: Latency
  /** The same while people sign in with password and code. */
  stormy: Latency
  loginsPerSecond: number
}

const refreshing = 2
const signingIn = 16

/** How long a refresh takes while a storm of full logins keeps both the event loop and the thread pool busy. */
export const measureStorm = async (site: Site, people: People, milliseconds: number): Promise<Storm> => {
  const quiet = await refreshFor(site, people, milliseconds / 4)
  const until = performance.now() + milliseconds
  let logins = 0
  const storm = Array.from({ length: signingIn }, async () => {
    while (performance.now() < until) {
      await login(site, await people.take())
      logins++
    }
  })
  const [stormy] = await Promise.all([refreshFor(site, people, milliseconds), ...storm])
  return { quiet, stormy, loginsPerSecond: logins / (milliseconds / 1000) }
}

const refreshFor = async (site: Site, people: People, milliseconds: number): Promise<Latency> => {
  const latencies: number[] = []
  await Promise.all(
    Array.from({ length: refreshing }, async () => {
      let { tokens } = await login(site, await people.take())
      const until = performance.now() + milliseconds
      while (performance.now() < until) {
        const started = performance.now()
        tokens = await refresh(site, tokens)
        latencies.push(performance.now() - started)
      }
    }),
  )
  return {
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    p99: quantile(latencies, 0.99),
    samples: latencies.length,
  }
}
