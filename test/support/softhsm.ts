import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { program, temporaryFolder } from './machine.ts'

const run = promisify(execFile)

/** Where Debian's package puts it. */
export const softhsmLibrary = '/usr/lib/softhsm/libsofthsm2.so'

export const pin = '4711-0815'

/**
 * A token of SoftHSM with three keys, by Debian's tools: `es` (P-256), `rs` (RSA 2048), and `twice`, which is there twice.
 * The library finds it by an environment variable, for this process too.
 */
export const startToken = async (label = 'duepassi'): Promise<{ label: string }> => {
  const [util, tool] = await Promise.all([program('softhsm2-util'), program('pkcs11-tool')])
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'tokens'))
  const file = join(folder, 'softhsm2.conf')
  await writeFile(file, `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`)
  process.env.SOFTHSM2_CONF = file
  await run(util, ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', '12345678'])
  const keys = [
    ['es', 'EC:prime256v1', '01'],
    ['rs', 'rsa:2048', '02'],
    ['twice', 'EC:prime256v1', '03'],
    ['twice', 'EC:prime256v1', '04'],
    ['wide', 'EC:secp384r1', '05'],
  ] as const
  const login = ['--module', softhsmLibrary, '--token-label', label, '--login', '--pin', pin]
  for (const [name, type, id] of keys)
    await run(tool, [...login, '--keypairgen', '--key-type', type, '--label', name, '--id', id])
  return { label }
}
