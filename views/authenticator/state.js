/** What the app knows: its devices, what the server says of each, and the requests that wait. */
import { ApiError, call, isForgotten, issuer } from './api.js'
import { permission, subscribe, unsubscribe } from './push.js'

const keys = globalThis.duepassiAuthenticator
/** Milliseconds between two looks for requests, while somebody looks at the app. */
const pause = 3000

export const state = {
  devices: [],
  /** Thumbprint → `{forgotten, phase, notifications}`; absent until the server was asked. */
  said: new Map(),
  /** `{...request of the API, shown: text, facts, device, ahead}`, the oldest first. */
  requests: [],
  /** Of the same shape: what nobody answered in time, the newest first. */
  missed: [],
  /** Why the server could not be asked, or undefined. */
  trouble: undefined,
}
/** Fires `requests` and `devices` when something is different. */
export const changes = new EventTarget()
const tell = (what) => changes.dispatchEvent(new Event(what))

export const deviceOf = (thumbprint) => state.devices.find((device) => device.thumbprint === thumbprint)
export const requestOf = (id) => state.requests.find((request) => request.id === id)
export const missedOf = (id) => state.missed.find((request) => request.id === id)
export const timeLeft = ({ expiresAt, ahead }) => expiresAt - ahead - Date.now()

export const loadDevices = async () => {
  state.devices = await keys.list(issuer)
  tell('devices')
}

export const keep = async (device) => {
  await keys.put(device)
  await loadDevices()
}

export const forget = async (device) => {
  await keys.remove(device.thumbprint)
  state.said.delete(device.thumbprint)
  const others = (request) => request.device.thumbprint !== device.thumbprint
  state.requests = state.requests.filter(others)
  state.missed = state.missed.filter(others)
  await loadDevices()
}

/** At every start and when notifications change: says hello for each account and mends its push address. */
export const checkIn = async () => {
  const known = (await Promise.all(state.devices.map(greet))).filter((one) => one)
  // The push service has given the address up, and the browser was not told.
  if (known.some(({ stale, applicationServerKey }) => stale && applicationServerKey)) await unsubscribe()
  await Promise.all(known.map(mendOne))
  tell('devices')
}

const greet = async (device) => {
  try {
    const { state: phase, ...said } = await call('GET', 'device', { device })
    if (phase !== 'confirming') await confirmed(device)
    return { device, phase, ...said }
  } catch (error) {
    note(device, error)
  }
}

/** The computer knows the number. */
const confirmed = async (device) => {
  if (device.confirming) await keep({ ...device, confirming: undefined })
}

const mendOne = async ({ device, phase, applicationServerKey }) => {
  try {
    const notifications = await mend(device, applicationServerKey)
    state.said.set(device.thumbprint, { phase, notifications })
  } catch (error) {
    note(device, error)
  }
}

/** @returns 'on', 'unreached' (allowed, but no address), 'none' (the server sends none), or the permission */
const mend = async (device, applicationServerKey) => {
  const address = await subscribe(applicationServerKey)
  await call('PUT', 'device', { device, body: { address } })
  if (!applicationServerKey) return 'none'
  if (permission() !== 'granted') return permission()
  return address ? 'on' : 'unreached'
}

const note = (device, error) => {
  if (!(error instanceof ApiError)) throw error
  if (isForgotten(error)) state.said.set(device.thumbprint, { forgotten: true })
  else state.trouble = error.code
}

/** Asks for the phase of one device. @throws ApiError */
export const phaseOf = async (device) => {
  const { state: phase } = await call('GET', 'device', { device })
  state.said.set(device.thumbprint, { ...state.said.get(device.thumbprint), phase })
  return phase
}

/** Asks for the requests of every account, once. */
export const look = async () => {
  const before = summary()
  const trouble = state.trouble
  state.trouble = undefined
  const asked = state.devices.filter(({ thumbprint }) => !state.said.get(thumbprint)?.forgotten)
  const answers = await Promise.all(asked.map(requestsOf))
  const open = (which) => answers.flatMap((answer) => answer[which]).filter(({ id }) => !ended.has(id))
  state.requests = open('requests').sort((a, b) => a.expiresAt - b.expiresAt)
  state.missed = open('missed').sort((a, b) => b.expiresAt - a.expiresAt)
  if (summary() !== before || trouble !== state.trouble) tell('requests')
}

const summary = () =>
  [...state.requests, '|', ...state.missed].map(({ id }) => id).join() +
  [...state.said.values()].filter(({ forgotten }) => forgotten).length

const requestsOf = async (device) => {
  try {
    const { requests, missed, now } = await call('GET', 'requests', { device })
    const ahead = now - Date.now()
    if (requests.length > 0) await confirmed(device)
    const known = (request) => ({ ...request, facts: JSON.parse(request.shown), device, ahead })
    return { requests: requests.map(known), missed: missed.map(known) }
  } catch (error) {
    note(device, error)
    if (isForgotten(error)) return { requests: [], missed: [] }
    // What was seen stays until it is over: a hole in the network is no answer.
    const mine = (request) => request.device.thumbprint === device.thumbprint
    const waits = (request) => mine(request) && timeLeft(request) > 0
    return { requests: state.requests.filter(waits), missed: state.missed.filter(mine) }
  }
}

let timer
let looking
/** Looks now and then every three seconds while the app is visible. */
export const keepLooking = async () => {
  clearTimeout(timer)
  looking ??= look().finally(() => {
    looking = undefined
  })
  await looking
  clearTimeout(timer)
  if (document.visibilityState === 'visible') timer = setTimeout(() => void keepLooking(), pause)
}

const ended = new Set()
export const hasEnded = (id) => ended.has(id)

/** After an answer, so that it is not offered again. */
export const dropRequest = (id) => {
  ended.add(id)
  state.missed = state.missed.filter((request) => request.id !== id)
  expire(id)
}

/** Nobody has answered it: it may come back as a missed one. */
export const expire = (id) => {
  state.requests = state.requests.filter((request) => request.id !== id)
}
