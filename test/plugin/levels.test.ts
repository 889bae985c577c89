import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { type Configuration, errors, Provider } from 'oidc-provider'
import {
  eidasLadder,
  type Ladder,
  recoveryCodes,
  refedsLadder,
  spidLadder,
  totp,
  webauthn,
} from '../../src/index.ts'
import { gatherFacts } from '../../src/plugin/facts.ts'
import { checkOptions } from '../../src/plugin/options.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { Browser } from '../support/browser.ts'
import { type ForeignHost, foreignConfiguration, startForeignHost } from '../support/foreign-host.ts'
import { cheapHasher } from '../support/provider.ts'
import { discoverRelyingParty, testClient } from '../support/relying-party.ts'
import { enrol } from '../support/steps.ts'

const [sfa, mfa, phr, phrh] = refedsLadder.map(({ acr }) => acr) as [string, string, string, string]
const keys = webauthn({ rpId: '127.0.0.1', origins: ['http://127.0.0.1'] })
const factors = [keys, totp(), recoveryCodes({ hasher: cheapHasher() })]
const both = { acr: mfa, amr: ['pwd', 'otp', 'mfa'] }

describe('levels in the plugin', () => {
  describe('of a relying party', () => {
    let foreign: ForeignHost
    before(async () => {
      foreign = await startForeignHost({ options: { factors } })
    })
    after(() => foreign.close())
    const find = (metadata: object, over: Partial<Configuration> = {}) => {
      const clients = [{ ...testClient, ...metadata }]
      const configured = foreign.mfa.configure({ ...foreignConfiguration(), ...over, clients })
      return new Provider('http://127.0.0.1', configured).Client.find('rp')
    }

    it('are kept as they are where they are on the ladder', async () => {
      for (const minimum_acr of [sfa, mfa, phr, phrh]) {
        const client = (await find({ minimum_acr })) as { minimum_acr?: unknown } | undefined
        assert.equal(client?.minimum_acr, minimum_acr)
      }
      assert.ok(await find({}))
    })
    for (const minimum_acr of [
      '',
      'PHR',
      ' phr',
      `${mfa} phr`,
      'two-factors',
      null,
      true,
      2,
      [phr],
      { acr: phr },
    ])
      it(`are no metadata of a client as ${JSON.stringify(minimum_acr)}`, async () => {
        await assert.rejects(async () => find({ minimum_acr }), { error: 'invalid_client_metadata' })
      })
    it('are checked beside what the host checks', async () => {
      const seen: string[] = []
      const extraClientMetadata = {
        properties: ['own'],
        validator: (_ctx: unknown, key: string) => void seen.push(key),
      }
      await assert.rejects(async () => find({ minimum_acr: 'prh' }, { extraClientMetadata } as never), {
        error: 'invalid_client_metadata',
        error_description: `minimum_acr must be one of ${[sfa, mfa, phr, phrh].join(', ')}`,
      })
      assert.ok(!seen.includes('minimum_acr'), 'the host is not asked about what is no value')
    })
  })

  describe('of the host', () => {
    const check = (policy: object, given: readonly object[] = factors) =>
      checkOptions({ factors: given, policy } as never).policy

    it('are those of REFEDS, or a ladder that rises from one factor over two', () => {
      assert.equal(check({}).ladder, refedsLadder)
      for (const ladder of [spidLadder, eidasLadder, refedsLadder.slice(0, 2), refedsLadder.slice(0, 3)])
        assert.equal(check({ ladder }).ladder, ladder)
    })
    const [one, two, three, four] = refedsLadder
    for (const [what, ladder] of [
      ['one level', [one]],
      ['no level', []],
      ['no first factor', [two, three]],
      ['no two factors', [one, three]],
      ['levels that fall', [one, two, four, three]],
      ['a level twice', [one, two, { acr: 'urn:x', asks: 'two-factors' }]],
      ['a value twice', [one, { acr: sfa, asks: 'two-factors' }]],
      ['an empty value', [one, { acr: '', asks: 'two-factors' }]],
      ['a value that is no text', [one, { acr: 2, asks: 'two-factors' }]],
      ['a strength that nobody knows', [one, { acr: 'urn:x', asks: 'many-factors' }]],
      ['no strength', [{ acr: 'urn:w' }, { acr: 'urn:x' }]],
      ['names alone, as they were once', [sfa, mfa]],
      ['null', [one, null]],
      ['no list', { 0: one, 1: two, length: 2 }],
    ] as const)
      it(`are not those of ${what}`, () => {
        assert.throws(() => check({ ladder }), /policy\.ladder/)
      })
    it('hold for groups, by a value of the ladder', () => {
      const groups = { staff: { minimum: phr }, guests: { factors: { totp: 'forbid' } } }
      assert.deepEqual(check({ groups }).groups, groups)
      assert.throws(() => check({ groups: { staff: { minimum: 'prh' } } }), /policy\.groups\.staff\.minimum/)
      assert.throws(() => check({ groups, ladder: spidLadder }), /policy\.groups\.staff\.minimum/)
    })
    it('reach hardware where a factor is attested', () => {
      assert.equal(check({}).attested, false)
      assert.equal(check({}, [{ ...keys, attested: true }, totp()]).attested, true)
      assert.equal(check({}, [totp()]).attested, false)
      assert.equal(keys.attested, false)
    })
    it('are gathered from the account, its groups and the relying party', () => {
      const settings = check({ secondFactor: 'off' })
      const gathered = (
        client: object | undefined,
        groups: Array<{ name: string; minimum?: string }> = [],
        minimum?: string | null,
      ) =>
        gatherFacts({
          settings,
          client,
          request: undefined,
          standing: { factors: [], lockedAt: null, ...(minimum !== undefined && { minimum }) },
          groups,
          rules: noRules,
          signals: [],
          proven: undefined,
        }).minimums
      const ofGroup = { acr: mfa, rule: 'group:staff' }
      const staff = { name: 'staff', minimum: mfa }
      assert.deepEqual(gathered(undefined), [])
      assert.deepEqual(gathered(undefined, [{ name: 'guests' }], null), [])
      assert.deepEqual(gathered({}, [staff, { name: 'guests' }]), [ofGroup])
      assert.deepEqual(gathered({ minimum_acr: phr }, [staff, { name: 'holders', minimum: phr }], mfa), [
        { acr: mfa, rule: 'account' },
        ofGroup,
        { acr: phr, rule: 'group:holders' },
        { acr: phr, rule: 'client:minimum_acr' },
      ])
      // What could not be checked is a minimum that nobody meets, rather than none.
      assert.deepEqual(gathered({ minimum_acr: null }), [{ acr: 'null', rule: 'client:minimum_acr' }])
      assert.deepEqual(gathered({ minimum_acr: '' }), [{ acr: '', rule: 'client:minimum_acr' }])
      assert.deepEqual(gathered({}, [], 'prh'), [{ acr: 'prh', rule: 'account' }])
    })
  })

  describe('at a host of its own', () => {
    const ciba = 'urn:openid:params:grant-type:ciba'
    const own = 'urn:test:own'
    let host: ForeignHost
    let proven: Parameters<ForeignHost['mfa']['admit']>[1] = { accountId: 'maria', ...both }
    const redirect_uri = 'https://rp.invalid/callback'
    const hybrid = {
      ...testClient,
      client_id: 'hybrid',
      redirect_uris: [redirect_uri],
      post_logout_redirect_uris: [],
      response_types: ['code id_token' as const],
    }
    before(async () => {
      const configuration = foreignConfiguration()
      const grants = { grant_types: [...testClient.grant_types, ciba, own] }
      const poll = { backchannel_token_delivery_mode: 'poll' as const }
      host = await startForeignHost({
        configuration: {
          clients: [
            { ...testClient, ...grants, ...poll },
            { ...testClient, ...grants, ...poll, client_id: 'vault', minimum_acr: phr },
            { ...hybrid, grant_types: ['authorization_code', 'implicit'] },
          ],
          responseTypes: ['code', 'code id_token'],
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
          factors,
          policy: { secondFactor: 'off', groups: { staff: { minimum: mfa }, holders: { minimum: phr } } },
          groups: async (id) => (id === 'luigi' ? ['holders'] : []),
        },
      })
      host.provider.registerGrantType(own, async (ctx) => {
        await host.mfa.admit(ctx, proven)
        const { AccessToken } = ctx.oidc.provider
        const token = new AccessToken({
          accountId: proven.accountId,
          client: ctx.oidc.client,
          scope: 'openid',
        } as never)
        ctx.body = { access_token: await token.save(), token_type: 'Bearer' }
      })
    })
    after(() => host.close())

    it('are demanded of CIBA results, whose answer is not called by a lower name', async () => {
      const { provider } = host
      const approve = async (clientId: string, accountId: string, proof: object) => {
        const asked = new provider.BackchannelAuthenticationRequest({
          accountId,
          clientId,
          params: {},
        } as never)
        await asked.save()
        const grant = new provider.Grant({ accountId, clientId })
        await grant.save()
        return provider.backchannelResult(asked, grant, proof)
      }
      const byKey = { acr: phr, amr: ['pwd', 'pop', 'user', 'mfa'] }
      await approve('rp', 'maria', both)
      await approve('vault', 'maria', byKey)
      await approve('rp', 'luigi', byKey)
      for (const [clientId, accountId, proof] of [
        ['vault', 'maria', both],
        ['vault', 'maria', { ...both, acr: phr }],
        ['vault', 'maria', { ...byKey, acr: mfa }],
        ['vault', 'maria', { ...byKey, amr: [...byKey.amr, 'mca'] }],
        ['rp', 'luigi', both],
      ] as const)
        await assert.rejects(approve(clientId, accountId, proof), errors.InvalidGrant, JSON.stringify(proof))
    })
    it('are demanded where the host authenticates by itself', async () => {
      const ask = async (clientId: string, given: typeof proven) => {
        proven = given
        const secret = encodeURIComponent(testClient.client_secret).replaceAll('%20', '+')
        const response = await fetch(`${host.issuer}/token`, {
          method: 'POST',
          headers: { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` },
          body: new URLSearchParams({ grant_type: own }),
        })
        return (await response.text()).includes('access_token')
      }
      const byKey = { acr: phr, amr: ['pwd', 'pop', 'user', 'mfa'] }
      assert.equal(await ask('rp', { accountId: 'maria', ...both }), true)
      assert.equal(await ask('vault', { accountId: 'maria', ...both }), false)
      assert.equal(await ask('vault', { accountId: 'maria', ...both, acr: phr }), false)
      assert.equal(await ask('vault', { accountId: 'maria', ...byKey }), true)
      assert.equal(await ask('rp', { accountId: 'luigi', ...both }), false)
      assert.equal(await ask('rp', { accountId: 'luigi', ...byKey }), true)
    })
    it('are called by the name that was asked for in an ID token from the authorization endpoint too', async () => {
      const browser = new Browser()
      const rp = await discoverRelyingParty(host.issuer, hybrid)
      const asking = async (parameters: Record<string, string>) => {
        const { url } = await rp.begin({
          redirect_uri,
          response_type: 'code id_token',
          scope: 'openid',
          ...parameters,
        })
        return browser.get(url)
      }
      const said = ({ url }: { url: URL }) => {
        const token = new URLSearchParams(url.hash.slice(1)).get('id_token')
        assert.ok(token, url.href)
        return decodeJwt(token)['acr']
      }
      const login = await asking({ acr_values: mfa })
      const second = await browser.post(login.url, { username: 'maria', password: 'correct horse' })
      const { last } = await enrol(browser, second, host.clock)
      assert.equal(said(last), mfa)
      assert.equal(said(await asking({})), mfa)
      assert.equal(said(await asking({ acr_values: sfa })), sfa)
      assert.equal(said(await asking({ acr_values: `${phr}x ${mfa}` })), mfa)
    })
    it('demand a second factor of the members of a group, and their last one stays', async () => {
      assert.equal((await host.mfa.policyOf('maria')).demanded, false)
      assert.equal((await host.mfa.policyOf('luigi')).demanded, true)
    })
  })

  it('are published after those of the host', async () => {
    const ladder: Ladder = spidLadder
    const foreign = await startForeignHost({ options: { factors, policy: { ladder } } })
    const extended = foreign.mfa.configure({ ...foreignConfiguration(), acrValues: ['urn:own'] })
    assert.deepEqual(extended.acrValues, ['urn:own', ...spidLadder.map(({ acr }) => acr)])
    await foreign.close()
  })
})
