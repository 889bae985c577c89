import { get } from 'node:http'

const localHosts: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }

/** Whether a server on this machine says that it lives; false as well when it does not answer in 3 seconds. */
export const isLive = ({ host, port }: { host: string; port: number }): Promise<boolean> =>
  new Promise((resolve) => {
    const name = localHosts[host] ?? (host.includes(':') ? `[${host}]` : host)
    const call = get(`http://${name}:${port}/health/live`, { timeout: 3_000 }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    call.once('timeout', () => call.destroy())
    call.once('error', () => resolve(false))
  })
