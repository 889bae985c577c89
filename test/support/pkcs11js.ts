import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder } from './machine.ts'

const run = promisify(execFile)

/** The release that src/provider/keys/pkcs11-module.ts was written for. */
const release = 'pkcs11js@2.1.7'

let installed: Promise<void> | undefined

/**
 * The optional binding of PKCS#11, as its user would install it: it is compiled, for which `npm ci` asks no compiler. From
 * here on `import('pkcs11js')` finds it.
 */
export const installPkcs11js = (): Promise<void> => {
  installed ??= install()
  return installed
}

const install = async (): Promise<void> => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  // By the node that runs this: npm's own may be another.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  const args = ['install', '--no-audit', '--no-fund', '--no-save', release]
  await run('npm', args, { cwd: folder, env, maxBuffer: 16 * 1024 * 1024 }).catch((error: Error) => {
    throw new Error(`${release} cannot be compiled here (g++, make and python3 are needed): ${error.message}`)
  })
  const parentURL = pathToFileURL(join(folder, 'index.js')).href
  registerHooks({
    resolve: (name, context, next) => next(name, name === 'pkcs11js' ? { ...context, parentURL } : context),
  })
}
