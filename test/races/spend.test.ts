import assert from 'node:assert/strict'
import { join } from 'node:path'
import { sqlDirectory } from '../../src/directory/sql/sql-directory.ts'
import { someCredential } from '../contracts/directory.ts'
import { type NodeProcess, startNodeProcess } from '../directory/processes/node-process.ts'
import { temporaryFolder } from '../support/machine.ts'
import { freshDatabase } from '../support/postgres.ts'

const databases = {
  'one SQLite file': async () => `sqlite:${join(await temporaryFolder(), 'duepassi.db')}`,
  PostgreSQL: freshDatabase,
}

for (const [name, fresh] of Object.entries(databases)) {
  describe(`Two processes on ${name}`, () => {
    let url: string
    let nodes: NodeProcess[]

    before(async function () {
      this.timeout(180_000)
      url = await fresh()
      const directory = await sqlDirectory({ url })
      await directory.migrate()
      await directory.close()
      nodes = await Promise.all([startNodeProcess(), startNodeProcess()])
    })

    after(() => Promise.all(nodes.map((node) => node.end())))

    it('accept one code once, though 50 present it', async () => {
      const credential = someCredential({ counter: 41 })
      const directory = await sqlDirectory({ url })
      await directory.addCredential(credential)
      const answers = await Promise.all(
        nodes.map((node) =>
          node.run({ verb: 'spend', url, credentialId: credential.id, expected: 41, times: 25 }),
        ),
      )
      assert.equal(
        answers.reduce((sum, { won = 0 }) => sum + won, 0),
        1,
      )
      assert.equal((await directory.credentials(credential.accountId))[0]?.counter, 42)
      await directory.close()
    })

    it('count 50 attempts as 50', async () => {
      const { accountId } = someCredential()
      const answers = await Promise.all(
        nodes.map((node) => node.run({ verb: 'count', url, accountId, times: 25 })),
      )
      const starts = answers.flatMap((answer) => answer.starts ?? []).toSorted((a, b) => a - b)
      assert.deepEqual(
        starts,
        Array.from({ length: 50 }, (_, index) => index),
      )
      const directory = await sqlDirectory({ url })
      const { before } = await directory.changeAttempts(accountId, 'totp', (state) => state)
      assert.equal(before.failures, 50)
      await directory.close()
    })
  })
}
