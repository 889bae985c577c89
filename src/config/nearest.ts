/** Edits from one word to the other: insert, remove, replace, swap neighbours (Damerau, restricted). */
const distance = (a: string, b: string): number => {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)]
  const cell = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const replaced = cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(
        Math.min(
          cell(i - 1, j) + 1,
          cell(i, j - 1) + 1,
          replaced,
          swapped ? cell(i - 2, j - 2) + 1 : replaced,
        ),
      )
    }
  }
  return cell(a.length, b.length)
}

/** The known name that a mistyped one most likely meant; undefined when none is near. */
export const nearest = (typed: string, known: readonly string[]): string | undefined => {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, '')
  const ranked = known
    .map((name) => ({ name, far: distance(plain(typed), plain(name)) }))
    .sort((one, other) => one.far - other.far)
  const best = ranked[0]
  return best && best.far <= Math.max(1, Math.floor(typed.length / 3)) ? best.name : undefined
}
