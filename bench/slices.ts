import type { OperationName, Operations } from './operations.ts'
import type { MeasuredServer } from './server.ts'

/** One thing that is measured in every round. */
export interface Contender {
  /** Unique. */
  label: string
  server: MeasuredServer
  operations: Operations
  operation: OperationName
  milliseconds: number
  /** Times the warm-up of others, for a server that does one operation beside one that does several; absent: 1. */
  warmth?: number
}

/** Per contender, one entry a round. */
export interface Series {
  /** Milliseconds of CPU per operation. */
  cpu: number[]
  /** Operations per second of wall time: a lower bound on a shared machine. */
  rate: number[]
}

const measure = async ({ server, operations, operation, milliseconds }: Contender) => {
  await operations.prepare(operation)
  const started = performance.now()
  const before = await server.cpu()
  const { done, verify } = await operations.repeat(operation, milliseconds)
  const cpu = (await server.cpu()) - before
  const seconds = (performance.now() - started) / 1000
  await verify()
  return { cpu: cpu / done, rate: done / seconds }
}

/**
 * Interleaved slices: every round measures every contender once, every other round in reverse order, so that what the
 * machine does meanwhile falls on all alike and neighbours can be compared round by round.
 */
export const runRounds = async (
  contenders: readonly Contender[],
  rounds: number,
  between: (round: number) => Promise<void>,
): Promise<Map<string, Series>> => {
  const series = new Map<string, Series>(contenders.map(({ label }) => [label, { cpu: [], rate: [] }]))
  for (let round = 0; round < rounds; round++) {
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const { cpu, rate } = await measure(contender)
      series.get(contender.label)?.cpu.push(cpu)
      series.get(contender.label)?.rate.push(rate)
    }
    await between(round)
  }
  return series
}

/**
 * Lets the compilers see every path before anything counts: each server does each operation so often, however long it
 * takes, up to a limit. Counting time instead would warm up most whoever is fastest, and twice whoever is measured twice.
 */
export const warmUp = async (
  contenders: readonly Contender[],
  plan: { operations: number; milliseconds: number },
): Promise<void> => {
  const warm = new Map<Operations, Set<OperationName>>()
  for (const { operations, operation, warmth = 1 } of contenders) {
    const done = warm.get(operations) ?? new Set()
    if (done.has(operation)) continue
    warm.set(operations, done.add(operation))
    const until = performance.now() + plan.milliseconds * warmth
    for (let count = 0; count < plan.operations * warmth && performance.now() < until; ) {
      await operations.prepare(operation)
      const slice = await operations.repeat(operation, 200)
      await slice.verify()
      count += slice.done
    }
  }
}

/** Ratios of two series, round by round. */
export const ratios = (measured: readonly number[], reference: readonly number[]): number[] =>
  measured.map((value, round) => value / (reference[round] ?? Number.NaN))
