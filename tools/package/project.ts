import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'

/** Of these somebody who uses the plugin installs what they need, in our versions. */
const beside = ['oidc-provider', '@types/node']

/** An empty folder with the packed package and oidc-provider installed; answers its path. */
export const installInEmptyProject = async (folder: string, tarball: string): Promise<string> => {
  const project = join(folder, 'project')
  await mkdir(project)
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ name: 'somebody', private: true, type: 'module' }),
  )
  const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const { devDependencies } = JSON.parse(manifest) as { devDependencies: Record<string, string> }
  const packages = beside.map((name) => `${name}@${devDependencies[name]}`)
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  await run('npm', ['install', ...options, tarball, ...packages], project)
  const help = await run(process.execPath, ['node_modules/.bin/duepassi', '--help'], project)
  if (!help.includes('account')) throw new Error('the command `duepassi` does not run from the package')
  return project
}
