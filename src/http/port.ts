import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DuepassiError } from '../errors.ts'

interface Address {
  host: string
  port: number
}

const reasons: Record<string, string> = {
  EADDRINUSE: 'is taken',
  EACCES: 'needs privileges this process does not have',
  EADDRNOTAVAIL: 'is not an address of this machine',
  ENOTFOUND: 'is not an address of this machine',
}

const explain = (error: NodeJS.ErrnoException, { host, port }: Address, section: string): string => {
  const reason = reasons[error.code ?? ''] ?? `cannot be opened (${error.code ?? error.message})`
  const variable = `DUEPASSI_${section.toUpperCase()}__PORT`
  return `Port ${port} on ${host} ${reason}: set \`${section}.port\` (${variable}) or \`${section}.host\` to another.`
}

/**
 * Opens the port that a section of the configuration names; answers its URL.
 * @throws DuepassiError `not_configured` with one line that names the option.
 */
export const openPort = (server: Server, address: Address, section: 'listen' | 'metrics'): Promise<string> =>
  new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void =>
      reject(new DuepassiError('not_configured', explain(error, address, section)))
    server.once('error', refuse)
    server.listen(address.port, address.host, () => {
      server.off('error', refuse)
      const { port, family, address: host } = server.address() as AddressInfo
      resolve(`http://${family === 'IPv6' ? `[${host}]` : host}:${port}`)
    })
  })

/**
 * Stops accepting, lets running requests finish, and closes every connection.
 * @param patience milliseconds after which the rest is cut off
 */
export const closePort = async (server: Server, patience: number): Promise<void> => {
  if (!server.listening) return
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const cut = setTimeout(() => server.closeAllConnections(), patience)
  server.closeIdleConnections()
  await closed
  clearInterval(idle)
  clearTimeout(cut)
}
