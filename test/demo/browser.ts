import assert from 'node:assert/strict'

interface Answer {
  status: number
  url: URL
  text: string
  headers: Headers
}

/** Enough of a browser: cookies by host and path (not by port), redirects, a language. */
export const createBrowser = (language = 'en') => {
  const cookies = new Map<string, { path: string; value: string }>()
  const visit = async (address: string | URL, init: RequestInit = {}): Promise<Answer> => {
    const url = new URL(address)
    const sent = [...cookies].filter(([, { path }]) => url.pathname.startsWith(path))
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: {
        'accept-language': language,
        cookie: sent.map(([name, { value }]) => `${name}=${value}`).join('; '),
        ...init.headers,
      },
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const path = /path=([^;]*)/i.exec(line)?.[1] ?? '/'
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name)
      else cookies.set(name, { path, value })
    }
    return { status: response.status, url, text: await response.text(), headers: response.headers }
  }
  const go = async (address: string | URL, init: RequestInit = {}): Promise<Answer> => {
    let answer = await visit(address, init)
    for (let hops = 0; answer.status === 302 || answer.status === 303; hops++) {
      assert.ok(hops < 15, 'redirects without end')
      answer = await visit(new URL(answer.headers.get('location') ?? '', answer.url))
    }
    return answer
  }
  return { visit, go, cookies }
}

/** What a reader of the page sees. */
export const plainText = (page: string): string => page.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')

/** Where an answer redirects to. */
export const locationOf = (answer: Answer): URL => new URL(answer.headers.get('location') ?? '', answer.url)
