import { z } from 'zod'
import type { KeyPath } from './fault.ts'
import { schema } from './schema.ts'

/**
 * What can be written for a key: `text` is taken literally from the environment, `value` (number, boolean, null) and
 * the others as JSON or YAML.
 */
type KeyKind = 'text' | 'value' | 'list' | 'section'

export interface Key {
  name: string
  path: readonly string[]
  kind: KeyKind
  description: string
  required: boolean
  /** JSON value, or undefined when there is no default. */
  default: unknown
  /** The closed list of values, if there is one. */
  allowed: readonly string[] | undefined
  /** The keys inside a section, or inside each entry of a list. */
  children: readonly Key[]
}

type Node = z.core.JSONSchema.BaseSchema

const kindOf = (node: Node): KeyKind => {
  // A record has names of the reader's own: it is written as one value.
  if (node.type === 'object') return node.properties ? 'section' : 'value'
  if (node.type === 'array') return 'list'
  return node.type === 'string' ? 'text' : 'value'
}

const asNode = (node: unknown): Node => (typeof node === 'object' && node !== null ? (node as Node) : {})

const readKey = (name: string, path: readonly string[], node: Node, required: boolean): Key => {
  const inner = node.type === 'array' ? asNode(node.items) : node
  return {
    name,
    path,
    kind: kindOf(node),
    description: node.description ?? '',
    required: required && node.default === undefined,
    default: node.default,
    allowed: node.enum?.map(String),
    children: Object.entries(inner.properties ?? {}).map(([child, below]) =>
      readKey(child, [...path, child], asNode(below), inner.required?.includes(child) ?? false),
    ),
  }
}

/** The schema as a tree of keys: what messages, the environment and the reference are made from. */
export const rootKey: Key = readKey(
  '',
  [],
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
  true,
)

/** The key at a path of a configuration; indexes of lists lead to the entry's keys. */
export const keyAt = (path: KeyPath): Key | undefined => {
  let key: Key | undefined = rootKey
  for (const part of path) {
    if (typeof part === 'string') key = key?.children.find((child) => child.name === part)
  }
  return key
}

const constantCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

/** `['policy', 'secondFactor']` → `DUEPASSI_POLICY__SECOND_FACTOR`. */
export const variableOf = (path: readonly string[]): string => `DUEPASSI_${path.map(constantCase).join('__')}`

/** Every key that a file or a variable can set, sections before what they hold; entries of lists are not keys. */
export const settableKeys = (from: Key = rootKey): Key[] =>
  from.kind === 'list' ? [] : from.children.flatMap((key) => [key, ...settableKeys(key)])
