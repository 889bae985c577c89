import { existsSync, readFileSync } from 'node:fs'
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Fault, KeyPath } from './fault.ts'

const defaultFile = 'config/duepassi.yaml'

export interface FileContent {
  name: string | undefined
  tree: Record<string, unknown>
  faults: Fault[]
  /** Where a key, or the section that lacks it, is written. */
  sourceOf(path: KeyPath): string | undefined
}

const nothing = (name?: string, faults: Fault[] = []): FileContent => ({
  name,
  tree: {},
  faults,
  sourceOf: () => name,
})

/** Byte offset of the deepest part of the path that the document has; keys count where they begin. */
const offsetOf = (document: Document, path: KeyPath): number | undefined => {
  let node: unknown = document.contents
  let offset: number | undefined
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
      if (!pair) break
      if (isScalar(pair.key)) offset = pair.key.range?.[0]
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(part)]
      const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
      if (!Array.isArray(range)) break
      offset = Number(range[0])
    } else break
  }
  return offset
}

const parse = (name: string, text: string): FileContent => {
  const lines = new LineCounter()
  // Without pretty errors: they quote the line, which may hold a key.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => `${name}:${lines.linePos(offset).line}`
  const broken = [...document.errors, ...document.warnings]
  if (broken.length > 0) {
    const faults = broken.map(({ pos, code }) => ({
      place: '',
      source: at(pos[0]),
      message: `is not well-formed YAML (${code.toLowerCase().replaceAll('_', ' ')}).`,
      fix: 'Correct the line; texts with special characters go in quotes.',
    }))
    return nothing(name, faults)
  }
  const tree: unknown = document.contents === null ? {} : document.toJS()
  if (!isMap(document.contents) && document.contents !== null) {
    return nothing(name, [
      {
        place: '',
        source: `${name}:1`,
        message: 'is not a list of keys and values.',
        fix: 'Write lines such as `issuer: https://id.example.org`.',
      },
    ])
  }
  return {
    name,
    tree: tree as Record<string, unknown>,
    faults: [],
    sourceOf: (path) => {
      const offset = offsetOf(document, path)
      return offset === undefined ? name : at(offset)
    },
  }
}

/**
 * Reads the configuration file (YAML, so JSON as well).
 * @param asked the file that was named; without it `config/duepassi.yaml` is read if it exists
 */
export const readConfigFile = (asked: string | undefined, namedBy: string): FileContent => {
  if (asked === undefined && !existsSync(defaultFile)) return nothing()
  const name = asked ?? defaultFile
  try {
    return parse(name, readFileSync(name, 'utf8'))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    return nothing(name, [
      {
        place: '',
        source: name,
        message: `cannot be read (${code}).`,
        fix: `Correct ${namedBy}, or the permissions of the file.`,
      },
    ])
  }
}
