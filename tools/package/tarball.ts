import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { run } from './command.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Tarball {
  file: string
  bytes: number
  /** Paths within the package. */
  paths: string[]
  /** What it unpacks to. */
  folder: string
}

/** Packs what `npm run build` made, and unpacks it again. */
export const pack = async (into: string): Promise<Tarball> => {
  assert.ok(existsSync(join(root, 'dist/index.js')), 'there is no dist/: run `npm run build` first')
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', into]
  const [packed] = JSON.parse(await run('npm', args, root)) as Array<{ filename: string; size: number }>
  assert.ok(packed)
  const file = join(into, packed.filename)
  await run('tar', ['-xzf', file, '-C', into], into)
  const folder = join(into, 'package')
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  return { file, bytes: packed.size, paths, folder }
}

const needed = [
  'package.json',
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'config/duepassi.example.yaml',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/main.js',
  'dist/cli/main.js',
  'views/interaction/second-factor.ejs',
  'views/browser/page.css',
]

const expected =
  /^(dist\/.+\.(js|js\.map|d\.ts)|views\/.+\.(ejs|json|css|js|md)|views\/authenticator\/icons\/[a-z0-9-]+\.(png|svg))$/

/** Everything that is needed, nothing else, and nothing that points at what is not there. */
export const checkTarball = async (tarball: Tarball): Promise<void> => {
  const { paths, folder } = tarball
  const missing = needed.filter((path) => !paths.includes(path))
  assert.deepEqual(missing, [], 'the tarball lacks files')
  const strangers = paths.filter((path) => !needed.includes(path) && !expected.test(path))
  assert.deepEqual(strangers, [], 'the tarball holds files that nobody needs')
  for (const path of paths.filter((one) => one.endsWith('.js') && one.startsWith('dist/'))) {
    const map = /^\/\/# sourceMappingURL=(.+)$/m.exec(await readFile(join(folder, path), 'utf8'))?.[1]
    if (map !== undefined) await checkMap(join(folder, path, '..', map))
  }
  const command = await readFile(join(folder, 'dist/cli/main.js'), 'utf8')
  assert.match(command, /^#!\/usr\/bin\/env node\n/, 'dist/cli/main.js cannot be run as a command')
  await checkManifest(tarball)
}

/** A map carries its sources along, for `src/` is not in the package. */
const checkMap = async (file: string): Promise<void> => {
  assert.ok(existsSync(file), `${file} is named by a source, and is not in the tarball`)
  const { sources, sourcesContent } = JSON.parse(await readFile(file, 'utf8')) as {
    sources: string[]
    sourcesContent?: string[]
  }
  assert.equal(
    sourcesContent?.length,
    sources.length,
    `${file} points at sources that are not in the tarball`,
  )
}

const checkManifest = async ({ folder }: Tarball): Promise<void> => {
  // What is unpacked is what is published.
  const { messages, pkg } = await publint({ pkgDir: folder, strict: true, pack: false })
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg, { color: false })),
    [],
    'publint has something to say',
  )
}
