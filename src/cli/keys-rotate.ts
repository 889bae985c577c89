import type { RecordEvent } from '../audit/trail.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { RandomBytes } from '../crypto/random.ts'
import type { Directory, RingKey } from '../directory/directory.ts'
import {
  isOf,
  type Line,
  shortestPublish,
  signerOf,
  stagesOf,
  successor,
} from '../provider/keys/key-stages.ts'
import { isServedBy, keepOf, ringLines, scheduleOf } from '../provider/keys/key-times.ts'
import { makeKey } from '../provider/keys/new-key.ts'
import { Refusal } from './io.ts'

export interface KeysParts {
  config: Config
  directory: Pick<Directory, 'keys' | 'addKey' | 'endKey'>
  record: RecordEvent
  clock: Clock
  random: RandomBytes
}

export interface Rotation {
  use?: RingKey['use']
  alg?: string
  /** After the minute that all nodes need to know a key. */
  sooner: boolean
}

/** A successor in each line that is named, or in all; where one waits already it is left at that. */
export const rotateKeys = async (parts: KeysParts, rotation: Rotation): Promise<string> => {
  const said: string[] = []
  for (const line of linesOf(parts.config, rotation)) said.push(await rotate(parts, line, rotation.sooner))
  return said.join('\n')
}

const linesOf = (config: Config, { use, alg }: Rotation): Line[] => {
  const all = ringLines(config)
  const named = all.filter(
    (line) =>
      (use === undefined || line.use === use) &&
      (alg === undefined || (line.use === 'signing' && line.alg === alg)),
  )
  if (named.length > 0) return named
  const algs = all.flatMap((line) => (line.use === 'signing' ? [line.alg] : []))
  throw new Refusal(
    `Duepassi makes no such keys. Its algorithms: ${algs.join(', ') || 'none'} (\`keys.algorithms\`).`,
  )
}

const rotate = async (parts: KeysParts, line: Line, sooner: boolean): Promise<string> => {
  const { config, directory, clock, random, record } = parts
  const keys = await directory.keys()
  const now = clock.now()
  const staged = stagesOf(keys, now, keepOf(config))
  const publish = sooner ? shortestPublish : Math.max(scheduleOf(config).publish, shortestPublish)
  const waiting = staged.find(({ key, stage }) => stage === 'published' && isOf(line)(key))
  if (waiting && waiting.key.signsFrom <= now + publish)
    return `${nameOf(line)}: ${waiting.key.kid} is published already, and signs from ${dateOf(waiting.key.signsFrom)}.`
  const signs = signerOf(staged, line) !== undefined || isServedBy(config)(line)
  const key = await makeKey(successor(keys, line, signs ? now + publish : now), now, random)
  if (!(await directory.addKey(key))) return `${nameOf(line)}: somebody else has just made a new key.`
  await record('key.published', { reason: key.kid })
  return `${nameOf(line)}: ${key.kid} is published, and signs from ${dateOf(key.signsFrom)}.`
}

export const nameOf = ({ use, alg }: Line): string => (use === 'cookies' ? 'cookies' : `tokens, ${alg}`)

export const dateOf = (time: number): string => new Date(time).toISOString()
