import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../.ci/run', import.meta.url))

describe('.ci/run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-ci-'))
  after(() => rmSync(folder, { recursive: true }))

  /** Runs it with an npm that does as told. */
  const run = ({ ci = 'true', test = 'true', check = 'true' }) => {
    const npm = join(folder, 'npm')
    writeFileSync(
      npm,
      `#!/bin/bash\ncase "$*" in\nci) ${ci} ;;\ntest) ${test} ;;\n"run check") ${check} ;;\n*) exit 99 ;;\nesac\n`,
    )
    chmodSync(npm, 0o755)
    const { status, stdout } = spawnSync(script, {
      env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
      encoding: 'utf8',
    })
    return { status, last: stdout.trimEnd().split('\n').at(-1) }
  }
  const spec = (passing: number, failing = 0) =>
    `printf '\\n  \\033[92m%s\\033[0m %s (3s)\\n' ${passing} passing; ${failing ? `echo '  ${failing} failing';` : ''}`

  it('ends with the counts and 0 when all passes', () => {
    assert.deepEqual(run({ test: spec(12) }), { status: 0, last: 'tests: 12 passed, 0 failed' })
  })
  it('sums several runs of mocha', () => {
    assert.deepEqual(run({ test: spec(12) + spec(3) }), { status: 0, last: 'tests: 15 passed, 0 failed' })
  })
  it('keeps the exit status of failing tests', () => {
    assert.deepEqual(run({ test: `${spec(10, 2)} exit 2` }), {
      status: 2,
      last: 'tests: 10 passed, 2 failed',
    })
  })
  it('fails when the check fails', () => {
    assert.deepEqual(run({ test: spec(1), check: 'exit 3' }), {
      status: 3,
      last: 'tests: 1 passed, 0 failed',
    })
  })
  it('fails when no test ran', () => assert.equal(run({ test: 'true' }).status, 1))
  it('fails when npm ci fails', () => assert.equal(run({ ci: 'exit 4', test: spec(1) }).status, 4))
})
