import type { z } from 'zod'
import { type Fault, type KeyPath, placeOf } from './fault.ts'
import { type Key, keyAt, variableOf } from './key.ts'
import { nearest } from './nearest.ts'

const valueAt = (tree: unknown, path: KeyPath): unknown =>
  path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    tree,
  )

const nouns: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section with keys of its own',
  null: 'null',
}

const formats: Record<string, string> = { url: 'a URL', email: 'an e-mail address', base64: 'base64' }

const bound = (issue: { origin: string }, limit: string): string => {
  if (issue.origin === 'string') return `must have ${limit} characters`
  return issue.origin === 'array' ? `must have ${limit} entries` : `must be ${limit}`
}

/** zod's own sentences begin so; ours say more. */
const isOwnMessage = (message: string): boolean => !/^(Invalid|Too )/.test(message)

const messageOf = (issue: z.core.$ZodIssue, value: unknown): string => {
  if (isOwnMessage(issue.message) && issue.code !== 'unrecognized_keys') return issue.message
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? 'is missing' : `must be ${nouns[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.map((allowed) => `\`${String(allowed)}\``).join(', ')}`
    case 'too_small':
      if (issue.minimum === 1 && issue.origin !== 'number') return 'must not be empty'
      return bound(issue, `at least ${issue.minimum}`)
    case 'too_big':
      return bound(issue, `at most ${issue.maximum}`)
    case 'invalid_format':
      return `must be ${formats[issue.format] ?? 'in another format'}`
    case 'unrecognized_keys':
      return 'is not a key'
    default:
      return 'is not valid'
  }
}

const fixOf = (key: Key | undefined, path: KeyPath, missing: boolean): string => {
  if (path[0] === 'keys') return '`duepassi keys generate` prints a new set.'
  if (!key) return 'Correct it; see the reference in README.md.'
  if (missing) {
    const variable = path.every((part) => typeof part === 'string')
      ? `, or the variable ${variableOf(key.path)}`
      : ''
    return `Set it in the file${variable}. ${key.description}`.trimEnd()
  }
  const fallback =
    key.default === undefined || key.kind === 'section'
      ? ''
      : ` Without it: \`${JSON.stringify(key.default)}\`.`
  return `${key.description || 'Correct it.'}${fallback}`
}

/** A zod issue as a fault: in our words, without the value. `path` names the key (for unknown ones: itself). */
export const describeIssue = (issue: z.core.$ZodIssue, path: KeyPath, tree: unknown): Fault => {
  const value = valueAt(tree, path)
  const place = placeOf(path)
  const message = `${messageOf(issue, value)}.`
  if (issue.code === 'unrecognized_keys') {
    const known = keyAt(path.slice(0, -1))?.children.map((child) => child.name) ?? []
    const meant = nearest(String(path.at(-1)), known)
    return {
      place,
      message,
      fix: meant
        ? `Did you mean \`${meant}\`?`
        : `Remove it; known here: ${known.map((name) => `\`${name}\``).join(', ')}.`,
    }
  }
  return { place, message, fix: fixOf(keyAt(path), path, value === undefined) }
}
