import assert from 'node:assert/strict'
import { openTerminal } from './terminal.ts'

describe('duepassi client add --second-factor-max-age', () => {
  let terminal: ReturnType<typeof openTerminal>
  beforeEach(() => {
    terminal = openTerminal()
  })
  afterEach(() => terminal.close())
  const add = (age: string) =>
    terminal.run([
      ...['client', 'add', '--id', 'shop', '--name', 'Shop', '--redirect-uri', 'https://shop.example.org/cb'],
      ...['--second-factor-max-age', age],
    ])

  it('keeps a number of seconds', async () => {
    assert.equal((await add('900')).status, 0)
    const client = await terminal.look((directory) => directory.clientById('shop'))
    assert.equal(client?.['second_factor_max_age'], 900)
  })

  it('refuses what is none', async () => {
    for (const age of ['0', '-1', '1.5', '5m', '', '99999999999']) {
      const { status, stderr } = await add(age)
      assert.equal(status, 1, age)
      assert.match(stderr, /whole number of seconds from 1/)
    }
    assert.equal(await terminal.look((directory) => directory.clientById('shop')), undefined)
  })
})
