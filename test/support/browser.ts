/** A browser without a screen: cookies with paths, redirects by hand, forms by their fields. */
interface Cookie {
  name: string
  value: string
  path: string
  host: string
}

export interface Answer {
  url: URL
  status: number
  headers: Headers
  body: string
}

export class Browser {
  #cookies: Cookie[] = []
  readonly language: string
  readonly #fetch: typeof fetch
  /** `over`: what sends the requests, where names or authorities are those of the test. */
  constructor(language = 'en', over: typeof fetch = fetch) {
    this.language = language
    this.#fetch = over
  }

  /** Follows redirects within `stayWithin` origins; a redirect elsewhere is the answer itself. */
  async get(url: string | URL, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#visit(new URL(url), { method: 'GET', headers: { 'sec-fetch-site': 'none', ...headers } })
  }

  async post(
    url: string | URL,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return this.#visit(new URL(url), {
      method: 'POST',
      headers: {
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      body: new URLSearchParams(fields).toString(),
    })
  }

  /** One request, no redirect followed. */
  async once(url: string | URL, init: RequestInit = {}): Promise<Answer> {
    const target = new URL(url)
    const response = await this.#fetch(target, {
      ...init,
      redirect: 'manual',
      headers: {
        'accept-language': this.language,
        cookie: this.#cookieHeader(target),
        ...(init.headers as Record<string, string>),
      },
    })
    this.#remember(target, response.headers)
    return { url: target, status: response.status, headers: response.headers, body: await response.text() }
  }

  cookies(): readonly Cookie[] {
    return this.#cookies
  }

  /** The same person in another window: cookies are shared from here on by copy. */
  copy(): Browser {
    const other = new Browser(this.language, this.#fetch)
    other.#cookies = this.#cookies.map((cookie) => ({ ...cookie }))
    return other
  }

  async #visit(url: URL, init: RequestInit): Promise<Answer> {
    let answer = await this.once(url, init)
    for (let hop = 0; hop < 12 && answer.status >= 300 && answer.status < 400; hop++) {
      const next = new URL(answer.headers.get('location') ?? '', answer.url)
      if (next.origin !== url.origin) return { ...answer, url: next }
      answer = await this.once(next, { method: 'GET', headers: { 'sec-fetch-site': 'same-origin' } })
    }
    return answer
  }

  #cookieHeader(url: URL): string {
    return this.#cookies
      .filter(
        ({ host, path }) =>
          host === url.hostname &&
          (url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  #remember(url: URL, headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
      const attribute = (wanted: string) =>
        attributes.find((entry) => entry.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1)
      const path = attribute('path') ?? '/'
      const expires = attribute('expires')
      this.#cookies = this.#cookies.filter((cookie) => !(cookie.name === name && cookie.path === path))
      if (!(expires && new Date(expires).getTime() < Date.now()))
        this.#cookies.push({ name, value, path, host: url.hostname })
    }
  }
}
