import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { filesOf, root } from './sources.ts'

const vague = /^(utils?|utilities|helpers?|commons?|shared|services?|managers?|misc)$/
const isVague = (name: string): boolean => name.split(/[-.]/).some((word) => vague.test(word))

const mostLines = 400

describe('the layout', () => {
  it('has a README.md in every folder of src/', () => {
    const folders = new Set(['.', ...filesOf('src').map((file) => dirname(file))])
    for (const folder of folders) {
      const parents = folder.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))
      for (const parent of parents) folders.add(parent)
    }
    const without = [...folders].filter((folder) => !existsSync(new URL(`src/${folder}/README.md`, root)))
    assert.deepEqual(without, [])
  })

  it('names nothing after what it could be anything of', () => {
    assert.ok(['helpers', 'string-utils.ts', 'misc.ts', 'user-service.ts'].every(isVague))
    const names = ['src', 'test', 'demo', 'bench', 'tools', 'views'].flatMap((folder) =>
      filesOf(folder).map((file) => `${folder}/${file}`),
    )
    assert.deepEqual(
      names.filter((name) => name.split('/').some(isVague)),
      [],
    )
  })

  it('has no file that wants splitting', () => {
    const long = ['src', 'test', 'views'].flatMap((folder) =>
      filesOf(folder)
        .map((file) => ({
          name: `${folder}/${file}`,
          text: readFileSync(new URL(`${folder}/${file}`, root), 'utf8'),
        }))
        .map(({ name, text }) => ({ name, lines: text.split('\n').length - 1 }))
        .filter(({ lines }) => lines > mostLines)
        .map(({ name, lines }) => `${name}: ${lines} lines`),
    )
    assert.deepEqual(long, [])
  })
})
