import { createHash, randomBytes } from 'node:crypto'
import { type Answer, Browser } from './browser.ts'
import type { Person } from './people.ts'
import { client, password, resource, resourceScope, scope } from './setup.ts'
import type { Site } from './site.ts'

export interface Tokens {
  accessToken: string
  idToken: string
  refreshToken: string | undefined
  nonce: string
}

const random = () => randomBytes(24).toString('base64url')

const basic = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`

/** Everything from the authorization request to the tokens. */
export const login = async (
  site: Site,
  person: Person,
): Promise<{ tokens: Tokens; browser: Browser; requests: number }> => {
  const browser = openBrowser(site)
  const tokens = await authorize(site, browser, { scope }, (page) => fillIn(page, person))
  return { tokens, browser, requests: browser.requests + 1 }
}

const openBrowser = ({ pool, origin, userAgent }: Site) => new Browser(pool, origin, userAgent)

/** Signs in with both factors and the wish not to be asked here again. */
export const trustBrowser = async (site: Site, person: Person): Promise<Browser> => {
  const browser = openBrowser(site)
  await authorize(site, browser, { scope }, (page) => {
    const form = fillIn(page, person)
    return form?.code === undefined ? form : { ...form, trust: 'on' }
  })
  return browser
}

/** A new session in a browser that is trusted: the password, and no second factor. */
export const signInTrusted = (site: Site, browser: Browser, person: Person): Promise<Tokens> => {
  browser.keepOnly('duepassi-device-')
  return authorize(site, browser, { scope }, (page) => {
    const form = fillIn(page, person)
    if (form?.code !== undefined) throw new Error('a trusted browser was asked for a code')
    return form
  })
}

/** A session that has both factors is asked for the second one again. */
export const stepUp = async (site: Site, browser: Browser, person: Person): Promise<Tokens> => {
  let codes = 0
  const tokens = await authorize(site, browser, { scope, prompt: 'second_factor' }, (page) => {
    const form = fillIn(page, person)
    if (form?.password !== undefined) throw new Error('a step-up asked for the password')
    if (form?.code !== undefined) codes++
    return form
  })
  if (codes !== 1) throw new Error(`a step-up took ${codes} codes`)
  return tokens
}

/** Another sign-in of a browser that has a session: no page is shown. */
export const reauthorize = (site: Site, browser: Browser): Promise<Tokens> =>
  authorize(site, browser, { scope, prompt: 'none' }, () => {
    throw new Error('prompt=none showed a page')
  })

/** What a person does with a page: the fields of the form they send, or undefined when it asks nothing known. */
const fillIn = (page: string, person: Person): Record<string, string> | undefined => {
  if (page.includes('name="password"')) return { intent: 'sign-in', username: person.username, password }
  if (page.includes('name="code"')) return { intent: 'answer', code: person.code() }
  if (page.includes('value="allow"')) return { intent: 'allow' }
  return undefined
}

const authorize = async (
  site: Site,
  browser: Browser,
  parameters: { scope: string; prompt?: 'none' | 'second_factor' },
  answerPage: (page: string) => Record<string, string> | undefined,
): Promise<Tokens> => {
  const verifier = random() + random()
  const nonce = random()
  const state = random()
  const query = new URLSearchParams({
    client_id: client.id,
    response_type: 'code',
    redirect_uri: client.redirectUri,
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  })
  let path = `${site.authorization}?${query}`
  let answer = await browser.get(path)
  for (let hops = 0; hops < 20; hops++) {
    if (answer.location?.startsWith(client.redirectUri)) {
      const callback = new URL(answer.location).searchParams
      const code = callback.get('code')
      if (code === null || callback.get('state') !== state) throw unexpected('authorization', path, answer)
      return redeem(site, code, verifier, nonce)
    }
    if (answer.location !== undefined) {
      const target = new URL(answer.location, site.origin)
      path = target.pathname + target.search
      answer = await browser.get(path)
      continue
    }
    const form = answer.status === 200 ? answerPage(answer.text) : undefined
    if (form === undefined) throw unexpected('sign-in page', path, answer)
    answer = await browser.post(path, form)
  }
  throw unexpected('sign-in without end', path, answer)
}

const redeem = async (site: Site, code: string, verifier: string, nonce: string): Promise<Tokens> => {
  const body = await requestToken(site, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  })
  return { ...readTokens(body), nonce }
}

export const refresh = async (site: Site, tokens: Tokens): Promise<Tokens> => {
  const body = await requestToken(site, {
    grant_type: 'refresh_token',
    refresh_token: tokens.refreshToken ?? '',
  })
  const refreshed = readTokens(body)
  return { ...refreshed, nonce: tokens.nonce, refreshToken: refreshed.refreshToken ?? tokens.refreshToken }
}

/** `opaque`: a reference token; `jwt`: for a resource server that verifies tokens itself. */
export const clientCredentials = async (site: Site, format: 'opaque' | 'jwt'): Promise<void> => {
  const body = await requestToken(site, {
    grant_type: 'client_credentials',
    ...(format === 'jwt' && { resource, scope: resourceScope }),
  })
  const parts = String(body.access_token).split('.').length
  if (parts !== (format === 'jwt' ? 3 : 1)) throw new Error(`a ${format} access token has ${parts} part(s)`)
}

export const userinfo = async (site: Site, tokens: Tokens): Promise<void> => {
  const response = await site.pool.request({
    method: 'GET',
    path: site.userinfo,
    headers: { authorization: `Bearer ${tokens.accessToken}` },
  })
  const body = (await response.body.json()) as Record<string, unknown>
  if (response.statusCode !== 200 || typeof body.sub !== 'string')
    throw new Error(`userinfo answered ${response.statusCode}`)
}

export const introspect = async (site: Site, tokens: Tokens): Promise<void> => {
  const body = await postForm(site, site.introspection, { token: tokens.accessToken })
  if (body.active !== true) throw new Error('introspection: a live token is not active')
}

const requestToken = async (site: Site, form: Record<string, string>): Promise<Record<string, unknown>> => {
  const body = await postForm(site, site.token, form)
  if (typeof body.access_token !== 'string' || body.token_type !== 'Bearer')
    throw new Error('the token endpoint answered without a bearer token')
  return body
}

const postForm = async (
  site: Site,
  path: string,
  form: Record<string, string>,
): Promise<Record<string, unknown>> => {
  const response = await site.pool.request({
    method: 'POST',
    path,
    headers: { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
  const body = (await response.body.json()) as Record<string, unknown>
  if (response.statusCode !== 200)
    throw new Error(
      `${path} answered ${response.statusCode} ${String(body.error)}: ${String(body.error_description)}`,
    )
  return body
}

const readTokens = (body: Record<string, unknown>) => {
  if (typeof body.access_token !== 'string' || typeof body.id_token !== 'string')
    throw new Error('the token endpoint answered without an ID token')
  return {
    accessToken: body.access_token,
    idToken: body.id_token,
    refreshToken: typeof body.refresh_token === 'string' ? body.refresh_token : undefined,
  }
}

const unexpected = (what: string, path: string, { status, location, text }: Answer): Error => {
  const words = text
    .replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return new Error(
    `${what}: ${path.split('?', 1)[0]} answered ${status} ${location ?? ''} ${words.slice(0, 300)}`,
  )
}
