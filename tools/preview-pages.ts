/**
 * Pictures of every page, for looking at: `node tools/preview-pages.ts <folder> [name…]`.
 * A narrow phone and a desktop, English and Italian, light and dark.
 */
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { languages } from '../src/pages/language.ts'
import { createPages } from '../src/pages/render.ts'
import { program } from '../test/support/machine.ts'
import { pageSamples, sampleLogo } from './page-samples.ts'

const [folder, ...names] = process.argv.slice(2)
if (!folder) throw new Error('usage: node tools/preview-pages.ts <folder> [name…]')
await mkdir(folder, { recursive: true })

const pages = createPages({ brand: { name: 'Duepassi' }, secure: false })
const samples = new Map<string, Awaited<ReturnType<typeof pageSamples>>[number]>()
const server = createServer((req, res) => {
  if (req.url === '/logo.svg') return res.setHeader('content-type', 'image/svg+xml').end(sampleLogo)
  const sample = samples.get(req.url ?? '')
  if (!sample) return res.writeHead(404).end()
  return pages.send(req, res, sample.page)
})
await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
const origin = `http://localhost:${(server.address() as AddressInfo).port}`
for (const language of languages) {
  const client = {
    name: 'Bottega Aurora',
    logoUri: `${origin}/logo.svg`,
    uri: 'https://shop.example',
    policyUri: 'https://shop.example/policy',
    tosUri: 'https://shop.example/terms',
  }
  for (const sample of await pageSamples(language, client)) samples.set(`/${language}/${sample.name}`, sample)
}

const browser = await chromium.launch({
  executablePath: await program('chromium'),
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
})
const sizes = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } }
for (const [size, viewport] of Object.entries(sizes)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ viewport, colorScheme })
    const page = await context.newPage()
    for (const [path, { name }] of samples) {
      if (names.length > 0 && !names.includes(name)) continue
      await page.goto(origin + path)
      await page.screenshot({
        path: join(folder, `${path.slice(1, 3)}-${name}-${size}-${colorScheme}.png`),
        fullPage: true,
      })
    }
    await context.close()
  }
}
await browser.close()
server.close()
