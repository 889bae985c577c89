import type { Pool } from 'undici'

export interface Answer {
  status: number
  location: string | undefined
  text: string
}

/** What a browser of these days calls itself, so that Duepassi has to read it as in life. */
export const userAgent =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'

interface Cookie {
  path: string
  value: string
}

/** As much of a browser as a sign-in needs: cookies by path (oidc-provider sets some for one interaction only). */
export class Browser {
  readonly #pool: Pool
  readonly #origin: string
  readonly #name: string
  readonly #cookies = new Map<string, Cookie>()
  /** Requests sent so far. */
  requests = 0

  /** `name`: its User-Agent; the empty one sends none. */
  constructor(pool: Pool, origin: string, name = userAgent) {
    this.#pool = pool
    this.#origin = origin
    this.#name = name
  }

  get(path: string): Promise<Answer> {
    return this.#send('GET', path)
  }

  /** As a browser sends a form of the same site. */
  post(path: string, form: Record<string, string>): Promise<Answer> {
    return this.#send('POST', path, new URLSearchParams(form).toString())
  }

  /** Drops every cookie but those whose name begins so: a session that ended in a browser that is still known. */
  keepOnly(start: string): void {
    for (const key of this.#cookies.keys()) if (!key.startsWith(start)) this.#cookies.delete(key)
  }

  async #send(method: 'GET' | 'POST', path: string, body: string | null = null): Promise<Answer> {
    this.requests++
    const headers: Record<string, string> = { accept: 'text/html', 'accept-language': 'en' }
    if (this.#name !== '') headers['user-agent'] = this.#name
    const cookie = this.#cookieHeader(path)
    if (cookie !== '') headers.cookie = cookie
    if (body !== null) {
      headers['content-type'] = 'application/x-www-form-urlencoded'
      headers.origin = this.#origin
      headers['sec-fetch-site'] = 'same-origin'
    }
    const response = await this.#pool.request({ method, path, headers, body })
    this.#keep(response.headers['set-cookie'])
    const location = response.headers.location
    return {
      status: response.statusCode,
      location: typeof location === 'string' ? location : undefined,
      text: await response.body.text(),
    }
  }

  #cookieHeader(target: string): string {
    const path = target.split('?', 1)[0] ?? '/'
    const sent: string[] = []
    for (const [key, cookie] of this.#cookies)
      if (covers(cookie.path, path)) sent.push(`${key.slice(0, key.indexOf('|'))}=${cookie.value}`)
    return sent.join('; ')
  }

  #keep(lines: string | string[] | undefined): void {
    for (const line of lines === undefined ? [] : [lines].flat()) {
      const [pair = '', ...attributes] = line.split(/; */)
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(pair.indexOf('=') + 1)
      const of = (attribute: string) =>
        attributes.find((text) => text.toLowerCase().startsWith(`${attribute}=`))?.slice(attribute.length + 1)
      const path = of('path') ?? '/'
      const expires = of('expires')
      if (value === '' || (expires !== undefined && Date.parse(expires) <= Date.now()))
        this.#cookies.delete(`${name}|${path}`)
      else this.#cookies.set(`${name}|${path}`, { path, value })
    }
  }
}

/** RFC 6265 §5.1.4. */
const covers = (cookiePath: string, path: string): boolean =>
  path === cookiePath ||
  (path.startsWith(cookiePath) && (cookiePath.endsWith('/') || path[cookiePath.length] === '/'))
