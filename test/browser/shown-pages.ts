import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { guardCrossSite, readForm } from '../../src/pages/form.ts'
import { languages } from '../../src/pages/language.ts'
import { createPages } from '../../src/pages/render.ts'
import { answerWatch, watchOf } from '../../src/pages/watching.ts'
import { pageSamples, type Sample, sampleLogo } from '../../tools/page-samples.ts'
import { freePort, program } from '../support/machine.ts'

export interface Post {
  fields?: Record<string, string>
  origin: string | undefined
  refused?: string
}

export interface ShownPages {
  browser: Browser
  origin: string
  /** Another site: it shows the logo, is where the relying party would be, and attacks. */
  foreign: string
  posts: Post[]
  /** Opens a page of its own context, and collects whatever the browser complains about. */
  open(path: string, options?: BrowserContextOptions): Promise<{ page: Page; complaints: string[] }>
  close(): Promise<void>
}

const untilOver = (known: string, over: AbortSignal): Promise<string> =>
  new Promise((resolve) => over.addEventListener('abort', () => resolve(known)))

/** Every sample page at `/<language>/<name>`, in Chromium; forms lead to the other site. */
export const showPages = async (): Promise<ShownPages> => {
  const samples = new Map<string, Sample>()
  const servers: Server[] = []
  const posts: Post[] = []
  const pages = createPages({ brand: { name: 'Duepassi' }, secure: false })
  let origin = ''
  let foreign = ''

  async function listen(host: string, handler: (req: IncomingMessage, res: ServerResponse) => unknown) {
    const port = await freePort()
    const server = createServer(handler)
    servers.push(server)
    await new Promise<void>((resolve) =>
      server.listen(port, host === 'localhost' ? undefined : host, resolve),
    )
    return `http://${host}:${port}`
  }

  async function answer(req: IncomingMessage, res: ServerResponse) {
    const watching = watchOf(req)
    // Nothing ever happens elsewhere.
    if (watching) return answerWatch(res, watching, { next: untilOver })
    const sample = samples.get(req.url ?? '')
    if (!sample) return res.writeHead(404).end()
    if (req.method !== 'POST') return pages.send(req, res, sample.page)
    const { origin: sentOrigin } = req.headers
    try {
      guardCrossSite(req, origin)
      posts.push({ fields: { ...(await readForm(req)) }, origin: sentOrigin })
      res.writeHead(303, { location: `${foreign}/callback?code=x` }).end()
    } catch (error) {
      posts.push({ origin: sentOrigin, refused: String((error as { code?: string }).code) })
      res.writeHead(403).end('refused')
    }
  }

  function answerElsewhere(req: IncomingMessage, res: ServerResponse) {
    if (req.url === '/logo.svg') return res.setHeader('content-type', 'image/svg+xml').end(sampleLogo)
    res.setHeader('content-type', 'text/html')
    if (req.url !== '/attack') return res.end('<title>relying party</title>')
    const form = `<form method="post" action="${origin}/en/totp"><input name="intent" value="answer"><button>Go</button></form>`
    return res.end(`<title>attack</title>${form}`)
  }

  const executablePath = await program('chromium')
  foreign = await listen('localhost', answerElsewhere)
  origin = await listen('127.0.0.1', answer)
  const client = {
    name: 'Bottega Aurora',
    logoUri: `${foreign}/logo.svg`,
    uri: `${foreign}/`,
    policyUri: `${foreign}/policy`,
    tosUri: `${foreign}/terms`,
  }
  for (const language of languages)
    for (const sample of await pageSamples(language, client))
      samples.set(`/${language}/${sample.name}`, sample)
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  })
  return {
    browser,
    origin,
    foreign,
    posts,
    async open(path, options = {}) {
      const context = await browser.newContext(options)
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('requestfailed', (request) => {
        // A page that is left ends what it watches.
        if (!request.url().includes('watch=')) complaints.push(`${request.url()} failed`)
      })
      await page.goto(path.startsWith('http') ? path : origin + path)
      return { page, complaints }
    },
    async close() {
      await browser.close()
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}
