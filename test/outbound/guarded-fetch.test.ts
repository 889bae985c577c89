import { deepEqual, doesNotMatch, equal, match, ok, rejects } from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import {
  createGuardedFetch,
  type GuardedFetch,
  type GuardedFetchOptions,
} from '../../src/outbound/guarded-fetch.ts'
import { isPublicAddress } from '../../src/outbound/public-address.ts'
import { issueAuthority, issueCertificate } from '../support/certificates.ts'
import { freePort } from '../support/machine.ts'

const loopback = [{ address: '127.0.0.1', family: 4 }]

describe('createGuardedFetch', () => {
  const servers: Server[] = []
  const guards: GuardedFetch[] = []
  let requests: IncomingMessage[] = []
  let listener: RequestListener
  let port: number

  const listen = async (server: Server, address = '127.0.0.1', at = 0): Promise<number> => {
    await new Promise<void>((resolve, reject) => server.on('error', reject).listen(at, address, resolve))
    servers.push(server)
    return (server.address() as AddressInfo).port
  }
  const guard = (options: GuardedFetchOptions = {}): GuardedFetch => {
    const made = createGuardedFetch({ patience: 1_000, ...options })
    guards.push(made)
    return made
  }
  /** As it is for tests: this machine, over http. */
  const near = (options: GuardedFetchOptions = {}) =>
    guard({ allowPrivate: true, lookup: async () => loopback, ...options })

  before(async () => {
    port = await listen(
      createServer((req, res) => {
        requests.push(req)
        listener(req, res)
      }),
    )
  })
  beforeEach(() => {
    requests = []
    listener = (_req, res) => res.end('fine')
  })
  afterEach(async () => {
    await Promise.all(guards.splice(0).map((made) => made.close()))
  })
  after(() => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  it('sends what it is given, and answers a response', async () => {
    let body = ''
    listener = async (req, res) => {
      body = await text(req)
      res.writeHead(201, { location: '/there' }).end('made')
    }
    const answer = await near()(`http://push.example:${port}/a?b`, {
      method: 'POST',
      headers: new Headers({ 'x-mark': 'yes' }),
      body: new TextEncoder().encode('Ciao'),
    })
    deepEqual([answer.status, answer.headers.get('location'), await answer.text()], [201, '/there', 'made'])
    deepEqual(
      [requests[0]?.method, requests[0]?.url, requests[0]?.headers['x-mark'], body],
      ['POST', '/a?b', 'yes', 'Ciao'],
    )
    equal(requests[0]?.headers.host, `push.example:${port}`)
  })

  it('goes over https, and checks the certificate against the name', async () => {
    const authority = issueAuthority('Outbound authority')
    const certificate = issueCertificate({ commonName: 'x', dnsName: 'push.example', issuer: authority })
    const key = certificate.privateKey.export({ type: 'pkcs8', format: 'pem' })
    const secure = await listen(
      createSecureServer({ key, cert: certificate.pem }, (_req, res) => res.end('safe')) as unknown as Server,
    )
    const trusting = near({ ca: [authority.pem] })
    equal(await (await trusting(`https://push.example:${secure}/`)).text(), 'safe')
    await rejects(trusting(`https://other.example:${secure}/`), /fetch failed/)
    await rejects(near()(`https://push.example:${secure}/`), /fetch failed/)
  })

  describe('refuses, before anything is sent,', () => {
    const refused = async (url: string, options: GuardedFetchOptions = {}) => {
      let lookups = 0
      const lookup = async () => {
        lookups += 1
        return loopback
      }
      await rejects(guard({ lookup, ...options })(url), { name: 'OutboundRefused' })
      equal(requests.length, 0)
      return lookups
    }

    for (const host of [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
      '127.0.0.1.',
      '10.0.0.1',
      '172.16.0.1',
      '192.168.1.1',
      '100.64.0.1',
      '169.254.169.254',
      '0.0.0.0',
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::7f00:1]',
      '[fe80::1]',
      '[fd00::1]',
      '[2002:7f00:1::]',
    ])
      it(`the address ${host}`, async () => equal(await refused(`https://${host}/`), 0))

    it('http', () => refused('http://push.example/'))
    it('other schemes', async () => {
      for (const url of [
        'file:///etc/passwd',
        'ftp://push.example/',
        'data:text/plain,x',
        'gopher://push.example/',
      ])
        await refused(url, { allowPrivate: true })
    })
    it('credentials', async () => {
      await refused('https://user:word@push.example/')
      await refused('https://user@push.example/', { allowPrivate: true })
    })
    it('another port', async () => {
      for (const odd of [80, 22, 6379, 8443]) equal(await refused(`https://push.example:${odd}/`), 0)
      equal(await refused('https://push.example:8443/', { hosts: () => true }), 0)
    })
    it('what is no url', () => refused('not a url'))
    it('a host that is not listed', async () => {
      equal(await refused('https://evil.example/', { hosts: ['push.example'] }), 0)
      equal(await refused('https://evil.example/', { hosts: (host) => host === 'push.example' }), 0)
      equal(await refused(`http://evil.example:${port}/`, { hosts: ['push.example'], allowPrivate: true }), 0)
    })

    for (const address of [
      '127.0.0.1',
      '10.0.0.1',
      '169.254.169.254',
      '::1',
      '::ffff:127.0.0.1',
      '64:ff9b::7f00:1',
    ])
      it(`a name that is at ${address}`, async () => {
        const family = address.includes(':') ? 6 : 4
        await refused('https://push.example/', { lookup: async () => [{ address, family }] })
      })
    it('a name with one private address among public ones', () =>
      refused('https://push.example/', {
        lookup: async () => [
          { address: '8.8.8.8', family: 4 },
          { address: '2606:4700::1111', family: 6 },
          ...loopback,
        ],
      }))
    it('a name without addresses', () => refused('https://push.example/', { lookup: async () => [] }))

    it('and names neither path nor credentials', async () => {
      for (const url of [
        'https://u:hidden@a.example/hidden',
        'https://127.0.0.1/hidden',
        'hidden',
        'http://a/hidden',
      ]) {
        const error = await guard({ lookup: async () => loopback })(url).catch((reason: Error) => reason)
        ok(error instanceof Error)
        doesNotMatch(`${error.message} ${error.stack} ${String(error.cause)}`, /hidden/)
      }
    })
  })

  it('connects to what it has judged, whatever the name answers later', async () => {
    const other: string[] = []
    const there = createServer((_req, res) => {
      other.push('asked')
      res.end('inside')
    })
    await listen(there, '127.0.0.2', port)
    // 127.0.0.1 stands for a public address, 127.0.0.2 for one inside the network.
    const answers = ['127.0.0.1', '127.0.0.2']
    let lookups = 0
    const rebinding = guard({
      allowPrivate: (address) => address === '127.0.0.1',
      lookup: async () => [{ address: answers[lookups++] ?? '127.0.0.2', family: 4 }],
    })
    const first = await rebinding(`http://push.example:${port}/`, { headers: { connection: 'close' } })
    equal(await first.text(), 'fine')
    equal(lookups, 1)
    // A new connection, which is judged again.
    requests[0]?.socket.destroy()
    await delay(20)
    await rejects(rebinding(`http://push.example:${port}/`), { name: 'OutboundRefused' })
    deepEqual([lookups, requests.length, other.length], [2, 1, 0])
  })

  it('reaches private addresses only as far as it is told', async () => {
    const some = guard({ allowPrivate: (address) => address === '127.0.0.1', lookup: async () => loopback })
    equal((await some(`http://127.0.0.1:${port}/`)).status, 200)
    await rejects(some(`http://127.0.0.3:${port}/`), { name: 'OutboundRefused' })
    await rejects(some(`http://169.254.169.254/`), { name: 'OutboundRefused' })
  })

  describe('with networks that it may reach', () => {
    /** 127.0.0.1 is inside; `at`: where the name is. */
    const inside = (...at: string[]) =>
      guard({
        // An administrator may list more than is private: what is public stays so.
        allowPrivate: (address) => address === '127.0.0.1' || isPublicAddress(address),
        lookup: async () => at.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      })
    const refused = async (url: string, ...at: string[]) => {
      await rejects(inside(...at)(url), { name: 'OutboundRefused' }, url)
      equal(requests.length, 0)
    }

    it('reaches them by name and by address, over http and on any port', async () => {
      for (const host of ['shop.intranet', '127.0.0.1'])
        equal((await inside('127.0.0.1')(`http://${host}:${port}/`)).status, 200)
      const tried = await inside('127.0.0.1')(`https://shop.intranet:${port}/`).catch((error: Error) => error)
      match(String((tried as Error).cause), /SSL|TLS|EPROTO|wrong version/i, 'https is tried there')
    })
    it('reaches nothing public over http, or on another port', async () => {
      for (const host of ['push.example', '8.8.8.8'])
        for (const url of [
          `http://${host}/`,
          `http://${host}:443/`,
          `https://${host}:8443/`,
          `https://${host}:80/`,
        ])
          await refused(url, '8.8.8.8')
      for (const url of ['http://push.example/', 'https://[2606:4700::1111]:8443/'])
        await refused(url, '2606:4700::1111')
    })
    it('reaches nothing else that is private', async () => {
      for (const address of [
        '127.0.0.2',
        '10.0.0.1',
        '169.254.169.254',
        '0.0.0.0',
        '::1',
        'fe80::1',
        '64:ff9b::7f00:1',
      ])
        for (const scheme of ['https', 'http']) await refused(`${scheme}://shop.intranet/`, address)
    })
    it('takes no name that is at both where it would reach but one', async () => {
      await refused(`http://shop.intranet:${port}/`, '127.0.0.1', '8.8.8.8')
      await refused(`https://shop.intranet/`, '127.0.0.1', '127.0.0.2')
    })
    it('goes on to what is public over https on port 443', async () => {
      // An address that nobody was given yet: past the guard, and no further.
      const impatient = guard({
        allowPrivate: () => false,
        patience: 200,
        lookup: async () => [{ address: '2d00::1', family: 6 }],
      })
      const error = await impatient('https://push.example/').catch((reason: Error) => reason)
      ok(error instanceof Error && error.name !== 'OutboundRefused')
    })
  })

  it('follows no redirect, whatever it is asked', async () => {
    const paths: (string | undefined)[] = []
    listener = (req, res) => {
      paths.push(req.url)
      res.writeHead(Number(req.url?.slice(1)), { location: `http://127.0.0.1:${port}/inside` }).end()
    }
    const init = { redirect: 'follow' } as RequestInit
    for (const status of [301, 302, 303, 307, 308])
      await rejects(near()(`http://push.example:${port}/${status}`, init), /fetch failed/)
    deepEqual(paths, ['/301', '/302', '/303', '/307', '/308'])
  })

  it('ignores a dispatcher that it is given', async () => {
    const dispatcher = { dispatch: () => ok(false, 'somebody else was asked') }
    const answer = await near()(`http://push.example:${port}/`, { dispatcher } as object)
    equal(answer.status, 200)
  })

  it('answers an end to what is too long, compressed or not', async () => {
    const long = Buffer.alloc(70_000, 'x')
    listener = (_req, res) => res.end(long)
    const answer = await near()(`http://push.example:${port}/`)
    await rejects(answer.text(), /too long/)
    listener = (_req, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(long))
    await rejects((await near()(`http://push.example:${port}/`)).text(), /too long/)
    listener = (_req, res) => res.end(long.subarray(0, 65_536))
    equal((await (await near()(`http://push.example:${port}/`)).text()).length, 65_536)
  })

  it('does not wait for the end of an answer that nobody reads', async () => {
    let closed = false
    listener = (_req, res) => {
      res.writeHead(201).write('endless')
      res.on('close', () => {
        closed = true
      })
    }
    const answer = await near()(`http://push.example:${port}/`)
    await answer.body?.cancel()
    await delay(50)
    ok(closed)
  })

  it('gives up in time: no answer, no end of it, no name, or told to', async () => {
    const impatient = near({ patience: 80 })
    listener = () => {}
    await rejects(impatient(`http://push.example:${port}/`), { name: 'TimeoutError' })
    listener = (_req, res) => void res.write('endless')
    await rejects((await impatient(`http://push.example:${port}/`)).text(), { name: 'TimeoutError' })
    const nameless = near({ patience: 80, lookup: () => new Promise(() => {}) })
    await rejects(nameless(`http://push.example:${port}/`), { name: 'TimeoutError' })
    const signal = AbortSignal.timeout(30)
    listener = () => {}
    await rejects(near()(`http://push.example:${port}/`, { signal }), { name: 'TimeoutError' })
  })

  it('says what happened when nobody listens', async () => {
    const error = await near()(`http://push.example:${await freePort()}/`).catch((reason: Error) => reason)
    ok(error instanceof TypeError)
    match(String(error.cause), /ECONNREFUSED/)
  })

  it('takes nothing more when it is closed', async () => {
    const made = near()
    equal((await made(`http://push.example:${port}/`)).status, 200)
    await made.close()
    await rejects(made(`http://push.example:${port}/`))
  })
})
