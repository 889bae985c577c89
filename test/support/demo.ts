import { type ChildProcess, spawn } from 'node:child_process'
import { type Browser, chromium } from 'playwright-core'
import { freePort, program, temporaryFolder } from './machine.ts'

export const root = new URL('../../', import.meta.url).pathname

export interface Demo {
  provider: string
  relyingParty: string
  inbox: string
  folder: string
  stop(): Promise<void>
}

/** The demo as a person starts it: its own process, in a folder of its own, on free ports. */
export const startDemo = async (): Promise<Demo> => {
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()]
  const folder = await temporaryFolder()
  const names = ['--port', '--rp-port', '--inbox-port', '--vault-port']
  const options = names.flatMap((name, index) => [name, `${ports[index]}`])
  const demo: ChildProcess = spawn(process.execPath, ['demo/main.ts', '--folder', folder, ...options], {
    cwd: root,
  })
  await new Promise<void>((resolve, reject) => {
    demo.stdout?.on('data', (text) => String(text).includes('is running') && resolve())
    demo.stderr?.on('data', (text) => reject(new Error(String(text))))
  })
  const [provider, relyingParty, inbox] = ports.map((port) => `http://localhost:${port}`) as [
    string,
    string,
    string,
  ]
  return {
    provider,
    relyingParty,
    inbox,
    folder,
    async stop() {
      demo.kill('SIGTERM')
      await new Promise((resolve) => (demo.exitCode === null ? demo.once('exit', resolve) : resolve(0)))
    },
  }
}

export const launchChromium = async (): Promise<Browser> =>
  chromium.launch({
    executablePath: await program('chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
