/** What the bench asks a server process; each is answered with the same `id`. */
export interface Question {
  id: number
  ask: 'cpu' | 'memory'
}

/** `cpu`: milliseconds of all threads since the start. `memory`: resident bytes. */
export interface Reply {
  id: number
  value: number
}

/** Answers the bench about this process, and ends with it. */
export const answerBench = (): void => {
  process.on('message', ({ id, ask }: Question) => {
    const { user, system } = process.cpuUsage()
    const reply: Reply = { id, value: ask === 'cpu' ? (user + system) / 1000 : process.memoryUsage.rss() }
    process.send?.(reply)
  })
  process.once('disconnect', () => process.exit())
}
