import assert from 'node:assert/strict'
import type { Answer, Browser } from './browser.ts'

/** What the page that asks whether to sign out would post. */
export const logoutForm = ({ body }: Answer): { action: string; xsrf: string } => {
  const action = /<form id="op\.logoutForm" method="post" action="([^"]+)"/.exec(body)?.[1]
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(body)?.[1]
  assert.ok(action && xsrf, `nobody is asked: ${body.slice(-1000)}`)
  return { action, xsrf }
}

/** Presses a button of that page: out everywhere, or out of the application alone. */
export const confirmLogout = (browser: Browser, asking: Answer, everywhere: boolean): Promise<Answer> => {
  const { action, xsrf } = logoutForm(asking)
  return browser.post(action, { xsrf, ...(everywhere && { logout: 'yes' }) })
}

const plain = (html: string): string =>
  html
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')

/** The frames of a page that signs out, and where it goes on to. */
export const framesOn = ({ body }: Answer): { frames: string[]; next: string; refresh: string } => ({
  frames: [...body.matchAll(/<iframe hidden [^>]*src="([^"]*)"/g)].map(([, src = '']) => plain(src)),
  next: plain(/<a [^>]*href="([^"]*)" data-next="3"/.exec(body)?.[1] ?? ''),
  refresh: plain(/<meta http-equiv="refresh" content="3;url=([^"]*)"/.exec(body)?.[1] ?? ''),
})
