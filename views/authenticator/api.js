/** The device API. Everything lies beside the page, so the app works wherever the issuer is mounted. */
const keys = globalThis.duepassiAuthenticator
const patience = 15_000
const most = 30_000

/** Where the page is, without its fragment. */
const home = new URL('.', document.baseURI)
export const issuer = new URL('..', home).href.replace(/\/$/, '')

/** `code` is that of the API, or `offline`, `unreachable`, `unexpected`. */
export class ApiError extends Error {
  constructor(code, { status = 0, seconds } = {}) {
    super(code)
    Object.assign(this, { code, status, seconds })
  }
}

/**
 * @param device signs the call; absent before there is one
 * @returns the JSON of the answer, or undefined
 * @throws ApiError
 */
export const call = async (method, path, { device, body } = {}) => {
  const before = keys.clock.ahead
  const response = await send(method, path, device, body)
  const ahead = noteClock(response)
  // A phone whose clock is wrong signs a time that is refused; with the server's it is right.
  const again = device && response.status === 401 && Math.abs(ahead - before) > most
  const final = again ? await send(method, path, device, body) : response
  const answer = await final.json().catch(() => undefined)
  if (final.ok) return answer
  const code = typeof answer?.error === 'string' ? answer.error : 'unexpected'
  throw new ApiError(code, { status: final.status, seconds: answer?.seconds })
}

const send = async (method, path, device, body) => {
  const url = new URL(`api/${path}`, home)
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  if (device) headers.authorization = await keys.authorize(device, method, url)
  try {
    return await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(patience),
    })
  } catch {
    throw new ApiError(navigator.onLine ? 'unreachable' : 'offline')
  }
}

const noteClock = (response) => {
  const ahead = Date.parse(response.headers.get('date') ?? '') - Date.now()
  keys.clock.ahead = Math.abs(ahead) > most ? ahead : 0
  return keys.clock.ahead
}

/** Whether the server has forgotten the device, rather than failing for the moment. */
export const isForgotten = (error) => error instanceof ApiError && error.code === 'device_unknown'
