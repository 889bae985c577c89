import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { endProgram, freePort, program, startProgram, temporaryFolder } from './machine.ts'

export interface Apache {
  origin: string
  /** What it has to complain of. */
  errors(): Promise<string>
  close(): Promise<void>
}

/** Beside mod_auth_openidc: what the pages of the tests need. */
const modules = [
  ...['mpm_event', 'authn_core', 'authz_core', 'authz_user'],
  ...['dir', 'mime', 'filter', 'include', 'proxy', 'proxy_http'],
]

/**
 * Debian's Apache with mod_auth_openidc, in the foreground, on a free port, beside the machine's own if it has one.
 *
 * @param pages by their path, such as `secure/index.shtml`
 * @param settings what follows in the configuration; gets the origin
 */
export const startApache = async (
  pages: Record<string, string>,
  settings: (origin: string) => string,
): Promise<Apache> => {
  const apache = await program('apache2')
  const module = await program('mod_auth_openidc.so')
  const folder = await temporaryFolder()
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const log = join(folder, 'error.log')
  // Apache refuses to work as root: its children are nobody, who has to read the pages.
  const asNobody = process.getuid?.() === 0 ? 'User #65534\nGroup #65534' : ''
  await chmod(folder, 0o755)
  for (const [path, text] of Object.entries(pages)) {
    const file = join(folder, 'pages', path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  const load = modules.map((name) => `LoadModule ${name}_module ${dirname(module)}/mod_${name}.so`)
  const configuration = `
ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
ErrorLog ${log}
LogLevel warn auth_openidc:info
Listen 127.0.0.1:${port}
ServerName 127.0.0.1:${port}
${load.join('\n')}
LoadModule auth_openidc_module ${module}
${asNobody}
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
TypesConfig /dev/null
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
DirectoryIndex index.shtml
DocumentRoot ${folder}/pages
<Directory ${folder}/pages>
  Options +Includes
  Require all granted
</Directory>
${settings(origin)}
`
  const file = join(folder, 'apache.conf')
  await writeFile(file, configuration)
  const child = startProgram(apache, ['-f', file, '-D', 'FOREGROUND'], {
    env: { PATH: process.env.PATH, LANG: 'C' },
  })
  const errors = () => readFile(log, 'utf8').catch(() => '')
  for (let tries = 0; ; tries++) {
    const answers = await fetch(`${origin}/`).then(
      () => true,
      () => false,
    )
    if (answers) break
    if (child.exitCode !== null || tries > 100) assert.fail(`Apache does not start: ${await errors()}`)
    await delay(100)
  }
  return { origin, errors, close: () => endProgram(child) }
}
