import type { RingKey } from '../directory/directory.ts'
import { isOf, type Line, type Staged, stagesOf } from '../provider/keys/key-stages.ts'
import { isServedBy, keepOf, ringLines } from '../provider/keys/key-times.ts'
import { Refusal } from './io.ts'
import { type KeysParts, nameOf } from './keys-rotate.ts'

/** Withdraws a key that somebody else may know. Nodes that answer requests forget it within 30 seconds. */
export const retireKey = async (parts: KeysParts, kid: string): Promise<string> => {
  const { config, directory, clock, record } = parts
  if (isOfConfiguration(parts, kid))
    throw new Refusal('This key is in the configuration: remove it there, and start every node anew.')
  const staged = stagesOf(await directory.keys(), clock.now(), keepOf(config))
  const found = staged.find(({ key }) => key.kid === kid)
  if (!found) throw new Refusal(`There is no key ${kid}: see \`duepassi keys list\`.`)
  if (found.stage === 'gone') throw new Refusal('This key is gone already.')
  if (found.stage === 'signs') refuseTheOnlyOne(parts, found.key, staged)
  if (!(await directory.endKey(kid, endOf(found, clock.now()))))
    throw new Refusal('This key is gone already.')
  await record('key.retired', { reason: kid })
  return [
    `${nameOf(found.key)}: ${kid} is withdrawn. Duepassi refuses what it signed within 30 seconds.`,
    found.key.use === 'cookies'
      ? 'Whoever is signed in by a cookie of it has to sign in again.'
      : 'Applications that keep a copy of the published keys refuse it when they read them anew.',
  ].join('\n')
}

/**
 * So early that it is over by the clock of every node: ours may be hours ahead of theirs, and a stolen key would sign on. Not
 * before it began, as keys that it took over from count from there.
 */
const endOf = ({ key, stage }: Staged<RingKey>, now: number): number =>
  Math.min(now, Math.max(now - halfDay, stage === 'published' ? key.createdAt : key.signsFrom + 1))

const halfDay = 43_200_000

const isOfConfiguration = ({ config: { keys } }: KeysParts, kid: string): boolean =>
  [...(keys.signing ?? []), ...(keys.signers ?? [])].some((key) => key['kid'] === kid)

const refuseTheOnlyOne = ({ config }: KeysParts, line: RingKey, staged: readonly Staged[]): void => {
  const isUsed = ringLines(config).some((one: Line) => isOf(one)(line))
  const another = staged.some(({ key, stage }) => stage === 'kept' && isOf(line)(key))
  if (!isUsed || another || isServedBy(config)(line)) return
  const command = `duepassi keys rotate --use ${line.use}${line.use === 'signing' ? ` --alg ${line.alg}` : ''} --sooner`
  throw new Refusal(
    `It is the only key that signs (${nameOf(line)}). Make another with \`${command}\`, and withdraw this one a minute later.`,
  )
}
