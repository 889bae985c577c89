/**
 * Checks the package as somebody else gets it, for `npm run check`: packs it, looks at what is in it, installs it into an
 * empty project together with oidc-provider, signs in at the server of the README, and compiles against its types.
 * Needs `npm run build` before, and the registry.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installInEmptyProject } from './package/project.ts'
import { signInAtReadmeServer } from './package/sign-in.ts'
import { checkTarball, pack } from './package/tarball.ts'
import { checkTypes } from './package/types.ts'

const folder = await mkdtemp(join(tmpdir(), 'duepassi-package-'))
const began = performance.now()
try {
  const tarball = await pack(folder)
  await checkTarball(tarball)
  const project = await installInEmptyProject(folder, tarball.file)
  await signInAtReadmeServer(project)
  await checkTypes(project)
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(
    `The package is fine: ${tarball.paths.length} files, ${Math.round(tarball.bytes / 1024)} kB, ${seconds} s.`,
  )
} catch (error) {
  console.error(error instanceof Error ? `The package is not fine: ${error.message}` : error)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
