/** The reference: oidc-provider as its documentation has it, a plain Redis adapter, RS256, no second factor, no hash. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { Redis } from 'ioredis'
import Provider from 'oidc-provider'
import { answerBench } from './child.ts'
import { createPlainAdapter } from './redis-adapter.ts'
import {
  client,
  clientMetadata,
  lifetimes,
  password,
  readSettings,
  resource,
  resourceScope,
  scope,
} from './setup.ts'

const settings = readSettings()
const redis = new Redis(settings.redisUrl)
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const provider = new Provider(`http://127.0.0.1:${settings.port}`, {
  adapter: createPlainAdapter(redis),
  clients: [clientMetadata],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'bench' }] },
  cookies: { keys: [randomBytes(32).toString('base64')] },
  claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], email: ['email', 'email_verified'] },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true }),
  }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: settings.rotate ?? true,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    claimsParameter: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: resourceScope,
        audience: resource,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  ttl: {
    Interaction: lifetimes.interaction,
    Session: lifetimes.session,
    Grant: lifetimes.refreshToken,
    AuthorizationCode: lifetimes.authorizationCode,
    AccessToken: lifetimes.accessToken,
    ClientCredentials: lifetimes.accessToken,
    IdToken: lifetimes.idToken,
    RefreshToken: lifetimes.refreshToken,
  },
})

const page = `<!doctype html><html lang="en"><title>Sign in</title><form method="post">
<input name="username" autocomplete="username"><input name="password" type="password" autocomplete="current-password">
<button name="intent" value="sign-in">Sign in</button></form></html>`

const showLogin = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  await provider.interactionDetails(request, response)
  response.setHeader('content-type', 'text/html; charset=utf-8').end(page)
}

/** Login and consent in one interaction, the way that costs least. */
const finishLogin = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const form = await readForm(request)
  const accountId = form.get('username') ?? ''
  if (form.get('password') !== password) return void response.writeHead(403).end()
  await provider.interactionDetails(request, response)
  const grant = new provider.Grant({ accountId, clientId: client.id })
  grant.addOIDCScope(scope)
  const grantId = await grant.save()
  await provider.interactionFinished(request, response, {
    login: {
      accountId,
      acr: 'https://refeds.org/profile/sfa',
      amr: ['pwd'],
      ts: Math.floor(Date.now() / 1000),
    },
    consent: { grantId },
  })
}

const readForm = async (request: IncomingMessage): Promise<URLSearchParams> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

const callback = provider.callback()
const handler: RequestListener = (request, response) => {
  if (!request.url?.startsWith('/interaction/')) return void callback(request, response)
  const answered = request.method === 'POST' ? finishLogin(request, response) : showLogin(request, response)
  answered.catch((error) => response.writeHead(500).end(String(error)))
}

createServer(handler).listen(settings.port, '127.0.0.1')
answerBench()
