import assert from 'node:assert/strict'
import type { SecondFactorDirectory } from '../../src/directory/directory.ts'

/** Two nodes on one database; where the database cannot have two (SQLite in memory), the same one twice. */
export type OpenNodes<Kind> = () => Promise<readonly [Kind, Kind]>

/** Opens the nodes before the tests of the block it is called in, and closes them after. */
export function openBefore<Kind extends SecondFactorDirectory>(
  open: OpenNodes<Kind>,
  take: (nodes: readonly [Kind, Kind]) => void,
): void {
  let opened: readonly Kind[] = []

  before(async function () {
    this.timeout(180_000)
    const nodes = await open()
    opened = nodes
    take(nodes)
  })

  after(async () => {
    for (const node of opened) await node.close()
  })
}

/** Runs `verb` 50 times at once, half of them on each node. */
export const fiftyTimes = <Result>(
  nodes: readonly Result[],
  verb: (node: Result, index: number) => Promise<unknown>,
) =>
  Promise.all(
    Array.from({ length: 50 }, (_, index) => {
      const node = nodes[index % 2]
      assert.ok(node)
      return verb(node, index)
    }),
  )
