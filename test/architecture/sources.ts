import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

export const root = new URL('../../', import.meta.url)

export interface Import {
  /** A path beneath `src/`, or the name of a package as it is written. */
  target: string
  /** Erased before it runs. */
  typeOnly: boolean
}

export interface Source {
  /** Path beneath `src/`. */
  file: string
  /** Without comments. */
  code: string
  imports: Import[]
}

/** Files beneath a folder of the checkout, as paths within it. */
export const filesOf = (folder: string): string[] =>
  readdirSync(new URL(`${folder}/`, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(new URL(folder, root).pathname, `${entry.parentPath}/${entry.name}`))
    .sort()

export const readSources = (): Source[] =>
  filesOf('src')
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => sourceOf(file, readFileSync(new URL(`src/${file}`, root), 'utf8')))

export const sourceOf = (file: string, text: string): Source => {
  const code = withoutComments(text)
  return { file, code, imports: importsOf(file, code) }
}

/** Comments as Biome lays them out: on lines of their own, or after a blank behind the code. */
const withoutComments = (text: string): string =>
  text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/ .*$/gm, '$1')

const statement = /^(?:import|export)\s+(type\s)?[^'";()]*?\bfrom\s+'([^']+)'/gm
const bare = /^import\s+'([^']+)'/gm
const dynamic = /(typeof\s+)?\bimport\(\s*'([^']+)'/g

const importsOf = (file: string, code: string): Import[] =>
  [
    ...[...code.matchAll(statement)].map(([, type, target = '']) => ({ target, typeOnly: Boolean(type) })),
    ...[...code.matchAll(bare)].map(([, target = '']) => ({ target, typeOnly: false })),
    ...[...code.matchAll(dynamic)].map(([, type, target = '']) => ({ target, typeOnly: Boolean(type) })),
  ].map(({ target, typeOnly }) => ({
    target: target.startsWith('.') ? posix.join(posix.dirname(file), target) : target,
    typeOnly,
  }))
