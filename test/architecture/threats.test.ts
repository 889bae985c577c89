import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { root } from './sources.ts'

const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** `file › *title*`, as the table has it. */
const named = [
  ...read('docs/threats-push.md').matchAll(/`(test\/[\w/.-]+\.test\.ts)` › \*((?:\\\*|[^*])+)\*/g),
].map(([, file = '', title = '']) => ({ file, title: title.replaceAll('\\*', '*') }))

const threats = [
  'Bombing',
  'Blind approval',
  'Stolen unlocked phone',
  'Copied profile',
  'Rogue enrolment',
  'Forged push',
  'Lost delivery',
  'Address of the push service chosen by an attacker',
]

describe('the table of threats', () => {
  it('names the tests of every threat', () => {
    const rows = read('docs/threats-push.md')
      .split('\n')
      .filter((line) => line.startsWith('| '))
    for (const threat of threats)
      assert.ok(
        rows.some((row) => row.startsWith(`| **${threat}`)),
        threat,
      )
    const tests = rows.slice(1).filter((row) => !/`test\/[^`]+` › \*/.test(row))
    assert.deepEqual(tests, [], 'a row without a test')
    assert.equal(named.length, rows.length - 1)
  })

  it('names tests that there are', () => {
    const missing = named.filter(({ file, title }) => {
      if (!existsSync(new URL(file, root))) return true
      const text = read(file)
      return !["'", '`', '"'].some((quote) => text.includes(`it(${quote}${title}${quote}`))
    })
    assert.deepEqual(missing, [])
  })
})
