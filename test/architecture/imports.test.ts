import assert from 'node:assert/strict'
import * as rules from './rules.ts'
import { readSources, sourceOf } from './sources.ts'

/** The import rule of src/README.md, each with a breach that it must find. */
const held: ReadonlyArray<[rule: string, find: (typeof rules)['homeless'], breach: Record<string, string>]> =
  [
    ['gives every file a room with a place in the order', rules.homeless, { 'cellar/wine.ts': '' }],
    [
      'imports go down only',
      rules.upwardImports,
      { 'policy/policy.ts': "import type { X } from '../plugin/judge.ts'" },
    ],
    [
      'implementations are known to compose.ts and openers.ts alone',
      rules.leakedImplementations,
      { 'cli/serve.ts': "const { redisStore } = await import('../stores/redis/redis-store.ts')" },
    ],
    [
      'one factor never imports another',
      rules.factorsThatMeet,
      { 'factors/push/push.ts': "import { readCode } from '../totp/code.ts'" },
    ],
    [
      'packages are imported where they are wrapped, and nowhere else',
      rules.strayPackages,
      { 'interaction/login.ts': "import { Redis } from 'ioredis'" },
    ],
    [
      'oidc-provider is imported deeply by plugin/internals.ts alone',
      rules.strayPackages,
      { 'plugin/attach.ts': "import readInstance from 'oidc-provider/lib/helpers/weak_cache.js'" },
    ],
    ...[
      'const now = Date.now()',
      'const now = new Date()',
      'const now = new Date().getTime()',
      'const chance = Math.random()',
      'const began = performance.timeOrigin',
      'const bytes = randomBytes(16)',
      'const answer = await fetch(url)',
    ].map((code): (typeof held)[number] => [
      `time, chance and network come in as parameters: ${code}`,
      rules.forbiddenSources,
      { 'policy/x.ts': code },
    ]),
    [
      'no file needs itself to be loaded',
      rules.cyclesOfFiles,
      {
        'policy/a.ts': "import { b } from './b.ts'",
        'policy/b.ts': "import { c } from './c.ts'",
        'policy/c.ts': "export * from './a.ts'",
      },
    ],
    [
      'no two rooms know one another',
      rules.cyclesOfRooms,
      {
        'http/a.ts': "import type { B } from '../provider/b.ts'",
        'provider/b.ts': "import type { A } from '../http/c.ts'",
      },
    ],
  ]

const sources = readSources()

describe('the import rule', () => {
  for (const [rule, find, breach] of held) {
    it(rule, () => {
      const broken = Object.entries(breach).map(([file, text]) => sourceOf(file, text))
      assert.notDeepEqual(find(broken), [], 'the rule finds a breach')
      assert.deepEqual(find(sources), [])
    })
  }

  it('sees every way of importing', () => {
    const text = [
      "import a from './a.ts'",
      "import type { B } from './b.ts'",
      "import {\n  c,\n  type C,\n} from './c.ts'",
      "export { d } from './d.ts'",
      "export type { E } from './e.ts'",
      "export * from './f.ts'",
      "import './g.ts'",
      "const h = async () => import('./h.ts')",
      "type I = Pick<typeof import('./i.ts'), 'i'>",
      "import j from 'j/lib'",
      "// import k from './k.ts'",
      "/**\n * import l from './l.ts'\n */",
    ].join('\n')
    const { imports } = sourceOf('policy/x.ts', text)
    const byTarget = imports.map(({ target, typeOnly }) => [target, typeOnly]).sort()
    assert.deepEqual(byTarget, [
      ['j/lib', false],
      ...['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) => [
        `policy/${name}.ts`,
        'bei'.includes(name),
      ]),
    ])
  })

  it('reads what is there', () => {
    const { imports } = sources.find(({ file }) => file === 'compose.ts') ?? assert.fail('no compose.ts')
    assert.ok(sources.length > 100)
    assert.ok(imports.some(({ target }) => target === 'stores/redis/redis-store.ts'))
    const targets = new Set(sources.map(({ file }) => file))
    for (const source of sources)
      for (const { target } of source.imports)
        if (target.endsWith('.ts')) assert.ok(targets.has(target), `${source.file} imports ${target}`)
  })
})
