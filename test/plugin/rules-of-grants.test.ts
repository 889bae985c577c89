import assert from 'node:assert/strict'
import { type Configuration, errors } from 'oidc-provider'
import { recoveryCodes, refedsLadder, totp } from '../../src/index.ts'
import { Browser } from '../support/browser.ts'
import { type ForeignHost, foreignConfiguration, startForeignHost } from '../support/foreign-host.ts'
import { cheapHasher } from '../support/provider.ts'
import { discoverRelyingParty, testClient } from '../support/relying-party.ts'
import { answerPage, codeNow, secretOn } from '../support/steps.ts'

const mfa = refedsLadder[1]?.acr as string
const ciba = 'urn:openid:params:grant-type:ciba'
const own = 'urn:test:own'
const both = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }

/** Where a policy has rules, `acr` and `amr` do not say enough: an app's code and a recovery code are both `otp`. */
describe('rules for factors at grants that ask nobody', () => {
  let host: ForeignHost
  let admitted: Parameters<ForeignHost['mfa']['admit']>[1]
  before(async () => {
    const configuration = foreignConfiguration()
    host = await startForeignHost({
      configuration: {
        clients: [
          {
            ...testClient,
            grant_types: [...testClient.grant_types, ciba, own],
            backchannel_token_delivery_mode: 'poll',
          },
        ],
        features: {
          ...configuration.features,
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
      } as Partial<Configuration>,
      options: {
        factors: [totp(), recoveryCodes({ hasher: cheapHasher() })],
        policy: { factors: { 'recovery-code': 'forbid' } },
      },
    })
    host.provider.registerGrantType(own, async (ctx) => {
      await host.mfa.admit(ctx, admitted)
      const { AccessToken } = ctx.oidc.provider
      const token = new AccessToken({
        accountId: 'maria',
        client: ctx.oidc.client,
        scope: 'openid',
      } as never)
      ctx.body = { access_token: await token.save(), token_type: 'Bearer' }
    })
    await host.directory.addCredential({
      id: 'luigi-app',
      accountId: 'luigi',
      factor: 'totp',
      label: '',
      handle: null,
      secret: 's',
      counter: 0,
      createdAt: 0,
      lastUsedAt: null,
    })
  })
  after(() => host.close())

  it('admit what names the factors that it asked, and nothing that a rule forbids or that names none', async () => {
    const ask = async (factors?: string[]) => {
      admitted = { accountId: 'luigi', ...both, ...(factors && { factors }) }
      const secret = encodeURIComponent(testClient.client_secret).replaceAll('%20', '+')
      const response = await fetch(`${host.issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`rp:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: own }),
      })
      return { status: response.status, hasToken: (await response.text()).includes('access_token') }
    }
    assert.deepEqual(await ask(['totp']), { status: 200, hasToken: true })
    assert.deepEqual(await ask(['recovery-code', 'totp']), { status: 200, hasToken: true })
    for (const factors of [undefined, [], ['recovery-code']]) {
      const { status, hasToken } = await ask(factors)
      assert.ok(status >= 400 && !hasToken, String(factors))
    }
  })

  it('take a CIBA result that names the session and moment of its proof, and no other', async () => {
    const rp = await discoverRelyingParty(host.issuer)
    const browser = new Browser()
    const request = await rp.begin()
    const login = await browser.get(request.url)
    const second = await browser.post(login.url, { username: 'maria', password: 'correct horse' })
    // Codes are forbidden, so setting the app up is all there is.
    const code = codeNow(secretOn(second), host.clock)
    const last = await answerPage(browser, second, { intent: 'confirm', code, label: '' })
    const tokens = await request.finish(last.url)
    const { provider } = host
    const sessionUid = (await provider.AccessToken.find(tokens.access_token))?.sessionUid as string
    const claims = tokens.claims()
    const authTime = claims?.auth_time ?? 0
    const { acr, amr } = both
    assert.deepEqual([claims?.['acr'], claims?.['amr']], [acr, amr])
    const approve = async (proof?: object) => {
      const asked = new provider.BackchannelAuthenticationRequest({
        accountId: 'maria',
        clientId: testClient.client_id,
        params: {},
      } as never)
      await asked.save()
      const grant = new provider.Grant({ accountId: 'maria', clientId: testClient.client_id })
      await grant.save()
      return provider.backchannelResult(asked, grant, proof)
    }
    await approve({ acr, amr, sessionUid, authTime })
    for (const other of [
      undefined,
      { acr, amr },
      { acr, amr, sessionUid },
      { acr, amr, authTime },
      { acr, amr, sessionUid: 'another', authTime },
      { acr, amr, sessionUid, authTime: authTime - 1 },
      { acr, amr: ['pwd', 'pop', 'mfa'], sessionUid, authTime },
      { amr, sessionUid, authTime },
    ])
      await assert.rejects(approve(other), errors.InvalidGrant, JSON.stringify(other))
  })
})
