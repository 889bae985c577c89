/** The value below which `share` of the values lie, between neighbours by proportion. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position % 1)
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

export interface Summary {
  min: number
  p25: number
  median: number
  p75: number
}

export const summarize = (values: readonly number[]): Summary => ({
  min: Math.min(...values),
  p25: quantile(values, 0.25),
  median: median(values),
  p75: quantile(values, 0.75),
})
