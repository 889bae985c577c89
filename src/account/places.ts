import type { IncomingMessage } from 'node:http'
import { addressOf } from '../pages/address.ts'

/** The pages that somebody who is signed in can be sent back to, each with the one parameter that it knows. */
const parameters = {
  home: undefined,
  add: 'factor',
  change: 'of',
  remove: 'id',
  rename: 'id',
  codes: undefined,
  forget: 'id',
  end: 'id',
} as const

export type PlaceName = keyof typeof parameters

/** One of our own pages: what is kept while the person signs in, never an address that came from elsewhere. */
export interface Place {
  name: PlaceName
  value?: string
}

/** Answered without a session. */
const openNames = ['callback', 'signed-out', 'sign-out'] as const

export type Target =
  | { kind: 'place'; place: Place }
  | { kind: 'open'; name: (typeof openNames)[number]; search: string }

export interface Addresses {
  origin: string
  /** Path of the security page: `/account` beneath the issuer's own. */
  base: string
  callback: string
  signedOut: string
  addressOf(place: Place): string
  /** What a request is for; undefined for an address that is not ours. */
  targetOf(req: IncomingMessage): Target | undefined
}

/** Ids of credentials, devices and sessions, and factor names; anything else names nothing that exists. */
const wellFormed = /^[\w:.-]{1,200}$/

const isPlaceName = (name: string): name is PlaceName => Object.hasOwn(parameters, name)

export const createAddresses = (issuer: string): Addresses => {
  const { origin, pathname } = new URL(issuer)
  const base = `${pathname.replace(/\/$/, '')}/account`
  return {
    origin,
    base,
    callback: `${issuer}/account/callback`,
    signedOut: `${issuer}/account/signed-out`,
    addressOf({ name, value }) {
      if (name === 'home') return base
      const parameter = parameters[name]
      const search = parameter && value !== undefined ? `?${new URLSearchParams({ [parameter]: value })}` : ''
      return `${base}/${name}${search}`
    },
    targetOf(req) {
      // Letter by letter: what would have to be normalised first is no address of ours.
      const [path = '', query = ''] = addressOf(req).split('?', 2)
      if (path !== base && !path.startsWith(`${base}/`)) return undefined
      const last = path.slice(base.length + 1)
      const name = path === base ? 'home' : last === 'home' ? '' : last
      const open = openNames.find((one) => one === name)
      if (open) return { kind: 'open', name: open, search: addressOf(req).slice(path.length) }
      if (!isPlaceName(name)) return undefined
      const parameter = parameters[name]
      const value = (parameter && new URLSearchParams(query).get(parameter)) ?? ''
      return { kind: 'place', place: { name, ...(wellFormed.test(value) && { value }) } }
    },
  }
}
