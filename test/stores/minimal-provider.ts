import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { type AdapterFactory, type Configuration, Provider } from 'oidc-provider'
import { freePort, onStop } from '../support/machine.ts'

const redirectUri = 'https://rp.example/callback'
const basic = `Basic ${Buffer.from('rp:secret').toString('base64')}`

export interface MinimalProvider {
  provider: Provider
  /** Called once, in the middle of the next request: after its session was read, before it is saved. */
  meanwhile: (() => Promise<unknown>) | undefined
  /** Signs in as the account, in a new browser; the authorization code. */
  signIn(options?: { scope?: string; browser?: Browser; prompt?: string }): Promise<Code>
  /** `prompt=none` in a browser: the code, or the error. */
  silently(browser: Browser, client?: string): Promise<{ code?: string; error?: string }>
  redeem(code: Code): Promise<Answer>
  refresh(refreshToken: string): Promise<Answer>
  userinfo(accessToken: string): Promise<number>
  introspect(token: string): Promise<boolean>
}

export interface Code {
  value: string
  verifier: string
  browser: Browser
}

export interface Answer {
  status: number
  body: Record<string, unknown>
}

/** Keeps cookies, follows redirects until one leads away from the provider. */
export class Browser {
  readonly cookies = new Map<string, string>()

  async visit(url: string, hops = 10): Promise<URL> {
    if (hops === 0) throw new Error(`redirected in a circle at ${url}`)
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    })
    await response.arrayBuffer()
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) throw new Error(`${response.status} without a redirect at ${url}`)
    const next = new URL(location, url)
    return next.host === new URL(url).host ? this.visit(next.href, hops - 1) : next
  }
}

/** A bare oidc-provider whose only page signs `accountId` in at once; every relying party is trusted. */
export async function startMinimalProvider(
  adapter: AdapterFactory,
  accountId: string,
): Promise<MinimalProvider> {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const configuration: Configuration = {
    adapter,
    clients: ['rp', 'other'].map((client_id) => ({
      client_id,
      client_secret: 'secret',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
    })),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: async () => true },
      revocation: { enabled: true, allowedPolicy: async () => true },
    },
    rotateRefreshToken: true,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    async findAccount(_ctx, id) {
      const { meanwhile } = fixture
      fixture.meanwhile = undefined
      await meanwhile?.()
      return { accountId: id, claims: async () => ({ sub: id }) }
    },
    async loadExistingGrant(ctx) {
      const { client, session, account, params } = ctx.oidc
      if (!client || !session || !account) return undefined
      const grantId = session.grantIdFor(client.clientId)
      const known = grantId === undefined ? undefined : await ctx.oidc.provider.Grant.find(grantId)
      if (known) return known
      const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: account.accountId })
      grant.addOIDCScope(String(params?.scope))
      await grant.save()
      return grant
    },
    ttl: {
      Session: 43_200,
      Grant: 43_200,
      AccessToken: 600,
      AuthorizationCode: 60,
      RefreshToken: 43_200,
      IdToken: 300,
      Interaction: 900,
    },
  }
  const provider = new Provider(issuer, configuration)
  const handle = provider.callback()
  const server = createServer(async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return handle(request, response)
    const login = { accountId, acr: 'https://refeds.org/profile/mfa', amr: ['pwd', 'otp', 'mfa'] }
    try {
      await provider.interactionFinished(request, response, { login, consent: {} })
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onStop(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const authorization = (scope: string, verifier: string, more: Record<string, string>) =>
    `${issuer}/auth?${new URLSearchParams({
      client_id: 'rp',
      response_type: 'code',
      redirect_uri: redirectUri,
      scope,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...more,
    })}`

  const post = (path: string, form: Record<string, string>) =>
    fetch(issuer + path, {
      method: 'POST',
      headers: { authorization: basic },
      body: new URLSearchParams(form),
    })

  async function token(form: Record<string, string>): Promise<Answer> {
    const response = await post('/token', form)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  const fixture: MinimalProvider = {
    provider,
    meanwhile: undefined,
    async signIn({ scope = 'openid', browser = new Browser(), prompt } = {}) {
      const verifier = randomBytes(32).toString('base64url')
      const asked = prompt ?? (scope.includes('offline_access') ? 'consent' : undefined)
      const back = await browser.visit(
        authorization(scope, verifier, asked === undefined ? {} : { prompt: asked }),
      )
      const value = back.searchParams.get('code')
      if (value === null) throw new Error(`no code: ${back.search}`)
      return { value, verifier, browser }
    },
    async silently(browser, client_id = 'rp') {
      const verifier = randomBytes(32).toString('base64url')
      const back = await browser.visit(authorization('openid', verifier, { prompt: 'none', client_id }))
      return Object.fromEntries(back.searchParams)
    },
    redeem: ({ value, verifier }) =>
      token({
        grant_type: 'authorization_code',
        code: value,
        code_verifier: verifier,
        redirect_uri: redirectUri,
      }),
    refresh: (refreshToken) => token({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    async userinfo(accessToken) {
      const response = await fetch(`${issuer}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
      await response.arrayBuffer()
      return response.status
    },
    async introspect(opaque) {
      const response = await post('/token/introspection', { token: opaque })
      return ((await response.json()) as { active: boolean }).active
    },
  }
  return fixture
}
