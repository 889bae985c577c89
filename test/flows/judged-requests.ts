import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { decodeJwt, SignJWT } from 'jose'
import { errors } from 'oidc-provider'
import { requireAuthentication } from '../../src/index.ts'
import { bearer, serveGuarded } from '../resource-server/served.ts'
import type { Answer, Browser } from '../support/browser.ts'
import { codeNow } from '../support/steps.ts'
import {
  audience,
  ciba,
  deviceGrant,
  grantOf,
  hostPassword,
  type JudgedHost,
  redirectUri,
} from './judged-host.ts'

/** What a relying party and a browser can ask of the host, each answered by one word. */

export const [sfa, mfa] = ['https://refeds.org/profile/sfa', 'https://refeds.org/profile/mfa'] as const

/** A person at a relying party, with a browser that is signed in or not. */
export interface At {
  host: JudgedHost
  accountId: string
  /** Seed of the app; empty where there is none. */
  secret: string
  clientId: string
  browser: Browser
}

type Fields = Record<string, string>
type Body = Record<string, unknown>

const secretOf = ({ host, clientId }: At) => String(host.clients.get(clientId)?.['client_secret'])

const send = async (at: At, path: string, fields: Fields): Promise<Body & { status: number }> => {
  const response = await fetch(`${at.host.issuer}${path}`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: at.clientId, client_secret: secretOf(at), ...fields }),
  })
  const text = await response.text()
  return { ...(text.startsWith('{') ? (JSON.parse(text) as Body) : { text }), status: response.status }
}

export const askToken = (at: At, fields: Fields) => send(at, '/token', fields)

/** The level that tokens say, all alike: `sfa`, `mfa`; what else they say in its place. */
const levelOf = ({ acr, amr }: Body): string => {
  if (acr === sfa && JSON.stringify(amr) === '["pwd"]') return 'sfa'
  if (acr === mfa && JSON.stringify(amr) === '["pwd","otp","mfa"]') return 'mfa'
  return `acr ${acr} amr ${amr}`
}

export const introspect = async (at: At, token: string): Promise<Body> =>
  send(at, '/token/introspection', { token })

const word = (words: readonly string[]): string => {
  const [first, ...more] = [...new Set(words)]
  return first === undefined || more.length > 0 ? `disagreeing: ${words.join(', ')}` : first
}

/** What the tokens of an answer say, or its error. */
export const wordOf = async (at: At, body: Body): Promise<string> => {
  const { access_token, id_token, refresh_token, error } = body
  if (error !== undefined) {
    assert.ok(!access_token && !id_token && !refresh_token, 'tokens with an error')
    return String(error)
  }
  const words: string[] = []
  if (typeof id_token === 'string') {
    const claims = decodeJwt(id_token)
    assert.equal(claims.sub, at.accountId)
    assert.equal(typeof claims['auth_time'], 'number', 'auth_time is always in')
    words.push(levelOf(claims))
  }
  if (typeof access_token === 'string') {
    const seen =
      access_token.split('.').length === 3 ? decodeJwt(access_token) : await introspect(at, access_token)
    words.push(seen['sub'] === undefined ? 'machine' : levelOf(seen as Body))
  }
  return word(words)
}

/** Where the browser is, in one word: a page, an error at the relying party, or what its tokens say. */
const arrivedAt = async (at: At, answer: Answer, verifier: string): Promise<string> => {
  const { url, body, status } = answer
  if (url.origin !== new URL(redirectUri).origin) {
    assert.doesNotMatch(`${url.href} ${body}`, /(code|access_token|id_token)=|eyJ[\w-]{10,}\./, 'on a page')
    return pageIn(url, body, status)
  }
  const given = Object.fromEntries([...url.searchParams, ...new URLSearchParams(url.hash.replace(/^#/, ''))])
  assert.equal(given['state'], 'the state')
  const words: string[] = []
  if (given['code'] !== undefined) words.push(await wordOf(at, await redeem(at, given['code'], verifier)))
  if (given['error'] !== undefined || given['id_token'] !== undefined || given['access_token'] !== undefined)
    words.push(await wordOf(at, given))
  return words.length > 0 ? word(words) : 'done'
}

const pageIn = (url: URL, body: string, status: number): string => {
  if (/^\/login\/[\w-]+$/.test(url.pathname)) return 'login'
  if (!url.pathname.endsWith('/second-factor')) return `${status} ${url.pathname}: ${body.slice(0, 300)}`
  if (body.includes('value="answer"')) return 'ask'
  if (/value="(choose|confirm)"/.test(body)) return 'enrol'
  return `${status} ${body.slice(-300)}`
}

export const redeem = (at: At, code: string, code_verifier: string, more: Fields = {}) =>
  askToken(at, {
    grant_type: 'authorization_code',
    redirect_uri: redirectUri,
    code,
    code_verifier,
    ...more,
  })

export type Way = 'plain' | 'pushed' | 'signed' | 'silent' | 'hinted'

export interface Asking {
  responseType: string
  way: Way
  /** For `hinted`. */
  idToken?: string
  /** Types the password wherever it is asked. */
  types?: boolean
  more?: Fields
}

/** An authorization request; answers where the browser ends up. */
export const authorize = async (at: At, asking: Asking): Promise<{ answer: Answer; verifier: string }> => {
  const { responseType, way, idToken, more } = asking
  const verifier = randomBytes(32).toString('base64url')
  const fields: Fields = {
    redirect_uri: redirectUri,
    response_type: responseType,
    scope: 'openid',
    state: 'the state',
    nonce: randomBytes(16).toString('base64url'),
    ...(responseType.includes('code') && {
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }),
    ...(way === 'silent' || way === 'hinted' ? { prompt: 'none' } : {}),
    ...(way === 'hinted' && idToken !== undefined && { id_token_hint: idToken }),
    ...more,
  }
  const query = new URLSearchParams({ client_id: at.clientId, ...(await wrap(at, way, fields)) })
  let answer = await at.browser.get(`${at.host.issuer}/auth?${query}`)
  if (asking.types && /^\/login\//.test(answer.url.pathname))
    answer = await at.browser.post(answer.url, { username: at.accountId, password: hostPassword })
  return { answer, verifier }
}

const wrap = async (at: At, way: Way, fields: Fields): Promise<Fields> => {
  if (way === 'pushed') {
    const { request_uri } = await send(at, '/request', fields)
    assert.equal(typeof request_uri, 'string')
    return { request_uri: String(request_uri) }
  }
  if (way !== 'signed') return fields
  const request = await new SignJWT({ ...fields, client_id: at.clientId })
    .setProtectedHeader({ alg: 'HS256', typ: 'oauth-authz-req+jwt' })
    .setIssuer(at.clientId)
    .setAudience(at.host.issuer)
    .setExpirationTime('5m')
    .setNotBefore('0s')
    .setIssuedAt()
    .setJti(randomBytes(8).toString('hex'))
    .sign(Buffer.from(secretOf(at)))
  return { request }
}

export const askBrowser = async (at: At, asking: Asking): Promise<string> => {
  const { answer, verifier } = await authorize(at, asking)
  return arrivedAt(at, answer, verifier)
}

/** Signs in, by password and the app where it is asked. */
export const signIn = async (at: At, more: Fields = {}): Promise<Browser> => {
  const { answer } = await authorize(at, { responseType: 'none', way: 'plain', types: true })
  const end = answer.body.includes('value="answer"')
    ? await at.browser.post(answer.url, {
        intent: 'answer',
        code: codeNow(at.secret, at.host.clock),
        ...more,
      })
    : answer
  assert.equal(end.url.origin, new URL(redirectUri).origin, `signed in: ${end.status} ${end.url}`)
  return at.browser
}

/** A code that is not redeemed yet. */
export const codeFor = async (at: At, more: Fields = {}): Promise<() => Promise<Body>> => {
  const { answer, verifier } = await authorize(at, { responseType: 'code', way: 'plain', more })
  const code = answer.url.searchParams.get('code')
  assert.ok(code, `a code: ${answer.status} ${answer.url}`)
  const { resource } = more
  return () => redeem(at, code, verifier, resource === undefined ? {} : { resource })
}

export const tokensFor = async (at: At, more: Fields = {}): Promise<Body> => {
  const tokens = await (await codeFor(at, more))()
  assert.ok(tokens['access_token'], JSON.stringify(tokens))
  return tokens
}

/** A device code, and what its person does to confirm it in this browser. */
export const startDevice = async (at: At) => {
  const { device_code, user_code } = await send(at, '/device/auth', { scope: 'openid' })
  const page = `${at.host.issuer}/device`
  return {
    async confirm(types = false): Promise<string> {
      const form = await at.browser.get(`${page}?${new URLSearchParams({ user_code: String(user_code) })}`)
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(form.body)?.[1] ?? ''
      const fields = { xsrf, user_code: String(user_code), confirm: 'yes' }
      let answer = await at.browser.post(page, fields)
      if (types && /^\/login\//.test(answer.url.pathname))
        answer = await at.browser.post(answer.url, { username: at.accountId, password: hostPassword })
      if (answer.body.includes('the device is signed in')) return 'confirmed'
      return pageIn(answer.url, answer.body, answer.status)
    },
    redeem: () => askToken(at, { grant_type: deviceGrant, device_code: String(device_code) }),
  }
}

/** A CIBA request, and its approval by what the host says was proven. */
export const startCiba = async (at: At) => {
  const { auth_req_id } = await send(at, '/backchannel', { scope: 'openid', login_hint: at.accountId })
  assert.equal(typeof auth_req_id, 'string')
  return {
    async approve(proof: object): Promise<string> {
      const { provider } = at.host
      const grant = await grantOf(provider, at.accountId, at.clientId)
      try {
        await provider.backchannelResult(String(auth_req_id), grant, proof)
        return 'approved'
      } catch (error) {
        if (error instanceof errors.InvalidGrant) return error.error
        throw error
      }
    },
    redeem: () => askToken(at, { grant_type: ciba, auth_req_id: String(auth_req_id) }),
  }
}

export const refresh = async (at: At, tokens: Body): Promise<string> =>
  wordOf(
    at,
    await askToken(at, { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }),
  )

export const askUserinfo = async (at: At, tokens: Body): Promise<string> => {
  const response = await fetch(`${at.host.issuer}/me`, { headers: bearer(String(tokens['access_token'])) })
  const { sub, error } = (await response.json()) as Body
  return sub === at.accountId ? 'claims' : String(error)
}

export const askIntrospection = async (at: At, tokens: Body): Promise<string> => {
  const seen = await introspect(at, String(tokens['access_token']))
  return seen['active'] === true ? levelOf(seen) : 'inactive'
}

/** What a resource server makes of a JWT by itself, which asks for an `acr` or a time. */
export const askResourceServer = async (
  at: At,
  tokens: Body,
  demand: { acr?: string[]; maxAge?: number },
): Promise<string> => {
  const { host } = at
  const guard = requireAuthentication({
    issuer: host.issuer,
    audience,
    clock: host.clock,
    fetch,
    ...demand,
  })
  const served = await serveGuarded(guard)
  try {
    const { status, challenge, body } = await served.ask(bearer(String(tokens['access_token'])))
    if (status === 200) return 'passed'
    return /error="([^"]+)"/.exec(challenge ?? '')?.[1] ?? `${status} ${body}`
  } finally {
    await served.close()
  }
}

export const askOwnGrant = async (at: At, grant_type: string, more: Fields = {}): Promise<string> =>
  wordOf(at, await askToken(at, { grant_type, ...more }))
