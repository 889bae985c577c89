import assert from 'node:assert/strict'
import { openWithAnna, type Person } from './account-on-file.ts'

describe('duepassi account minimum', () => {
  let terminal: Awaited<ReturnType<typeof openWithAnna>>
  afterEach(() => terminal.close())
  const open = async (over: Record<string, unknown> = {}, person: Person = {}) => {
    terminal = await openWithAnna(over, person)
  }
  const minimum = (...more: string[]) => terminal.run(['account', 'minimum', 'anna', ...more])
  const stored = () => terminal.within(async (directory) => (await directory.accountById('anna-1'))?.minimum)

  it('sets it, shows it, and takes it back', async () => {
    await open()
    assert.equal((await minimum()).stdout, 'anna has no minimum of its own.\n')
    const set = await minimum('phr')
    assert.deepEqual([set.status, await stored()], [0, 'phr'])
    assert.match(set.stdout, /anna has to reach phr at least/)
    assert.equal((await minimum()).stdout, 'phr\n')
    assert.match((await terminal.run(['account', 'show', 'anna'])).stdout, /^minimum +phr$/m)
    assert.equal((await minimum('--none')).status, 0)
    assert.equal(await stored(), null)
    assert.match((await terminal.run(['account', 'show', 'anna'])).stdout, /^minimum +none of its own$/m)
  })

  const faults: Array<[why: RegExp, args: string[], over?: Record<string, unknown>]> = [
    [/no level "made-up"; there are .*phr/, ['made-up']],
    [/no level ""/, ['']],
    [/no level "phr"/, ['phr'], { policy: { ladder: 'spid' } }],
    [/Nobody could reach phrh/, ['phrh']],
    [/Nobody could reach phr /, ['phr'], { policy: { factors: { webauthn: 'forbid' } } }],
    [
      /Nobody could reach phr /,
      ['phr'],
      { policy: { groups: { staff: { factors: { webauthn: 'forbid' } } } } },
    ],
    [/not both/, ['phr', '--none']],
  ]
  for (const [why, args, over] of faults)
    it(`refuses ${args.join(' ') || 'nothing'} with ${JSON.stringify(over ?? {})}`, async () => {
      await open(over, { groups: ['staff'] })
      const { status, stderr } = await minimum(...args)
      assert.equal(status, 1)
      assert.match(stderr, why)
      assert.match(stderr, /^[^\n]+\n$/)
      assert.equal(await stored(), null)
    })

  it('is given at creation as well, and checked there', async () => {
    await open()
    const create = (name: string, acr: string) =>
      terminal.run(['account', 'create', name, '--password-stdin', '--minimum-acr', acr], {
        stdin: 'correct horse battery',
      })
    assert.equal((await create('bruno', 'phr')).status, 0)
    const bruno = await terminal.within((directory) => directory.accountByName('bruno'))
    assert.equal(bruno?.minimum, 'phr')
    const { status, stderr } = await create('carla', 'phrh')
    assert.equal(status, 1)
    assert.match(stderr, /Nobody could reach phrh/)
  })

  it('says when there is no such account', async () => {
    await open()
    const { status, stderr } = await terminal.run(['account', 'minimum', 'nobody', 'phr'])
    assert.equal(status, 1)
    assert.match(stderr, /no account "nobody"/)
  })
})
