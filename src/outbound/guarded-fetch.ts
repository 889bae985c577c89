import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import type { Agent, BodyInit, buildConnector } from 'undici'
import { hostList } from './host-list.ts'
import { isPublicAddress } from './public-address.ts'

/** What is used of `fetch`; `globalThis.fetch` fits, and so does what oidc-provider asks for. */
export type OutboundFetch = (
  url: string | URL,
  init?: Pick<RequestInit, 'method' | 'headers' | 'body' | 'signal'>,
) => Promise<Response>

export type GuardedFetch = OutboundFetch & {
  /** Waits for what is under way, which `patience` bounds. */
  close(): Promise<void>
}

export interface GuardedFetchOptions {
  /**
   * Hosts that may be asked, as `hostList` reads them; a function is given the name alone, and the port is 443. Default:
   * any.
   */
  hosts?: readonly string[] | ((host: string) => boolean)
  /**
   * Addresses that are not public and may be reached all the same, over http too and on any port; the others as ever. With
   * `true` these are all addresses, public ones too: for hosts that the administrator chose, and for tests. Default: none.
   */
  allowPrivate?: boolean | ((address: string) => boolean)
  /** Milliseconds until the end of the answer. Default: 5000. */
  patience?: number
  /** All addresses of a name. Default: the system's resolver. */
  lookup?: (host: string) => Promise<ReadonlyArray<{ address: string; family: number }>>
  /** Authorities that are trusted instead of Node's own, PEM. */
  ca?: readonly string[]
}

/** Bytes of an answer, uncompressed; nothing that we ask for comes near it. */
const longestAnswer = 65_536

/** It was not sent, and never will be. Does not repeat the address, in which there may be a secret. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused'
}

interface Outbound {
  agent: Agent
  request: typeof import('undici').fetch
}

/**
 * `fetch` for addresses that somebody else chose (OWASP SSRF Prevention, ASVS 1.3.6). Follows no redirect and ignores what
 * `init` says of it.
 *
 * @throws OutboundRefused (rejecting) for an address that may not be asked; a TypeError or a TimeoutError, as `fetch`
 */
export function createGuardedFetch(options: GuardedFetchOptions = {}): GuardedFetch {
  const { allowPrivate = false, patience = 5_000 } = options
  const isOurs = (address: string): boolean =>
    typeof allowPrivate === 'function' ? !isPublicAddress(address) && allowPrivate(address) : allowPrivate
  const mayAsk = readHosts(options.hosts, allowPrivate !== false)
  const { lookup = (host: string) => systemLookup(host, { all: true }) } = options
  let opened: Promise<Outbound> | undefined
  let closing: Promise<void> | undefined
  /** Loaded with the first request: many a process never makes one, and the library takes time and memory to be there. */
  const outbound = async (): Promise<Outbound> => {
    if (closing) throw new OutboundRefused('nobody is asked any more')
    opened ??= open()
    return opened.catch((error: unknown) => {
      opened = undefined
      throw error
    })
  }
  const open = async (): Promise<Outbound> => {
    const { Agent, buildConnector, fetch } = await import('undici')
    const connectorTo = (
      isAllowed: (address: string) => boolean,
      fault: string,
    ): buildConnector.connector => {
      const connect = buildConnector({
        allowH2: false,
        timeout: patience,
        lookup: checkedLookup(lookup, isAllowed, fault),
        ...(options.ca && { ca: [...options.ca] }),
      })
      return (target, callback) => {
        const host = target.hostname.replaceAll(/[[\]]/g, '')
        // Here because nothing looks up a host that is an address.
        if (isIP(host) !== 0 && !isAllowed(host)) callback(new OutboundRefused(`the address ${fault}`), null)
        else connect(target, callback)
      }
    }
    const usual = connectorTo((address) => isPublicAddress(address) || isOurs(address), 'is not public')
    const nextDoor = connectorTo(isOurs, 'is none that is asked over http, or on another port than 443')
    // A port beyond 443 was judged already where hosts are listed, which names it.
    const isUsual = ({ protocol, port }: buildConnector.Options): boolean =>
      protocol === 'https:' && (port === '' || port === '443' || Array.isArray(options.hosts))
    const agent = new Agent({
      allowH2: false,
      keepAliveTimeout: 10_000,
      connections: 32,
      // By the address that is connected to: of a name nobody can tell sooner whose it is.
      connect: (target, callback) => (isUsual(target) ? usual : nextDoor)(target, callback),
    })
    return { agent, request: fetch }
  }

  const guarded: OutboundFetch = async (given, init = {}) => {
    const url = readUrl(given, allowPrivate !== false)
    if (!mayAsk(url)) throw new OutboundRefused('the host or its port is not allowed')
    const { agent, request } = await outbound()
    const timeout = AbortSignal.timeout(patience)
    const answer = await request(url, {
      method: init.method ?? 'GET',
      // Both are the same in Node; the types are two.
      headers: [...new Headers(init.headers)],
      body: (init.body ?? null) as BodyInit | null,
      signal: init.signal ? AbortSignal.any([init.signal, timeout]) : timeout,
      redirect: 'error',
      dispatcher: agent,
    }).catch((error: unknown) => {
      throw error instanceof Error && error.cause instanceof OutboundRefused ? error.cause : error
    })
    return new Response(answer.body && capped(answer.body as ReadableStream<Uint8Array>), {
      status: answer.status,
      statusText: answer.statusText,
      headers: [...answer.headers],
    })
  }
  return Object.assign(guarded, {
    close: () => {
      closing ??= opened?.then(({ agent }) => agent.close()) ?? Promise.resolve()
      return closing
    },
  })
}

function readUrl(given: string | URL, http: boolean): URL {
  const url = URL.parse(String(given))
  if (!url) throw new OutboundRefused('the address is not a url')
  if (url.protocol !== 'https:' && !(http && url.protocol === 'http:'))
    throw new OutboundRefused('the address is not one of https')
  if (url.username !== '' || url.password !== '') throw new OutboundRefused('the address holds credentials')
  return url
}

function readHosts(hosts: GuardedFetchOptions['hosts'], anyPort: boolean): (url: URL) => boolean {
  if (Array.isArray(hosts)) return hostList(hosts)
  const isHost = typeof hosts === 'function' ? hosts : () => true
  return (url) => isHost(url.hostname) && (anyPort || url.port === '')
}

/**
 * What `net` looks names up by. One address that is not allowed refuses the name: nobody honest mixes them. What it
 * answers is what is connected to.
 */
function checkedLookup(
  lookup: NonNullable<GuardedFetchOptions['lookup']>,
  isAllowed: (address: string) => boolean,
  fault: string,
): LookupFunction {
  const resolve = async (host: string) => {
    const found = await lookup(host)
    if (found.length === 0 || !found.every(({ address }) => isAllowed(address)))
      throw new OutboundRefused(`the host has an address that ${fault}`)
    return found.map(({ address, family }) => ({ address, family }))
  }
  return (host, { all }, callback) => {
    resolve(host).then(
      (found) => {
        const [first] = found
        if (all || !first) callback(null, found)
        else callback(null, first.address, first.family)
      },
      (error: Error) => callback(error, []),
    )
  }
}

function capped(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let left = longestAnswer
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        left -= chunk.byteLength
        if (left < 0) controller.error(new Error('the answer is too long'))
        else controller.enqueue(chunk)
      },
    }),
  )
}
