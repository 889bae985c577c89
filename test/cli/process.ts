import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Started {
  address: string
  /** Sends the signal and answers exit status and all log lines. */
  end(signal?: NodeJS.Signals): Promise<{ status: number | null; lines: Record<string, unknown>[] }>
}

const running = new Set<ChildProcess>()

/** Starts the provider as a process of its own, and waits until it listens. */
export const startProcess = async (
  entry: string,
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Started> => {
  const child = spawn(process.execPath, [entry], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const lines: Record<string, unknown>[] = []
  const exited = once(child, 'exit')
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text)
      lines.push(line)
      if (line.msg === 'listening') resolve(line.address)
    })
    exited.then(([status]) => reject(new Error(`ended with ${status}: ${stderr}`)), reject)
  })
  return {
    address,
    async end(signal = 'SIGTERM') {
      child.kill(signal)
      const [status] = await exited
      running.delete(child)
      return { status, lines }
    },
  }
}

export const killStarted = (): void => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
}
