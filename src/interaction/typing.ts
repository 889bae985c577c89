import type { IncomingMessage } from 'node:http'
import { addressOf } from '../pages/address.ts'

/** A page that is read anew every few seconds, where there is no JavaScript, has a twin at which something can be typed. */
const parameter = 'typing'

const read = (req: IncomingMessage): { path: string; search: URLSearchParams } => {
  const [path = '/', query = ''] = addressOf(req).split('?', 2)
  return { path, search: new URLSearchParams(query) }
}

/** Whether this is the twin, and the address of it. */
export const byCodeOf = (req: IncomingMessage): { open: boolean; url: string } => {
  const { search } = read(req)
  const open = search.has(parameter)
  search.set(parameter, 'on')
  return { open, url: `?${search}` }
}

/** The address of the page that waits. */
export const withoutTyping = (req: IncomingMessage): string => {
  const { path, search } = read(req)
  if (!search.has(parameter)) return addressOf(req)
  search.delete(parameter)
  return search.size > 0 ? `${path}?${search}` : path
}
