/** Draws the icons of the authenticator app from their sources, once after a change: `node tools/authenticator-icons.ts`. */
import { readFile, writeFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { program } from '../test/support/machine.ts'

const folder = new URL('../views/authenticator/icons/', import.meta.url)
/** Source, size in pixels, and name of each picture. iOS rounds the corners itself and shows no transparency. */
const pictures = [
  ['icon', 192, 'icon-192'],
  ['icon', 512, 'icon-512'],
  ['maskable', 512, 'maskable-512'],
  ['maskable', 180, 'apple-touch-icon'],
  ['badge', 96, 'badge-96'],
] as const

const browser = await chromium.launch({
  executablePath: await program('chromium'),
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
})
for (const [source, size, name] of pictures) {
  const page = await browser.newPage({ viewport: { width: size, height: size } })
  const svg = await readFile(new URL(`${source}.svg`, folder), 'utf8')
  await page.setContent(`<style>body{margin:0}svg{display:block;width:100vw;height:100vh}</style>${svg}`)
  await writeFile(new URL(`${name}.png`, folder), await page.screenshot({ omitBackground: true }))
  await page.close()
}
await browser.close()
