import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { type Clock, systemClock } from '../clock.ts'
import { placeInWords } from '../context/place-in-words.ts'
import { type RandomBytes, randomId, systemRandom } from '../crypto/random.ts'
import { addressOf } from './address.ts'
import { showClient } from './client.ts'
import { durationInWords, errorText, loadTranslators, type MessageValues, ownViews } from './messages.ts'
import { agoInWords, dateInWords } from './moments.ts'
import type { Page, Pages, RenderedPage } from './pages.ts'
import { securityHeaders } from './security-headers.ts'
import { loadTemplates, type TemplateLocals } from './templates.ts'
import { addressErrorKeys, type PageError, type ViewName, type Views, waitErrorKeys } from './views.ts'

export interface PagesOptions {
  /** Folder of the views, with a slash at its end; the package's own when absent. */
  views?: URL
  brand: { name: string }
  /** The issuer is https: adds HSTS, and shows logos over https only. */
  secure: boolean
  random?: RandomBytes
  /** What "2 hours ago" counts from. */
  clock?: Clock
}

/** What a view tells the layout about itself. */
interface Head {
  title: string
  /** How many of the two steps of the mark are filled. */
  steps: 0 | 1 | 2
  /** Text above the relying party's name. */
  partyLabel: string
  /** The page belongs to the provider: its name stands above, whoever the relying party is. */
  own: boolean
  wide: boolean
  /** Seconds after which the page is read anew, or left for `refreshTo`, where there is no JavaScript; 0: never. */
  refresh: number
  refreshTo: string
  /** Files of `browser/` that the page needs, without their endings. */
  styles: Set<string>
  scripts: Set<string>
}

/**
 * Reads and compiles everything in `views/` now; pages are then made without touching the disk.
 *
 * @throws Error when a view or a catalogue cannot be read.
 */
export function createPages(options: PagesOptions): Pages {
  const { views = ownViews, brand, secure, random = systemRandom, clock = systemClock } = options
  const template = loadTemplates(views)
  const translators = loadTranslators(views)
  const assets = readAssets(new URL('browser/', views))

  function render<View extends ViewName>(
    page: Omit<Page<View>, 'headers'>,
    req?: IncomingMessage,
  ): RenderedPage {
    const { language } = page
    const translate = translators[language]
    const locals: Views[ViewName] = page.locals
    const error = 'error' in locals ? locals.error : undefined
    const waitSeconds = 'waitSeconds' in locals ? locals.waitSeconds : undefined
    const client = page.client && showClient(page.client, secure)
    const head: Head = {
      title: '',
      steps: 0,
      partyLabel: '',
      own: false,
      wide: false,
      refresh: 0,
      refreshTo: '',
      styles: new Set(['page', 'controls']),
      scripts: new Set(['page']),
    }
    const waitError = error && waits(error) ? error : undefined
    const pause = waitError?.key.endsWith('.pause') ? waitError.values.seconds : undefined
    const shared = {
      brand,
      client,
      head,
      language,
      errorText: error && errorText(language, translate, error),
      errorKey: error?.key,
      errorOfAddress: addressErrorKeys.some((key) => key === error?.key),
      errorSaysWait: waitError !== undefined,
      wait: pause ?? waitSeconds ?? waitError?.values.seconds,
      t: (key: string, values?: MessageValues) => translate(key, values),
      duration: (seconds: number) => durationInWords(language, seconds),
      date: (at: number) => dateInWords(language, at),
      ago: (at: number) => agoInWords(language, at, clock.now()),
      secondsTo: (at: number) => Math.max(0, Math.ceil((at - clock.now()) / 1000)),
      place: (of: Parameters<typeof placeInWords>[1]) => placeInWords(language, of),
    }
    const partial = (name: string, more: TemplateLocals = {}): string =>
      template(name, { ...shared, partial, ...more })
    const nonce = randomId(random)
    const main = partial(page.view, { ...locals })
    const body = partial('partials/layout', {
      main,
      nonce,
      styles: [...head.styles].map((name) => assets(`${name}.css`)),
      scripts: [...head.scripts].map((name) => assets(`${name}.js`)),
      failed: error !== undefined,
      self: req && selfOf(req),
    })
    return {
      status: page.status ?? 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-language': language,
        ...retryAfter(page),
        ...securityHeaders({
          nonce,
          logoOrigin: client?.logoOrigin,
          frameOrigins: originsOf('frames' in locals ? locals.frames : []),
          secure,
        }),
      },
      body,
    }
  }

  return {
    render: (page) => render(page),
    send(req, res, page) {
      const { status, headers, body } = render(page, req)
      res.statusCode = status
      for (const [name, value] of Object.entries({ ...headers, ...page.headers })) {
        if (value !== undefined) res.setHeader(name, value)
      }
      res.setHeader('content-length', Buffer.byteLength(body))
      res.end(req.method === 'HEAD' ? undefined : body)
    },
  }
}

/** Styles and scripts stand in the pages, so they go without their indentation. */
function readAssets(folder: URL): (name: string) => string {
  const lean = (name: string) => readFileSync(new URL(name, folder), 'utf8').replaceAll(/^\s+/gm, '')
  const assets = new Map(readdirSync(folder).map((name) => [name, lean(name)]))
  return (name) => {
    const asset = assets.get(name)
    if (asset === undefined) throw new Error(`no ${name} in views/browser`)
    return asset
  }
}

/** With the fragment that a browser carries along, a page would not be read anew but stay. Undefined for another host's. */
function selfOf(req: IncomingMessage): string | undefined {
  const address = addressOf(req)
  return /^\/(?![/\\])/.test(address) ? address : undefined
}

const originsOf = (frames: readonly string[]): string[] => [
  ...new Set(frames.map((frame) => new URL(frame).origin)),
]

type WaitError = Extract<PageError, { key: (typeof waitErrorKeys)[number] }>

const waits = (error: PageError): error is WaitError => waitErrorKeys.some((key) => key === error.key)

function retryAfter(page: Omit<Page<ViewName>, 'headers'>): Record<string, string> {
  const own = 'seconds' in page.locals ? page.locals.seconds : undefined
  const seconds = page.retryAfter ?? own
  return seconds === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }
}
