/** The files of the authenticator app, as a server gives them: content types, policy, version of the worker. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { chooseLanguage } from '../../src/pages/language.ts'
import { loadTemplates } from '../../src/pages/templates.ts'

const views = new URL('../../views/', import.meta.url)
const app = new URL('authenticator/', views)
const types: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
}
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; " +
  "manifest-src 'self'; worker-src 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

const read = () => {
  const files = new Map<string, Buffer>()
  for (const path of readdirSync(app, { recursive: true, encoding: 'utf8' }))
    if (/\.\w+$/.test(path) && !path.endsWith('.ejs')) files.set(path, readFileSync(new URL(path, app)))
  for (const name of ['page.css', 'controls.css'])
    files.set(name, readFileSync(new URL(`browser/${name}`, views)))
  files.set('keys.js', readFileSync(new URL('browser/authenticator-keys.js', views)))
  return files
}

/** Answers what is asked for beneath the app's address; `version` makes a new worker when it changes. */
export const serveAuthenticatorFiles = (brand: string) => {
  const template = loadTemplates(app)
  const files = read()
  const precached = [
    './',
    'manifest.webmanifest',
    ...[...files.keys()].filter((name) => name !== 'worker.js'),
  ]
  const hash = createHash('sha256')
  for (const content of files.values()) hash.update(content)
  const state = { version: hash.digest('base64url') }

  const contentOf = (
    path: string,
    language: 'en' | 'it',
  ): { type: string; body: string | Buffer } | undefined => {
    const locals = {
      brand: { name: brand },
      language,
      texts: JSON.parse(String(files.get(`${language}.json`))) as Record<string, string>,
    }
    if (path === '') return { type: 'text/html; charset=utf-8', body: template('index', locals) }
    if (path === 'manifest.webmanifest')
      return {
        type: 'application/manifest+json',
        body: template('manifest.webmanifest', locals),
      }
    const file = files.get(path)
    if (!file) return undefined
    const type = types[path.split('.').at(-1) ?? ''] ?? ''
    if (path !== 'worker.js') return { type, body: file }
    const shell = { version: state.version, files: precached }
    return { type, body: `self.shell = ${JSON.stringify(shell)}\n${file}` }
  }

  const serve = (req: IncomingMessage, res: ServerResponse, path: string) => {
    const found = contentOf(path, chooseLanguage(req))
    if (!found) return res.writeHead(404).end()
    res.setHeader('content-type', found.type)
    res.setHeader('content-security-policy', policy)
    res.setHeader('cache-control', 'no-cache')
    return res.end(found.body)
  }
  return { serve, state }
}
