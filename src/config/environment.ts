import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Fault } from './fault.ts'
import { type Key, rootKey, settableKeys, variableOf } from './key.ts'
import { nearest } from './nearest.ts'

export interface Override {
  key: Key
  variable: string
  value: unknown
}

const prefix = 'DUEPASSI_'
const fileSuffix = '_FILE'
/** Read by others: the file to load. */
const reserved = 'DUEPASSI_CONFIG'

const plain = (name: string): string => name.toLowerCase().replaceAll('_', '')

/** `__` goes one level down, `_` inside a name does not count: `POLICY__SECOND_FACTOR` → `policy.secondFactor`. */
const findKey = (name: string): Key | undefined => {
  let key: Key | undefined = rootKey
  for (const part of name.slice(prefix.length).split('__')) {
    if (key?.kind === 'list') return undefined
    key = key?.children.find((child) => plain(child.name) === plain(part))
  }
  return key
}

const unknownVariable = (name: string): Fault => {
  const meant = nearest(
    name,
    settableKeys().map((key) => variableOf(key.path)),
  )
  return {
    place: '',
    source: name,
    message: 'is not a variable of Duepassi.',
    fix: meant
      ? `Did you mean ${meant}? Otherwise remove it.`
      : 'Remove it, or see the reference in README.md.',
  }
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Throws when the text is neither JSON nor YAML. */
const readValue = (key: Key, text: string): unknown => {
  if (key.kind === 'text') return text
  const value: unknown = parse(text)
  if (key.kind === 'list') {
    if (Array.isArray(value)) return value
    // One entry needs no brackets, and a base64 key stays the text it is.
    return [isMap(value) ? value : text.trim()]
  }
  // What `duepassi keys generate` prints, section name and all, is accepted as the section's content.
  if (key.kind === 'section' && isMap(value) && Object.keys(value).length === 1 && isMap(value[key.name]))
    return value[key.name]
  return value
}

const fault = (key: Key, source: string, message: string, fix: string): Fault => ({
  place: key.path.join('.'),
  source,
  message,
  fix,
})

/** Reads every `DUEPASSI_…` variable; `<NAME>_FILE` names a file that holds the value (a Docker secret). */
export const readEnvironment = (env: NodeJS.ProcessEnv): { overrides: Override[]; faults: Fault[] } => {
  const overrides: Override[] = []
  const faults: Fault[] = []
  for (const [variable, given] of Object.entries(env).sort(([one], [other]) => one.localeCompare(other))) {
    // An empty variable counts as absent: compose files and shells pass them on that way.
    if (!variable.startsWith(prefix) || variable === reserved || !given) continue
    const direct = findKey(variable)
    const key =
      direct ?? (variable.endsWith(fileSuffix) ? findKey(variable.slice(0, -fileSuffix.length)) : undefined)
    if (!key) {
      faults.push(unknownVariable(variable))
      continue
    }
    const twin = overrides.find((other) => other.key === key)
    if (twin) {
      faults.push(fault(key, variable, `is set by ${twin.variable} as well.`, 'Keep one of the two.'))
      continue
    }
    let text = given
    if (!direct) {
      try {
        text = readFileSync(given, 'utf8').replace(/\r?\n$/, '')
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
        faults.push(
          fault(
            key,
            variable,
            `names a file that cannot be read (${code}).`,
            'Correct the path or the permissions.',
          ),
        )
        continue
      }
      if (text === '') {
        faults.push(fault(key, variable, 'names an empty file.', 'Write the value into it.'))
        continue
      }
    }
    try {
      overrides.push({ key, variable, value: readValue(key, text) })
    } catch {
      faults.push(
        fault(
          key,
          variable,
          'holds neither JSON nor YAML.',
          `Write the value of \`${key.path.join('.')}\` as JSON.`,
        ),
      )
    }
  }
  // Sections first, so that a single key overrides what a whole section set.
  return { overrides: overrides.sort((one, other) => one.key.path.length - other.key.path.length), faults }
}
