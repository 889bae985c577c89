import { createServer } from 'node:http'
import type { Mail } from '../src/delivery/delivery.ts'
import type { Inbox, KeptText, TextInbox } from '../src/delivery/inbox/inbox.ts'
import { type Html, html } from './relying-party/html.ts'

interface InboxParts {
  inbox: Inbox
  /** Absent: text messages are not shown. */
  texts?: TextInbox
  port: number
}

/** The local inbox: shows the mails and text messages that would have been sent, newest first. */
export const startInbox = async ({
  inbox,
  texts,
  port,
}: InboxParts): Promise<{ url: string; close(): Promise<void> }> => {
  const server = createServer((_req, res) => {
    void Promise.all([inbox.list(), texts?.list()])
      .then(([mails, messages]) => {
        res.writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        })
        res.end(inboxPage(mails, messages).text)
      })
      .catch((error: unknown) => {
        console.error('The inbox cannot be read:', error)
        res.writeHead(500).end()
      })
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, 'localhost', resolve),
  )
  return {
    url: `http://localhost:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

const inboxPage = (
  mails: readonly Mail[],
  messages: readonly KeptText[] | undefined,
): Html => html`<!doctype html>
  <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5"><title>Inbox of the demo</title>
  <style>body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}article{border:1px solid #8885;border-radius:8px;padding:1rem;margin:1rem 0}pre{white-space:pre-wrap;font:inherit}</style></head>
  <body>
  ${messages === undefined ? '' : textsSection(messages)}
  <h1>Mails that would have been sent</h1>
  ${mails.length === 0 ? html`<p>None yet. Set up an authenticator app, and Maria is told so here.</p>` : ''}
  ${mails.toReversed().map(({ to, subject, text }) => html`<article><h2>${subject}</h2><p>To ${to.name} &lt;${to.address}&gt;</p><pre>${text}</pre></article>`)}
  </body></html>`

const textsSection = (
  messages: readonly KeptText[],
): Html => html`<h1>Text messages that would have been sent</h1>
  ${messages.length === 0 ? html`<p>None yet. Set up codes by text message with any Italian mobile number.</p>` : ''}
  ${messages.toReversed().map(textArticle)}`

const textArticle = ({ to, text, at, state }: KeptText): Html => {
  const time = new Date(at).toISOString()
  return html`<article class="text-message"><h2>${to}</h2><p><time datetime="${time}">${time.replace('T', ' ').slice(0, 19)} UTC</time> · ${state}</p><pre>${text}</pre></article>`
}
