import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GuardedFetch } from '../../src/outbound/guarded-fetch.ts'
import { openOutbound } from '../../src/provider/outbound.ts'

describe('openOutbound', () => {
  const server = createServer((_req, res) => res.end('here'))
  let port: number
  let outbound: GuardedFetch | undefined
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  after(() => server.close())
  afterEach(() => outbound?.close())

  const ask = (networks: string[], url: string) => {
    outbound = openOutbound({ outbound: { networks } })
    return outbound(url)
  }
  const refused = (networks: string[], url: string) =>
    assert.rejects(ask(networks, url), { name: 'OutboundRefused' }, url)

  it('reaches this machine where it is listed', async () => {
    for (const network of ['127.0.0.0/8', '127.0.0.1', '::ffff:127.0.0.1'])
      assert.equal((await ask([network], `http://127.0.0.1:${port}/`)).status, 200)
    // Which may be ::1 as well.
    assert.equal((await ask(['127.0.0.0/8', '::1'], `http://localhost:${port}/`)).status, 200)
  })

  it('reaches it not where others are', async () => {
    for (const networks of [[], ['10.0.0.0/8'], ['127.0.0.2'], ['::/0']])
      for (const url of [`http://127.0.0.1:${port}/`, `https://127.0.0.1:${port}/`, 'https://127.0.0.1/'])
        await refused(networks, url)
  })

  it('reaches nothing that is not listed, metadata least of all', async () => {
    for (const host of ['169.254.169.254', '[fe80::1]', '[fd00:ec2::254]', '[::1]', '0.0.0.0', '192.168.1.1'])
      for (const scheme of ['http', 'https'])
        await refused(['10.0.0.0/8', '127.0.0.0/8'], `${scheme}://${host}/`)
  })

  it('asks what is public as ever, though somebody listed it', async () => {
    for (const host of ['8.8.8.8', '[::ffff:8.8.8.8]', '[2606:4700::1111]', '[64:ff9b::808:808]'])
      for (const url of [`http://${host}/`, `https://${host}:8443/`])
        await refused(['0.0.0.0/0', '::/0'], url)
  })
})
