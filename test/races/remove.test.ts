import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type SqlDirectory, sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import { someCredential } from '../contracts/directory.ts'
import { type NodeProcess, startNodeProcess } from '../directory/processes/node-process.ts'
import { temporaryFolder } from '../support/machine.ts'
import { freshDatabase } from '../support/postgres.ts'

const databases = {
  'one SQLite file': async () => `sqlite:${join(await temporaryFolder(), 'duepassi.db')}`,
  PostgreSQL: freshDatabase,
}

for (const [name, fresh] of Object.entries(databases)) {
  describe(`Two processes that remove credentials on ${name}`, () => {
    let url: string
    let directory: SqlDirectory
    let nodes: NodeProcess[]

    before(async function () {
      this.timeout(180_000)
      url = await fresh()
      directory = await sqlDirectory({ url })
      await directory.migrate()
      nodes = await Promise.all([startNodeProcess(), startNodeProcess()])
    })

    after(async () => {
      await directory.close()
      await Promise.all(nodes.map((node) => node.end()))
    })

    it('leave one of two, though each removes the one that the other counts on', async function () {
      this.timeout(30_000)
      const ones = Array.from({ length: 20 }, () => someCredential())
      const others = ones.map(({ accountId }) => someCredential({ accountId }))
      for (const credential of [...ones, ...others]) await directory.addCredential(credential)
      const [first, second] = await Promise.all(
        [ones, others].map((credentials, index) => nodes[index]?.run({ verb: 'remove', url, credentials })),
      )
      for (const [index, { accountId }] of ones.entries()) {
        const removed = [first?.removed?.[index], second?.removed?.[index]]
        assert.deepEqual(removed.toSorted(), [0, 1])
        assert.deepEqual((await directory.standing(accountId)).factors, ['totp'])
      }
    })
  })
}
