import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const start = promisify(execFile)

/**
 * Runs a program to its end and answers its output.
 *
 * @throws Error with what the program said, when it fails.
 */
export const run = async (program: string, args: readonly string[], cwd: string): Promise<string> => {
  try {
    const { stdout } = await start(program, args, { cwd, maxBuffer: 1 << 26, timeout: 120_000 })
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    throw new Error(`${program} ${args[0]} failed:\n${`${stdout}${stderr}`.trim() || message}`)
  }
}
