import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Parts } from '../../src/cli/parts.ts'
import { openTerminal, servedHello, type Terminal } from './terminal.ts'

describe('duepassi serve', () => {
  let terminal: Terminal
  let closed = 0
  const composed: string[] = []
  const parts = {
    migrate: async () => {
      composed.push('migrated')
      return ['0001-x']
    },
    compose: async ({ issuer }: { issuer: string }) => {
      composed.push(issuer)
      const close = () => {
        closed += 1
      }
      return servedHello(close)
    },
  } as unknown as Partial<Parts>
  const open = (over: Record<string, unknown> = {}) =>
    openTerminal({ listen: { port: 0 }, metrics: { port: 0 }, ...over }, parts)
  beforeEach(() => {
    closed = 0
    composed.length = 0
  })
  afterEach(() => terminal.close())

  const serving = async (run: ReturnType<Terminal['start']>) => {
    const lines: Record<string, unknown>[] = []
    for (;;) {
      const [chunk] = await once(run.stdout, 'data')
      for (const text of String(chunk).trim().split('\n')) lines.push(JSON.parse(text))
      const line = lines.find(({ msg }) => msg === 'listening')
      if (line) return { address: String(line.address), metrics: String(line.metrics), lines }
    }
  }

  for (const signal of ['SIGTERM', 'SIGINT']) {
    it(`migrates, composes, listens, and on ${signal} drains and ends with 0`, async () => {
      terminal = open()
      const run = terminal.start(['serve'])
      const { address, metrics } = await serving(run)
      assert.deepEqual(composed, ['migrated', 'https://id.example.org'])
      assert.equal(await (await fetch(address)).text(), 'hello')
      assert.equal((await fetch(`${address}/health/ready`)).status, 200)
      assert.match(await (await fetch(`${metrics}/metrics`)).text(), /http_request_duration_seconds/)
      terminal.signals.emit(signal)
      assert.equal((await run.done).status, 0)
      assert.equal(closed, 1)
      await assert.rejects(fetch(address))
      assert.equal(terminal.signals.listenerCount('SIGTERM') + terminal.signals.listenerCount('SIGINT'), 0)
    })
  }

  it('does not start with faults, and prints them all', async () => {
    terminal = open({ issuer: 'http://x.example', polici: {} })
    const { status, stderr } = await terminal.run(['serve'])
    assert.equal(status, 1)
    assert.match(stderr, /2 faults/)
    assert.deepEqual(composed, [])
  })

  it('says in one line when the port is taken, and closes what it opened', async () => {
    terminal = open()
    const first = terminal.start(['serve'])
    const { address } = await serving(first)
    const second = openTerminal({ listen: { port: Number(new URL(address).port) } }, parts)
    const { status, stderr } = await second.run(['serve'])
    second.close()
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^Port \d+ on 127\.0\.0\.1 is taken: set `listen\.port` \(DUEPASSI_LISTEN__PORT\)[^\n]*\n$/,
    )
    assert.equal(closed, 1)
    terminal.signals.emit('SIGTERM')
    await first.done
  })

  it('answers `duepassi health`', async () => {
    terminal = open()
    const run = terminal.start(['serve'])
    const { address } = await serving(run)
    const asking = openTerminal({ listen: { port: Number(new URL(address).port) } }, parts)
    assert.equal((await asking.run(['health'])).status, 0)
    terminal.signals.emit('SIGTERM')
    await run.done
    const { status, stderr } = await asking.run(['health'])
    asking.close()
    assert.equal(status, 1)
    assert.match(stderr, /Nothing healthy answers/)
  })
})
