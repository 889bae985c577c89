import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { RingKey } from '../../src/directory/directory.ts'
import { freshSigningKey } from '../config/sample.ts'
import { openWithAnna } from './account-on-file.ts'
import type { Run } from './terminal.ts'

const minute = 60_000
const day = 86_400_000

describe('duepassi keys list, rotate and retire', () => {
  let terminal: Awaited<ReturnType<typeof openWithAnna>>
  afterEach(() => terminal.close())

  const open = async (keys: Record<string, unknown> = {}) => {
    terminal = await openWithAnna({ keys })
  }
  const keys = (...argv: string[]): Promise<Run> => terminal.run(['keys', ...argv])
  const rows = () => terminal.within((directory) => directory.keys())
  const add = (key: Partial<RingKey>) =>
    terminal.within((directory) =>
      directory.addKey({
        kid: 'k',
        use: 'signing',
        alg: 'ES256',
        generation: 1,
        material: '{}',
        createdAt: 1,
        signsFrom: 1,
        endsAt: null,
        ...key,
      }),
    )
  const listed = async (): Promise<Record<string, unknown>[]> =>
    JSON.parse((await keys('list', '--json')).stdout)
  const done = async (...argv: string[]): Promise<string> => {
    const { status, stdout, stderr } = await keys(...argv)
    assert.equal(status, 0, stderr)
    return stdout
  }
  const refused = async (message: RegExp, ...argv: string[]) => {
    const { status, stdout, stderr } = await keys(...argv)
    assert.equal(status, 1, stdout)
    assert.match(stderr, message)
    assert.doesNotMatch(stderr, /\n\s+at /)
  }
  /** These events are no account's. */
  const audit = (): string[] => {
    const database = new DatabaseSync(join(terminal.folder, 'duepassi.db'))
    const events = database.prepare('select type, reason from audit_event order by sequence').all()
    database.close()
    return events.map(({ type, reason }) => `${type} ${reason}`)
  }

  it('makes successors of tokens and cookies, published for a day before they sign', async () => {
    await open({ algorithms: ['ES256', 'RS256'] })
    const began = Date.now()
    const said = await done('rotate')
    const made = await rows()
    assert.deepEqual(made.map(({ use, alg, generation }) => `${use} ${alg} ${generation}`).toSorted(), [
      'cookies HS256 1',
      'signing ES256 1',
      'signing RS256 1',
    ])
    for (const key of made) {
      assert.ok(said.includes(`${key.kid} is published, and signs from`), key.kid)
      // ES256 and cookies are in the configuration and go on signing; nobody makes RS256 yet, so it signs at once.
      const wait = key.signsFrom - key.createdAt
      assert.equal(wait, key.alg === 'RS256' ? 0 : day)
      assert.ok(key.createdAt >= began)
    }
    assert.match(await done('rotate', '--use', 'cookies'), /is published already, and signs from/)
    assert.equal((await rows()).length, 3)
  })

  it('makes one that signs in a minute where there is haste, once', async () => {
    await open()
    await done('rotate', '--use', 'signing', '--alg', 'ES256')
    const said = await done('rotate', '--alg', 'ES256', '--sooner')
    assert.match(said, /is published, and signs from/)
    assert.match(await done('rotate', '--alg', 'ES256', '--sooner'), /is published already/)
    const [, hasty, more] = await rows()
    assert.equal(hasty?.generation, 2)
    assert.equal((hasty?.signsFrom ?? 0) - (hasty?.createdAt ?? 0), minute)
    assert.equal(more, undefined)
  })

  it('makes nothing that nobody would use', async () => {
    await open()
    await refused(/makes no such keys\. Its algorithms: ES256/, 'rotate', '--alg', 'RS256')
    await refused(/makes no such keys/, 'rotate', '--use', 'cookies', '--alg', 'ES256')
    assert.notEqual((await keys('rotate', '--use', 'sealing')).status, 0)
    assert.deepEqual(await rows(), [])
  })

  it('makes nothing where another machine signs', async () => {
    const { d: _, ...publicKey } = freshSigningKey()
    const signer = { kind: 'http', kid: 'hsm', alg: 'ES256', publicKey, url: 'https://kms.example.org/' }
    await open({ signers: [{ ...signer, secret: 'shared with the signer' }] })
    await refused(/Its algorithms: none/, 'rotate', '--alg', 'ES256')
    assert.deepEqual(
      (await listed()).map(({ kid, from, stage }) => [kid, from, stage]),
      [
        ['hsm', 'signer', 'signs'],
        ['k1', 'configuration', 'kept'],
        [null, 'configuration', 'signs'],
      ],
    )
  })

  it('of 50 at once makes one key', async function () {
    this.timeout(60_000)
    await open()
    const all = await Promise.all(
      Array.from({ length: 50 }, () => keys('rotate', '--use', 'signing', '--alg', 'ES256')),
    )
    for (const { status, stderr } of all) assert.equal(status, 0, stderr)
    assert.equal((await rows()).length, 1)
    assert.equal(all.filter(({ stdout }) => stdout.includes('is published, and')).length, 1)
    assert.equal(audit().length, 1)
  })

  it('lists every key with what it is for, and no secret', async () => {
    await open()
    const now = Date.now()
    await add({ kid: 'old', generation: 1, signsFrom: now - 40 * day, material: 'hidden' })
    await add({ kid: 'now', generation: 2, signsFrom: now - 10 * day, material: 'hidden' })
    await add({ kid: 'next', generation: 3, signsFrom: now + day, material: 'hidden' })
    await add({ kid: 'unused', alg: 'RS256', signsFrom: now - day })
    await add({ kid: 'pulled', generation: 4, signsFrom: now - day, endsAt: now - 5, material: 'hidden' })
    assert.deepEqual(
      (await listed()).map(({ kid, from, stage, generation }) => [kid, from, stage, generation]),
      [
        ['pulled', 'ring', 'gone', 4],
        ['next', 'ring', 'published', 3],
        ['now', 'ring', 'signs', 2],
        ['old', 'ring', 'kept', 1],
        ['unused', 'ring', 'kept', 1],
        ['k1', 'configuration', 'kept', undefined],
        [null, 'configuration', 'signs', undefined],
      ],
    )
    const said = await done('list')
    assert.match(said, /^now {2}tokens, ES256, made by Duepassi, signs$/m)
    assert.match(said, /^next .*published, does not sign yet, until \d{4}-/m)
    assert.match(said, /^k1 .*from the configuration, kept/m)
    assert.match(said, /^\(no name\) {2}cookies, from the configuration, signs$/m)
    assert.doesNotMatch(said + (await keys('list', '--json')).stdout, /hidden|"d"|material/)
  })

  it('says that there are none before the first start', async () => {
    await open({ signing: undefined, cookies: undefined })
    assert.match(await done('list'), /no keys yet/)
  })

  it('withdraws a key, for good', async () => {
    await open()
    const now = Date.now()
    await add({ kid: 'stolen', signsFrom: now - 5 })
    const said = await done('retire', 'stolen')
    assert.match(said, /stolen is withdrawn.*within 30 seconds/)
    const [row] = await rows()
    assert.equal(row?.endsAt, now - 4, 'after it began to sign')
    assert.deepEqual(audit(), ['key.retired stolen'])
    await refused(/gone already/, 'retire', 'stolen')
    await refused(/no key nobody/, 'retire', 'nobody')
    await refused(/in the configuration/, 'retire', 'k1')
    assert.equal(audit().length, 1)
  })

  it('withdraws a key by the clock of every node, were it hours behind', async () => {
    await open()
    const now = Date.now()
    const signsFrom = now - 40 * day
    await add({ kid: 'stolen', signsFrom, createdAt: signsFrom - day })
    await add({ kid: 'next', generation: 2, signsFrom: now + day, createdAt: now - 60 * minute })
    await done('retire', 'stolen')
    await done('retire', 'next')
    const [stolen, next] = await rows()
    assert.ok((stolen?.endsAt ?? now) < now - 600 * minute)
    assert.equal(next?.endsAt, now - 60 * minute)
  })

  it('does not withdraw the only one that signs, and says how to', async () => {
    await open({ signing: undefined, cookies: undefined, algorithms: ['ES256'] })
    const now = Date.now()
    await add({ kid: 'one', signsFrom: now - 40 * day })
    await add({ kid: 'cookie', use: 'cookies', alg: 'HS256', signsFrom: now - 40 * day })
    await add({ kid: 'rs', alg: 'RS256', signsFrom: now - 40 * day })
    await refused(/only key that signs .*keys rotate --use signing --alg ES256 --sooner/, 'retire', 'one')
    await refused(/only key that signs .*keys rotate --use cookies --sooner/, 'retire', 'cookie')
    await done('retire', 'rs')
    await add({ kid: 'two', generation: 2, signsFrom: now + minute })
    await refused(/only key that signs/, 'retire', 'one')
    await done('retire', 'two')
    await add({ kid: 'three', generation: 3, signsFrom: now - 1 })
    assert.match(await done('retire', 'one'), /withdrawn/)
    await refused(/only key that signs/, 'retire', 'three')
  })

  it('keeps no secret in the clear', async () => {
    await open({ algorithms: ['ES256'] })
    await done('rotate')
    const secrets = (await rows()).map(({ use, material }) =>
      use === 'cookies' ? material : String(JSON.parse(material).d),
    )
    assert.equal(secrets.length, 2)
    for (const name of readdirSync(terminal.folder).filter((file) => file.includes('.db')))
      for (const secret of secrets)
        assert.ok(!readFileSync(join(terminal.folder, name), 'latin1').includes(secret), name)
  })
})
