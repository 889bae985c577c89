import { createServer } from 'node:http'
import type { Inbox } from '../src/delivery/inbox/inbox.ts'
import { html } from './relying-party/html.ts'

/** The local inbox: shows the mails that would have been sent, newest first. */
export const startInbox = async ({
  inbox,
  port,
}: {
  inbox: Inbox
  port: number
}): Promise<{ url: string; close(): Promise<void> }> => {
  const server = createServer((_req, res) => {
    void inbox.list().then((mails) => {
      res.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      })
      const page = html`<!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5"><title>Inbox of the demo</title>
        <style>body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}article{border:1px solid #8885;border-radius:8px;padding:1rem;margin:1rem 0}pre{white-space:pre-wrap;font:inherit}</style></head>
        <body><h1>Mails that would have been sent</h1>
        ${mails.length === 0 ? html`<p>None yet. Set up an authenticator app, and Maria is told so here.</p>` : ''}
        ${mails.toReversed().map(({ to, subject, text }) => html`<article><h2>${subject}</h2><p>To ${to.name} &lt;${to.address}&gt;</p><pre>${text}</pre></article>`)}
        </body></html>`
      res.end(page.text)
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
