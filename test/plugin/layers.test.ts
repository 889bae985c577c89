import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Configuration,
  errors,
  interactionPolicy,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider'
import { systemClock } from '../../src/clock.ts'
import type { Standing } from '../../src/directory/directory.ts'
import { embeddedStore, refedsLadder, totp } from '../../src/index.ts'
import { guardAccounts } from '../../src/plugin/accounts.ts'
import { guardAuthorization } from '../../src/plugin/gate.ts'
import { guardGrantTypes } from '../../src/plugin/grants.ts'
import { createJudge, type Judge } from '../../src/plugin/judge.ts'
import { checkOptions } from '../../src/plugin/options.ts'
import { insertPrompt } from '../../src/plugin/prompt.ts'
import { createProofMemory } from '../../src/plugin/proofs.ts'
import { spendOnce } from '../../src/plugin/spend-once.ts'
import { Browser } from '../support/browser.ts'
import { foreignConfiguration } from '../support/foreign-host.ts'
import { codeOf, discoverRelyingParty, errorOf, testClient } from '../support/relying-party.ts'
import { slowMemory } from '../support/slow-memory.ts'

const [sfa, mfa] = refedsLadder.map(({ acr }) => acr) as [string, string]
const both = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }
let standing: Standing = { factors: ['totp'], lockedAt: null }
const judge = (): Judge =>
  createJudge(checkOptions({ factors: [totp()] }).policy, {
    directory: { standing: async () => standing },
    memory: createProofMemory(embeddedStore(':memory:')),
    devices: { trustOf: async () => undefined, signalsOfRequest: () => [] },
    clock: systemClock,
    groupsOf: async () => [],
  })

interface Careless {
  provider: Provider
  issuer: string
  server: Server
  /** What the host says of the sign-in; a password alone unless a test changes it. */
  proof: { acr: string; amr: string[] }
}

/** A host that finishes the interaction after the password by itself: whatever stops it here is the layer under test. */
const startCareless = async (
  configuration: Configuration,
  prepare: (provider: Provider) => void = () => {},
): Promise<Careless> => {
  const careless: Partial<Careless> = { proof: { acr: sfa, amr: ['pwd'] } }
  const server = createServer((req, res) => {
    const provider = careless.provider as Provider
    if (!req.url?.startsWith('/login/')) return void provider.callback()(req, res)
    if (req.url.includes('second-factor')) return void res.writeHead(200).end('second factor')
    void provider.interactionFinished(req, res, { login: { accountId: 'maria', ...careless.proof } })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, configuration)
  prepare(provider)
  return Object.assign(careless, { provider, issuer, server }) as Careless
}
const stop = async ({ server }: { server: Server }) => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
const pages = {
  url: (_ctx: KoaContextWithOIDC, interaction: { uid: string; prompt: { name: string } }) =>
    `/login/${interaction.uid}${interaction.prompt.name === 'second_factor' ? '/second-factor' : ''}`,
}

describe('the five layers, each alone', () => {
  beforeEach(() => {
    standing = { factors: ['totp'], lockedAt: null }
  })

  describe('layer 1: the prompt', () => {
    let careless: Careless
    before(async () => {
      const policy = insertPrompt(undefined, judge())
      careless = await startCareless({ ...foreignConfiguration(), interactions: { ...pages, policy } })
    })
    after(() => stop(careless))
    const authorize = async (parameters: Record<string, string> = {}, browser = new Browser()) =>
      browser.get((await (await discoverRelyingParty(careless.issuer)).begin(parameters)).url)

    it('sends a session with a password alone to the second step, and none with both', async () => {
      const stopped = await authorize()
      assert.match(stopped.url.pathname, /\/second-factor$/)
      assert.equal(codeOf(stopped), null)
      careless.proof = both
      assert.ok(codeOf(await authorize()))
      careless.proof = { acr: sfa, amr: ['pwd'] }
    })
    it('asks again a session that was made under a laxer policy', async () => {
      const browser = new Browser()
      careless.proof = both
      assert.ok(codeOf(await authorize({}, browser)))
      standing = { factors: ['webauthn'], lockedAt: null, marks: [] }
      assert.match((await authorize({}, browser)).url.pathname, /\/second-factor$/)
      careless.proof = { acr: sfa, amr: ['pwd'] }
    })
    it('answers interaction_required where nobody may be asked', async () => {
      const browser = new Browser()
      await authorize({}, browser)
      assert.equal(errorOf(await authorize({ prompt: 'none' }, browser)), 'interaction_required')
    })
    it('answers login_required where the second factor is locked', async () => {
      const browser = new Browser()
      careless.proof = both
      assert.ok(codeOf(await authorize({}, browser)))
      standing = { factors: ['totp'], lockedAt: 1 }
      assert.equal(errorOf(await authorize({ prompt: 'none' }, browser)), 'login_required')
      careless.proof = { acr: sfa, amr: ['pwd'] }
    })
    it('refuses an essential acr that cannot be reached, whatever acr_values says', async () => {
      careless.proof = both
      const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:out-of-reach'] } } })
      assert.equal(errorOf(await authorize({ claims, acr_values: sfa })), 'unmet_authentication_requirements')
      careless.proof = { acr: sfa, amr: ['pwd'] }
    })
    it('stands after login by name, keeps the prompts of the host, and leaves its objects alone', () => {
      const given = interactionPolicy.base()
      given.add(
        new interactionPolicy.Prompt(
          { name: 'terms' },
          new interactionPolicy.Check('never', '', 'login_required', () => false),
        ),
        0,
      )
      const checksBefore = given.get('login')?.checks.length
      const policy = insertPrompt(given, judge())
      assert.deepEqual(
        policy.map(({ name }) => name),
        ['terms', 'login', 'second_factor', 'consent'],
      )
      assert.equal(given.length, 3)
      assert.equal(given.get('login')?.checks.length, checksBefore)
      assert.equal(
        policy
          .find(({ name }) => name === 'login')
          ?.checks.some(({ reason }) => reason.startsWith('essential_acr')),
        false,
      )
      assert.throws(() => insertPrompt(policy, judge()), /already/)
      given.remove('login')
      assert.throws(() => insertPrompt(given, judge()), /login/)
    })
  })

  describe('layer 2: the gate', () => {
    it('stops an authorization that no check has admitted', async () => {
      const careless = await startCareless({ ...foreignConfiguration(), interactions: pages }, (provider) =>
        guardAuthorization(provider, judge()),
      )
      for (const amr of [['pwd'], both.amr]) {
        careless.proof = { acr: mfa, amr }
        const answer = await new Browser().get(
          (await (await discoverRelyingParty(careless.issuer)).begin()).url,
        )
        assert.equal(errorOf(answer), 'unmet_authentication_requirements')
        assert.equal(codeOf(answer), null)
      }
      await stop(careless)
    })
    it('throws synchronously, since a rejected promise would come too late', () => {
      const provider = new EventEmitter() as unknown as Provider
      guardAuthorization(provider, judge())
      assert.throws(
        () => provider.emit('authorization.accepted', { oidc: {} } as KoaContextWithOIDC),
        errors.UnmetAuthenticationRequirements,
      )
    })
  })

  describe('layer 3: the account lookup at the token endpoint', () => {
    let careless: Careless
    before(async () => {
      const configuration = foreignConfiguration()
      careless = await startCareless({
        ...configuration,
        findAccount: guardAccounts(
          configuration.findAccount as NonNullable<Configuration['findAccount']>,
          judge(),
          refedsLadder,
        ),
        interactions: pages,
      })
    })
    after(() => stop(careless))
    const redeem = async () => {
      const rp = await discoverRelyingParty(careless.issuer)
      const request = await rp.begin()
      const answer = await new Browser().get(request.url)
      assert.ok(codeOf(answer), 'this layer alone does not stop the code')
      return { rp, tokens: () => request.finish(answer.url) }
    }

    it('redeems no code of a password alone', async () => {
      const { tokens } = await redeem()
      await assert.rejects(tokens(), { error: 'invalid_grant' })
    })
    it('refreshes no token once the second factor is locked', async () => {
      careless.proof = both
      const { rp, tokens } = await redeem()
      const { refresh_token } = await tokens()
      await rp.refresh(refresh_token as string)
      standing = { factors: ['totp'], lockedAt: 1 }
      await assert.rejects(rp.refresh(refresh_token as string), { error: 'invalid_grant' })
      careless.proof = { acr: sfa, amr: ['pwd'] }
    })
  })

  describe('layer 4: grants that never meet the interaction policy', () => {
    const request = (provider: Provider) =>
      new provider.BackchannelAuthenticationRequest({
        accountId: 'maria',
        clientId: testClient.client_id,
        params: {},
      } as never)
    const withCiba = async (...customGrants: string[]) => {
      const configuration = foreignConfiguration()
      const client = {
        ...testClient,
        grant_types: [...testClient.grant_types, 'urn:openid:params:grant-type:ciba', ...customGrants],
        backchannel_token_delivery_mode: 'poll' as const,
      }
      return startCareless(
        {
          ...configuration,
          clients: [client],
          features: {
            ...configuration.features,
            clientCredentials: { enabled: true },
            ciba: {
              enabled: true,
              deliveryModes: ['poll'],
              processLoginHint: async () => 'maria',
              validateBindingMessage: async () => undefined,
              validateRequestContext: async () => undefined,
              verifyUserCode: async () => undefined,
              triggerAuthenticationDevice: async () => undefined,
            },
          },
        } as Configuration,
        (provider) => guardGrantTypes(provider, judge()),
      )
    }
    it('takes no CIBA result without a second factor', async () => {
      const { provider, server } = await withCiba()
      const grant = new provider.Grant({ accountId: 'maria', clientId: testClient.client_id })
      await grant.save()
      await assert.rejects(
        provider.backchannelResult(request(provider), grant, { acr: mfa, amr: ['pwd'] }),
        errors.InvalidGrant,
      )
      await assert.rejects(provider.backchannelResult(request(provider), grant), errors.InvalidGrant)
      const approved = request(provider)
      await approved.save()
      await provider.backchannelResult(approved, grant, both)
      await stop({ server })
    })
    it('lets a custom grant hand out no token of an account, and those of machines as before', async () => {
      const { provider, issuer, server } = await withCiba(
        'urn:test:impersonate',
        'urn:test:machine',
        'urn:test:id-token',
        'urn:test:disguised',
      )
      provider.registerGrantType('urn:test:impersonate', async (ctx) => {
        const token = new ctx.oidc.provider.AccessToken({
          accountId: 'maria',
          client: ctx.oidc.client,
          scope: 'openid',
          gty: 'impersonate',
        } as never)
        ctx.body = { access_token: await token.save(), token_type: 'Bearer' }
      })
      provider.registerGrantType('urn:test:machine', async (ctx) => {
        const token = new ctx.oidc.provider.ClientCredentials({
          client: ctx.oidc.client,
          scope: 'x',
        } as never)
        ctx.oidc.entity('ClientCredentials', token)
        ctx.body = { access_token: await token.save(), token_type: 'Bearer' }
      })
      provider.registerGrantType('urn:test:disguised', async (ctx) => {
        const { AccessToken } = ctx.oidc.provider
        const token = new AccessToken({
          accountId: 'maria',
          client: ctx.oidc.client,
          scope: 'openid',
        } as never)
        ctx.body = { ticket: await token.save() }
      })
      provider.registerGrantType('urn:test:id-token', async (ctx) => {
        ctx.body = { id_token: 'made by hand' }
      })
      const ask = async (grant_type: string) => {
        const response = await fetch(`${issuer}/token`, {
          method: 'POST',
          headers: {
            authorization: `Basic ${Buffer.from(`${testClient.client_id}:${encodeURIComponent(testClient.client_secret).replaceAll('%20', '+')}`).toString('base64')}`,
          },
          body: new URLSearchParams({ grant_type }),
        })
        return { status: response.status, ...((await response.json()) as object) }
      }
      const refused = await ask('urn:test:impersonate')
      assert.deepEqual(
        { ...refused, error_description: '' },
        { status: 400, error: 'invalid_grant', error_description: '' },
      )
      assert.equal((await ask('urn:test:id-token')).status, 400)
      assert.equal((await ask('urn:test:disguised')).status, 400)
      assert.equal((await ask('urn:test:machine')).status, 200)
      await stop({ server })
    })
  })

  describe('layer 5: spending once', () => {
    const redeemInParallel = async (configuration: Configuration) => {
      const careless = await startCareless(configuration)
      const rp = await discoverRelyingParty(careless.issuer)
      const request = await rp.begin()
      const answer = await new Browser().get(request.url)
      const results = await Promise.allSettled(Array.from({ length: 50 }, () => request.finish(answer.url)))
      await stop(careless)
      return {
        rp,
        won: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
        lost: results.flatMap((result) =>
          result.status === 'rejected' ? [result.reason as { error?: string }] : [],
        ),
      }
    }
    it('redeems a code once of 50 times, on the host’s own adapter', async () => {
      const { won, lost } = await redeemInParallel({
        ...foreignConfiguration(),
        interactions: pages,
        adapter: spendOnce(slowMemory(), embeddedStore(':memory:'), systemClock),
      })
      assert.equal(won.length, 1)
      assert.deepEqual(new Set(lost.map(({ error }) => error)), new Set(['invalid_grant']))
    })
    it('is needed: without it the same adapter redeems it many times', async () => {
      assert.ok(
        (await redeemInParallel({ ...foreignConfiguration(), interactions: pages, adapter: slowMemory() }))
          .won.length > 1,
      )
    })
    it('revokes the grant of a code that was spent twice', async () => {
      const Memory = slowMemory()
      const factory = spendOnce(Memory, embeddedStore(':memory:'), systemClock)
      const exp = Math.floor(Date.now() / 1000) + 60
      await factory('Grant').upsert('g', { jti: 'g', exp }, 60)
      const codes = factory('AuthorizationCode')
      await codes.upsert('c', { jti: 'c', grantId: 'g', exp }, 60)
      await codes.consume('c')
      await assert.rejects(Promise.resolve(codes.consume('c')), errors.InvalidGrant)
      assert.equal(await factory('Grant').find('g'), undefined)
    })
  })
})
