import type { z } from 'zod'
import { readEnvironment } from './environment.ts'
import { type Fault, type KeyPath, placeOf } from './fault.ts'
import { readConfigFile } from './file.ts'
import { describeIssue } from './issue.ts'
import { withPreset } from './preset.ts'
import { brokenRules } from './rules.ts'
import { type Config, schema } from './schema.ts'

export type Loaded = { config: Config } | { faults: Fault[] }

type Tree = Record<string | number, unknown>

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null

const setAt = (tree: Tree, path: KeyPath, value: unknown): void => {
  const [first, ...rest] = path
  if (first === undefined) return
  if (rest.length === 0) {
    tree[first] = value
    return
  }
  const below = tree[first]
  const section: Tree = isTree(below) ? below : {}
  tree[first] = section
  setAt(section, rest, value)
}

const getAt = (tree: Tree, path: KeyPath): unknown =>
  path.reduce<unknown>((below, part) => (isTree(below) ? below[part] : undefined), tree)

/** What lacks something that it must have goes as a whole. */
const removeAt = (tree: unknown, path: KeyPath): void => {
  const [first, ...rest] = path
  if (!isTree(tree) || first === undefined) return
  const below = tree[first]
  const [second] = rest
  if (isTree(below) && second !== undefined && second in below) removeAt(below, rest)
  else if (Array.isArray(tree)) tree.splice(Number(first), 1)
  else delete tree[first]
}

const faultyPaths = (issue: z.core.$ZodIssue): KeyPath[] => {
  const path = issue.path as KeyPath
  return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path]
}

/**
 * The configuration without what the schema refused, so that the rules can be asked about the rest in the same run.
 * Undefined when nothing sensible remains.
 */
const withoutFaulty = (tree: Tree): Config | undefined => {
  const rest = structuredClone(tree)
  for (let round = 0; round < 20; round++) {
    const parsed = schema.safeParse(rest)
    if (parsed.success) return parsed.data
    // Backwards, so that removing a list's entry does not move one that is still to be removed.
    const paths = new Map(parsed.error.issues.flatMap(faultyPaths).map((path) => [placeOf(path), path]))
    for (const path of [...paths.values()].toReversed()) {
      if (placeOf(path) === 'issuer') rest.issuer = 'https://issuer.invalid'
      else removeAt(rest, path)
    }
  }
  return undefined
}

/** The last fault of each place: zod reports the format first, and our own sentence after it. */
const lastOfEach = (faults: readonly Fault[]): Fault[] => [
  ...new Map(faults.map((fault) => [fault.place, fault])).values(),
]

/**
 * Reads file and environment (the environment wins), and checks all of it.
 * Answers the configuration, or every fault there is, never both.
 */
export const loadConfig = ({ file, env }: { file?: string | undefined; env: NodeJS.ProcessEnv }): Loaded => {
  const written = readConfigFile(
    file ?? (env.DUEPASSI_CONFIG || undefined),
    file ? '--config' : 'DUEPASSI_CONFIG',
  )
  const environment = readEnvironment(env)
  const tree: Tree = structuredClone(written.tree)
  for (const { key, value } of environment.overrides) {
    // A whole section stands beside what the file says of its other keys: secrets in one, settings in the other.
    const below = key.kind === 'section' ? getAt(tree, key.path) : undefined
    setAt(tree, key.path, isTree(below) && isTree(value) ? { ...below, ...value } : value)
  }

  const sourceOf = (path: KeyPath): string | undefined => {
    const setter = environment.overrides.findLast(({ key }) =>
      key.path.every((part, at) => part === path[at]),
    )
    return setter?.variable ?? written.sourceOf(path)
  }
  const withSource = (path: KeyPath, fault: Fault): Fault => {
    const source = sourceOf(path)
    return source === undefined ? fault : { ...fault, source }
  }

  const whole = withPreset(tree)
  const parsed = schema.safeParse(whole)
  const issues = parsed.success ? [] : parsed.error.issues
  const refused = lastOfEach(
    issues.flatMap((issue) =>
      faultyPaths(issue).map((path) => withSource(path, describeIssue(issue, path, whole))),
    ),
  )
  const usable = parsed.success ? parsed.data : withoutFaulty(whole)
  const places = [...refused, ...environment.faults].map(({ place }) => place).filter(Boolean)
  const breaches = usable ? brokenRules(usable, places) : []
  const unfit = breaches.map(({ path, ...breach }) => withSource(path, { place: placeOf(path), ...breach }))

  // A file that could not be read would only bring a complaint about every key it should have held.
  const faults = [
    ...written.faults,
    ...environment.faults,
    ...(written.faults.length > 0 ? [] : [...refused, ...unfit]),
  ]
  return parsed.success && faults.length === 0 ? { config: parsed.data } : { faults }
}
