/** A process of its own that works on a directory: told by messages, so that several start at the same moment. */
import { migrate } from '../../../src/directory/sql/migrate.ts'
import { sqlDirectory } from '../../../src/directory/sql/sql-directory.ts'
import { failedOnce } from '../../contracts/directory.ts'

export type Task =
  | { verb: 'migrate'; url: string }
  /** Each `times` at once. */
  | { verb: 'spend'; url: string; credentialId: string; expected: number; times: number }
  /** Removes each of the credentials, at once, where another one of its account remains. */
  | { verb: 'remove'; url: string; credentials: { accountId: string; id: string }[] }
  | { verb: 'count'; url: string; accountId: string; times: number }

export interface Answer {
  ran?: string[]
  won?: number
  starts?: number[]
  /** How many credentials each removal took. */
  removed?: number[]
}

const atOnce = <Result>(times: number, verb: () => Promise<Result>) =>
  Promise.all(Array.from({ length: times }, verb))

async function work(task: Task): Promise<Answer> {
  if (task.verb === 'migrate') return { ran: await migrate(task.url) }
  const directory = await sqlDirectory({ url: task.url })
  try {
    if (task.verb === 'spend') {
      const { credentialId, expected, times } = task
      const results = await atOnce(times, () => directory.spend(credentialId, expected, expected + 1, 1))
      return { won: results.filter(Boolean).length }
    }
    if (task.verb === 'remove') {
      const removals = task.credentials.map(({ accountId, id }) =>
        directory.removeCredentials(accountId, [id], (left) => left.length > 0),
      )
      return { removed: await Promise.all(removals) }
    }
    const changes = await atOnce(task.times, () =>
      directory.changeAttempts(task.accountId, 'totp', failedOnce),
    )
    return { starts: changes.map(({ before }) => before.failures) }
  } finally {
    await directory.close()
  }
}

process.on('message', (task: Task) => {
  work(task).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.send?.('ready')
