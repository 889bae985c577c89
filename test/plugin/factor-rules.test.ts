import assert from 'node:assert/strict'
import { type Configuration, Provider } from 'oidc-provider'
import { webauthn } from '../../src/factors/webauthn/webauthn.ts'
import { recoveryCodes, totp } from '../../src/index.ts'
import { gatherFacts } from '../../src/plugin/facts.ts'
import { checkOptions } from '../../src/plugin/options.ts'
import { combineRules } from '../../src/policy/factor-rules.ts'
import { Browser } from '../support/browser.ts'
import { type ForeignHost, foreignConfiguration, startForeignHost } from '../support/foreign-host.ts'
import { register } from '../support/passkeys.ts'
import { cheapHasher } from '../support/provider.ts'
import { codeOf, discoverRelyingParty, errorOf, testClient } from '../support/relying-party.ts'
import { createSoftAuthenticator } from '../support/soft-authenticator.ts'
import { answerPage, recoveryCodesOn } from '../support/steps.ts'

const origin = 'http://127.0.0.1'
const factors = [
  webauthn({ rpId: '127.0.0.1', origins: [origin] }),
  totp(),
  recoveryCodes({ hasher: cheapHasher() }),
]

describe('rules for factors in the plugin', () => {
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

    it('are kept as they are where they can be understood', async () => {
      for (const second_factors of [
        {},
        { totp: 'require' },
        { webauthn: 'require', totp: 'allow', 'recovery-code': 'forbid' },
      ]) {
        const client = (await find({ second_factors })) as { second_factors?: unknown } | undefined
        assert.deepEqual(client?.second_factors, second_factors)
      }
      assert.ok(await find({}))
    })
    for (const second_factors of [
      { totp: 'never' },
      { totp: 'REQUIRE' },
      { totp: true },
      { totp: null },
      { totp: ['require'] },
      { TOTP: 'require' },
      { pigeon: 'allow' },
      { constructor: 'require' },
      ['totp'],
      [],
      'totp',
      '',
      true,
      null,
      0,
    ] as unknown[])
      it(`are no metadata of a client as ${JSON.stringify(second_factors)}`, async () => {
        await assert.rejects(async () => find({ second_factors }), { error: 'invalid_client_metadata' })
      })
    it('are checked beside what the host checks', async () => {
      const seen: string[] = []
      const extraClientMetadata = {
        properties: ['own'],
        validator: (_ctx: unknown, key: string) => void seen.push(key),
      }
      await find({ second_factors: { totp: 'allow' }, own: 1 }, { extraClientMetadata } as never)
      assert.deepEqual(seen.sort(), [
        'minimum_acr',
        'own',
        'require_second_factor',
        'second_factor_max_age',
        'second_factors',
      ])
      await assert.rejects(
        async () => find({ second_factors: { totp: 'never' } }, { extraClientMetadata } as never),
        { error: 'invalid_client_metadata' },
      )
    })
  })

  describe('of the host', () => {
    it('are options of ours, of factors that are there', () => {
      const check =
        (policy: object, given = factors) =>
        () =>
          checkOptions({ factors: given, policy } as never).policy
      assert.deepEqual(check({})().factors, {})
      assert.deepEqual(check({})().known, ['webauthn', 'totp', 'recovery-code'])
      assert.deepEqual(check({})().enrollable, ['webauthn', 'totp'])
      const groups = { staff: { factors: { webauthn: 'require' } }, guests: {} }
      assert.deepEqual(check({ factors: { totp: 'forbid' }, groups })().groups, groups)
      assert.throws(check({ factors: { webauthn: 'require' } }, [totp()]), /policy\.factors/)
      assert.throws(check({ groups: { staff: { factors: { pigeon: 'allow' } } } }), /policy\.groups\.staff/)
      assert.throws(check({ groups: { staff: { factors: ['totp'] } } }), /policy\.groups\.staff/)
      assert.throws(check({ factors: { totp: 'forbid', webauthn: 'forbid' } }), /every factor/)
      assert.throws(check({ factors: { totp: 'forbid' } }, [totp(), recoveryCodes()]), /every factor/)
    })
    it('reach the decision with the factors that there are', () => {
      const { policy } = checkOptions({ factors, policy: { secondFactor: 'off' } })
      const rules = combineRules({ totp: 'forbid' })
      const proven = { acr: undefined, amr: ['pwd'], factors: ['totp'] }
      const facts = gatherFacts({
        settings: policy,
        client: { second_factors: { totp: 'require' } },
        request: undefined,
        standing: { factors: ['totp'], lockedAt: null },
        groups: [],
        rules,
        signals: [],
        proven,
      })
      assert.deepEqual([facts.rules, facts.proven], [rules, proven])
      assert.deepEqual(facts.enrollable, ['webauthn', 'totp'])
    })
  })

  describe('for an owner of factors', () => {
    const asked: string[] = []
    const host = (secondFactor: 'required' | 'optional' | 'off', groups?: object) =>
      startForeignHost({
        options: {
          factors,
          policy: {
            secondFactor,
            factors: { 'recovery-code': 'forbid' },
            ...(groups && { groups: groups as never }),
          },
          groups: async (accountId) => {
            asked.push(accountId)
            return accountId === 'maria' ? ['staff', 'unknown', 'constructor'] : []
          },
        },
      })

    it('are those for everybody and of their groups, apart from any relying party', async () => {
      const foreign = await host('required', {
        staff: { factors: { webauthn: 'require' } },
        guests: { factors: { totp: 'forbid' } },
      })
      assert.deepEqual(await foreign.mfa.policyOf('maria'), {
        rules: { required: ['webauthn'], forbidden: ['recovery-code'] },
        demanded: true,
      })
      assert.deepEqual(await foreign.mfa.policyOf('luigi'), {
        rules: { required: [], forbidden: ['recovery-code'] },
        demanded: true,
      })
      await foreign.close()
    })
    it('demand none where the policy is optional or off, and ask for no groups where it names none', async () => {
      asked.length = 0
      for (const mode of ['optional', 'off'] as const) {
        const foreign = await host(mode)
        assert.deepEqual(await foreign.mfa.policyOf('maria'), {
          rules: { required: [], forbidden: ['recovery-code'] },
          demanded: false,
        })
        await foreign.close()
      }
      assert.deepEqual(asked, [])
    })
  })

  describe('a change of somebody’s factors', () => {
    it('becomes no login, not even under the id of an interaction', async () => {
      const foreign = await startForeignHost({ options: { factors } })
      const browser = new Browser()
      const rp = await discoverRelyingParty(foreign.issuer)
      const login = await browser.get((await rp.begin()).url)
      const uid = login.url.pathname.split('/').at(-1) as string
      const owner = { accountId: 'maria', clientId: 'rp', ...(await foreign.mfa.policyOf('maria')) }
      await foreign.mfa.changes.beginAdding(uid, owner, 'webauthn')
      // A key that verifies its user is two factors in one answer: enough for a login, if this were one.
      const at = { browser, page: await browser.get(`${login.url}/second-factor`) }
      const { page: issuing } = await register(at, createSoftAuthenticator(), { origin })
      recoveryCodesOn(issuing)
      const last = await answerPage(browser, issuing, { intent: 'saved' })
      assert.equal(codeOf(last), null)
      assert.equal(errorOf(last), 'unmet_authentication_requirements')
      await foreign.close()
    })
  })
})
