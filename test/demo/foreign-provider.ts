import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import Provider, { type InteractionResults } from 'oidc-provider'

export const sfa = 'https://refeds.org/profile/sfa'
export const mfa = 'https://refeds.org/profile/mfa'

/** What the foreign provider answers at the next interaction; a test changes it. */
export interface Person {
  acr: string
  amr: string[]
  name: string
  /** Finishes with this error instead. */
  error?: string
  /** Seconds the sign-in lies in the past. */
  age?: number
  /** Seconds that an access token for the resource lives. */
  tokenLife?: number
  /** Not an account any more. */
  gone?: boolean
}

interface ForeignProvider {
  issuer: string
  /** Origin of the relying party. */
  partyUrl: string
  person: () => Person
  /** A resource server that takes its tokens. */
  resource?: { url: string; scope: string }
  log: (message: string) => void
}

/** A plain oidc-provider for the one client `demo`; its interactions finish by themselves as `person()`. */
export const foreignProvider = ({
  issuer,
  partyUrl,
  person,
  resource,
  log,
}: ForeignProvider): RequestListener => {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'demo',
        client_secret: 'demo-secret',
        redirect_uris: [`${partyUrl}/callback`],
        post_logout_redirect_uris: [`${partyUrl}/`],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      resourceIndicators: {
        enabled: resource !== undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: resource?.url ?? '',
          scope: resource?.scope ?? '',
          accessTokenFormat: 'jwt',
          accessTokenTTL: person().tokenLife ?? 300,
        }),
      },
    },
    extraTokenClaims(ctx) {
      const source = ctx.oidc.entities.RefreshToken ?? ctx.oidc.entities.AuthorizationCode
      return { acr: source?.acr, amr: source?.amr, auth_time: source?.authTime }
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], profile: ['name'], email: ['email'] },
    acrValues: [sfa, mfa, 'phr'],
    cookies: { keys: ['only for this test'] },
    rotateRefreshToken: true,
    findAccount: (_ctx, id) =>
      person().gone
        ? undefined
        : { accountId: id, claims: () => ({ sub: id, name: person().name, email: 'maria@example.org' }) },
  })
  provider.on('server_error', (_ctx, error) => log(`provider: ${error.message}`))
  const finish = async (uid: string): Promise<string> => {
    const interaction = await provider.Interaction.find(uid)
    assert.ok(interaction)
    const grant = new provider.Grant({ accountId: 'maria', clientId: 'demo' })
    grant.addOIDCScope('openid profile email offline_access')
    if (resource) grant.addResourceScope(resource.url, resource.scope)
    grant.addOIDCClaims(['acr', 'amr', 'auth_time', 'name', 'email', 'sub'])
    const result: InteractionResults =
      person().error === undefined
        ? {
            login: {
              accountId: 'maria',
              acr: person().acr,
              amr: person().amr,
              ts: Math.floor(Date.now() / 1000) - (person().age ?? 0),
            },
            consent: { grantId: await grant.save() },
          }
        : { error: person().error, error_description: 'as the test wants' }
    interaction.result = result
    await interaction.persist()
    return interaction.returnTo
  }
  const callback = provider.callback()
  return (request, response) => {
    const uid = /^\/interaction\/([\w-]+)$/.exec(request.url ?? '')?.[1]
    if (uid === undefined) return void callback(request, response)
    finish(uid).then(
      (location) => response.writeHead(303, { location }).end(),
      (error) => response.writeHead(500).end(String(error)),
    )
  }
}
