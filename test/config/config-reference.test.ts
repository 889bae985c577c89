import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { settableKeys, variableOf } from '../../src/config/key.ts'
import { loadConfig } from '../../src/config/load.ts'
import { exampleFile, referenceTable, withTable } from '../../tools/config-reference.ts'
import { soundTree } from './sample.ts'

describe('reference of the configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-reference-'))
  after(() => rmSync(folder, { recursive: true }))
  const load = (text: string, env: NodeJS.ProcessEnv = {}) => {
    const file = join(folder, 'duepassi.yaml')
    writeFileSync(file, text)
    return loadConfig({ file, env })
  }

  it('is written into config/duepassi.example.yaml', () => {
    const written = readFileSync(new URL('../../config/duepassi.example.yaml', import.meta.url), 'utf8')
    assert.equal(written, exampleFile(), 'stale: run `node tools/config-reference.ts --write`')
  })

  it('makes an example that lacks nothing but the keys', () => {
    const bare = load(exampleFile())
    assert.ok('faults' in bare)
    assert.deepEqual(
      bare.faults.map(({ place }) => place),
      ['keys.sealing'],
    )
    const secrets = join(folder, 'keys.yaml')
    writeFileSync(secrets, stringify({ keys: soundTree().keys }))
    const loaded = load(exampleFile(), { DUEPASSI_KEYS_FILE: secrets })
    assert.ok('config' in loaded, JSON.stringify(loaded))
    // Every value shown is the default, but for what production needs.
    assert.deepEqual(loaded, load(stringify({ ...soundTree(), keys: loaded.config.keys })))
  })

  it('says of every key what it means', () => {
    const table = referenceTable()
    for (const key of settableKeys()) {
      if (key.kind === 'section') continue
      assert.ok(key.description.length > 5, `${key.path.join('.')} lacks a description`)
      assert.ok(
        table.includes(`| \`${key.path.join('.')}\` | \`${variableOf(key.path)}\` |`),
        key.path.join('.'),
      )
    }
  })

  it('goes between the marks of the page, and nowhere else', () => {
    const readme = 'before\n<!-- config:begin -->\nstale row\n<!-- config:end -->\nafter\n'
    const fresh = withTable(readme)
    assert.ok(fresh)
    assert.ok(fresh.startsWith('before\n<!-- config:begin -->\n|'))
    assert.ok(fresh.endsWith('|\n<!-- config:end -->\nafter\n'))
    assert.doesNotMatch(fresh, /stale row/)
    assert.equal(withTable(fresh), fresh)
    assert.equal(withTable('no marks'), undefined)
  })
})
