import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { onStop } from '../../support/machine.ts'
import type { Answer, Task } from './node-program.ts'

/** Another process of Duepassi's directory: node-program.ts. */
export interface NodeProcess {
  /** Rejects when the process ends instead of answering. */
  run(task: Task): Promise<Answer>
  end(): Promise<void>
}

/** Starts it and resolves when it is ready to work, so that the tasks of several begin at the same moment. */
export async function startNodeProcess(): Promise<NodeProcess> {
  const child = fork(new URL('./node-program.ts', import.meta.url), { serialization: 'json' })
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the process ended with ${code}`)
  })
  gone.catch(() => {})
  const message = async (): Promise<unknown> => {
    const [content] = await Promise.race([once(child, 'message'), gone])
    return content
  }
  assert.equal(await message(), 'ready')
  const end = async () => {
    if (child.connected) child.disconnect()
    await gone.catch(() => {})
  }
  onStop(end)
  return {
    end,
    async run(task) {
      const answer = message()
      child.send(task)
      return (await answer) as Answer
    },
  }
}
