import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { addressOf } from '../pages/address.ts'
import { chooseLanguage } from '../pages/language.ts'
import { ownViews } from '../pages/messages.ts'
import { loadTemplates } from '../pages/templates.ts'
import type { Language } from '../pages/views.ts'

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  png: 'image/png',
  svg: 'image/svg+xml',
}

const typeOf = (name: string): string | undefined => types[name.split('.').at(-1) ?? '']

/**
 * Nothing from elsewhere, nothing inline, and no text that becomes markup (Trusted Types). Logos of relying parties may be
 * anywhere; the camera is for the invitation.
 */
const policyOf = (secure: boolean): Record<string, string> => ({
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: https:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types duepassi',
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'camera=(self), geolocation=(), microphone=(), payment=(), usb=()',
  ...(secure ? { 'strict-transport-security': 'max-age=63072000' } : {}),
})

interface File {
  type: string
  body: Buffer
}

const readFolder = (folder: URL): Map<string, Buffer> =>
  new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => name.replaceAll('\\', '/'))
      .filter((name) => typeOf(name))
      .map((name) => [name, readFileSync(new URL(name, folder))]),
  )

/** Files that the app has in common with the pages. */
const shared: Readonly<Record<string, string>> = {
  'keys.js': 'authenticator-keys.js',
  'page.css': 'page.css',
  'controls.css': 'controls.css',
}

const languages: readonly Language[] = ['en', 'it']

/**
 * The authenticator app at `/authenticator/` beneath the issuer, read once. All of it is small, and lies in the phone's cache
 * from the first visit on; a change of any file makes a new worker, and that a new cache.
 */
export const createAppFiles = ({ issuer, brand }: { issuer: string; brand: { name: string } }) => {
  const folder = new URL('authenticator/', ownViews)
  const base = `${new URL(issuer).pathname.replace(/\/$/, '')}/authenticator/`
  const secure = issuer.startsWith('https:')
  const template = loadTemplates(folder)
  const read = readFolder(folder)
  for (const [name, source] of Object.entries(shared))
    read.set(name, readFileSync(new URL(`browser/${source}`, ownViews)))

  const rendered = (name: string): Map<Language, Buffer> =>
    new Map(
      languages.map((language) => {
        const texts: unknown = JSON.parse(String(read.get(`${language}.json`)))
        return [language, Buffer.from(template(name, { brand, language, texts }))]
      }),
    )
  const index = rendered('index')
  const manifest = rendered('manifest.webmanifest')

  const worker = read.get('worker.js') ?? Buffer.alloc(0)
  const shell = [...read.keys()].filter((name) => name !== 'worker.js').sort()
  const hash = createHash('sha256')
  for (const one of [...index.values(), ...manifest.values(), worker]) hash.update(one)
  for (const name of shell) hash.update(name).update(read.get(name) ?? '')
  const version = hash.digest('base64url').slice(0, 16)
  const files = JSON.stringify({ version, files: ['./', 'manifest.webmanifest', ...shell] })
  read.set('worker.js', Buffer.concat([Buffer.from(`self.shell = ${files}\n`), worker]))

  const inEachLanguage = new Map([
    ['', index],
    ['manifest.webmanifest', manifest],
  ])
  const fileOf = (name: string, language: Language): File | undefined => {
    const ofLanguage = inEachLanguage.get(name)?.get(language)
    if (ofLanguage)
      return {
        type: name === '' ? 'text/html; charset=utf-8' : 'application/manifest+json',
        body: ofLanguage,
      }
    const body = read.get(name)
    const type = typeOf(name)
    return body && type ? { type, body } : undefined
  }

  /** Answers; false, having done nothing, for an address that is not one of the app's files. */
  return (req: IncomingMessage, res: ServerResponse): boolean => {
    const [path = ''] = addressOf(req).split('?', 1)
    if (`${path}/` === base) {
      res.writeHead(308, { location: base, 'content-length': 0 }).end()
      return true
    }
    if (!path.startsWith(base) || (req.method !== 'GET' && req.method !== 'HEAD')) return false
    const file = fileOf(path.slice(base.length), chooseLanguage(req, undefined))
    if (!file) return false
    res.writeHead(200, {
      ...policyOf(secure),
      'content-type': file.type,
      'content-length': file.body.length,
      // The worker keeps what it needs; without one, a file is asked for anew.
      'cache-control': 'no-cache',
      vary: 'Accept-Language',
    })
    res.end(req.method === 'HEAD' ? undefined : file.body)
    return true
  }
}
