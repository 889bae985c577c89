import { drawFrom } from './draw.ts'
import { takeStep } from './steps.ts'
import type { RunPolicy } from './what-is-demanded.ts'
import { anyClient } from './whatever.ts'
import { newWorld, type World } from './world.ts'

/** Steps of one world; then another one begins, so that stories stay short. */
export const stepsOfWorld = 400

export interface Broken {
  error: unknown
  story: readonly string[]
  /** The step at which it broke. */
  at: number
}

const fresh = (policy: RunPolicy, seed: number): Promise<World> => {
  const draw = drawFrom(seed, 0xc1)
  const clients = [
    { clientId: 'plain' },
    ...['bank', 'wiki', 'mail'].map((id) => anyClient(id, policy, draw)),
  ]
  return newWorld(policy, { clients, people: 3 }, seed)
}

/** Takes the named steps of a world, each with a chance of its own, so that any of them can be left out. */
export const walk = async (
  policy: RunPolicy,
  seed: number,
  steps: readonly number[],
  counts: Map<string, number>,
): Promise<Broken | undefined> => {
  const world = await fresh(policy, seed)
  world.counts = counts
  try {
    for (const step of steps) {
      try {
        await takeStep(world, drawFrom(seed, step))
      } catch (error) {
        return { error, story: [...world.story, `and now: ${world.doing}`], at: step }
      }
    }
    return undefined
  } finally {
    await world.close()
  }
}

/** The same with as few steps as break it still: by halves, quarters, and so on (delta debugging). */
export const shorten = async (
  policy: RunPolicy,
  seed: number,
  broken: Broken,
  tries = 400,
): Promise<{ steps: number[]; broken: Broken }> => {
  let steps = Array.from({ length: broken.at + 1 }, (_, index) => index)
  let shortest = broken
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < steps.length && tries > 0; tries--) {
      const fewer = [...steps.slice(0, from), ...steps.slice(from + size)]
      const still = fewer.length > 0 ? await walk(policy, seed, fewer, new Map()) : undefined
      const isSame = still && String(still.error).slice(0, 40) === String(broken.error).slice(0, 40)
      if (isSame) {
        steps = fewer.slice(0, fewer.indexOf(still.at) + 1)
        shortest = still
      } else from += size
    }
  }
  return { steps, broken: shortest }
}
