import assert from 'node:assert/strict'
import { type Adapter, type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { refedsLadder } from '../../src/index.ts'
import { type ForeignHost, foreignConfiguration, startForeignHost } from '../support/foreign-host.ts'
import { slowMemory } from '../support/slow-memory.ts'

const [sfa, mfa] = refedsLadder

describe('the plugin carries every layer', () => {
  let foreign: ForeignHost
  let configured: Configuration
  before(async () => {
    foreign = await startForeignHost()
    configured = foreign.mfa.configure(foreignConfiguration())
  })
  after(() => foreign.close())
  const ctx = { oidc: { client: undefined, session: undefined } } as unknown as KoaContextWithOIDC

  it('1: the prompt is in the policy', () => {
    assert.deepEqual(
      configured.interactions?.policy?.map(({ name }) => name),
      ['login', 'second_factor', 'consent'],
    )
  })
  it('2: the gate listens', () => {
    assert.throws(
      () => foreign.provider.emit('authorization.accepted', ctx),
      errors.UnmetAuthenticationRequirements,
    )
  })
  it('3: the account lookup judges tokens', async () => {
    await assert.rejects(
      async () => configured.findAccount?.(ctx, 'maria', { kind: 'RefreshToken', amr: ['pwd'] } as never),
      errors.InvalidGrant,
    )
    assert.ok(await configured.findAccount?.(ctx, 'maria'))
  })
  it('4: CIBA results and custom grants are guarded', async () => {
    await assert.rejects(foreign.provider.backchannelResult('unknown', 'unknown'), errors.InvalidGrant)
    assert.notEqual(foreign.provider.registerGrantType, Provider.prototype.registerGrantType)
  })
  it('5: codes are spent once', async () => {
    const codes = (configured.adapter as (name: string) => Adapter)('AuthorizationCode')
    await codes.upsert('c', { jti: 'c', exp: Math.floor(Date.now() / 1000) + 60 }, 60)
    await codes.consume('c')
    await assert.rejects(Promise.resolve(codes.consume('c')), errors.InvalidGrant)
  })
  it('refuses a provider that was not built from it, or from which a part was taken', () => {
    const refuses = (change: Configuration | ((given: Configuration) => Configuration), why: RegExp) => {
      const given =
        typeof change === 'function' ? change(foreign.mfa.configure(foreignConfiguration())) : change
      assert.throws(() => foreign.mfa.attach(new Provider('http://127.0.0.1', given)), why)
    }
    refuses(foreignConfiguration(), /configure/)
    refuses((given) => ({ ...given, interactions: { url: () => '/elsewhere' } }), /interaction policy/)
    refuses((given) => ({ ...given, findAccount: async () => undefined }), /findAccount/)
    refuses((given) => ({ ...given, adapter: slowMemory() }), /adapter/)
    refuses((given) => ({ ...given, loadExistingGrant: async () => undefined }), /loadExistingGrant/)
    assert.throws(
      () =>
        foreign.mfa.configure({
          ...foreignConfiguration(),
          features: { devInteractions: { enabled: true } },
        }),
      /devInteractions/,
    )
    const { findAccount: _, ...without } = foreignConfiguration()
    assert.throws(() => foreign.mfa.configure(without), /findAccount/)
  })
  it('overwrites nothing that the host set', () => {
    const given: Configuration = {
      ...foreignConfiguration(),
      acrValues: ['urn:own'],
      claims: { openid: ['sub', 'own'], profile: ['name'] },
      discovery: { own: 'yes' },
      extraClientMetadata: { properties: ['own'] },
    }
    const copy = { ...given }
    const extended = foreign.mfa.configure(given)
    assert.deepEqual(given, copy)
    assert.deepEqual(extended.acrValues, ['urn:own', sfa, mfa])
    assert.deepEqual(extended.claims, {
      openid: ['sub', 'own', 'acr', 'amr', 'auth_time'],
      profile: ['name'],
    })
    assert.deepEqual(extended.discovery, {
      own: 'yes',
      prompt_values_supported: ['none', 'login', 'consent', 'second_factor'],
    })
    assert.deepEqual(extended.extraClientMetadata?.properties, ['own', 'require_second_factor'])
  })
})
