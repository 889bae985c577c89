import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type Adapter, type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { refedsLadder, totp } from '../../src/index.ts'
import { checkOptions } from '../../src/plugin/options.ts'
import { type ForeignHost, foreignConfiguration, startForeignHost } from '../support/foreign-host.ts'
import { testClient } from '../support/relying-party.ts'
import { slowMemory } from '../support/slow-memory.ts'

const [sfa, mfa] = refedsLadder.map(({ acr }) => acr) as [string, string]

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
    assert.notEqual(foreign.provider.backchannelResult, Provider.prototype.backchannelResult)
    assert.ok(foreign.provider.listenerCount('access_token.saved') > 0)
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
  it('refuses options that are none of ours, since none of them may mean “off”', () => {
    const options = (change: object) => () => checkOptions({ factors: [totp()], ...change } as never)
    for (const secondFactor of ['mandatory', '', 'OFF', true, null])
      assert.throws(options({ policy: { secondFactor } }), /secondFactor/, String(secondFactor))
    for (const ladder of [[], ['one'], ['same', 'same'], ['a', ''], 'ab', [1, 2]])
      assert.throws(options({ policy: { ladder } }), /ladder/)
    for (const attempts of [
      { lockAfter: 101 },
      { lockAfter: Number.POSITIVE_INFINITY },
      { freeFailures: 0 },
      { firstWait: Number.NaN },
      { longestWait: '60' },
    ])
      assert.throws(options({ attempts }), /attempts\./, JSON.stringify(attempts))
    assert.deepEqual(
      checkOptions({ factors: [totp()], attempts: { lockAfter: undefined } as never }).limits,
      checkOptions({ factors: [totp()] }).limits,
    )
    assert.equal(checkOptions({ factors: [totp()] }).policy.secondFactor, 'required')
    for (const factors of [{ totp: 'sometimes' }, { pigeon: 'allow' }, ['totp'], null, 'totp'])
      assert.throws(options({ policy: { factors } }), /policy\.factors/, JSON.stringify(factors))
    assert.throws(options({ policy: { factors: { totp: 'forbid' } } }), /every factor/)
    assert.throws(options({ policy: { groups: { staff: { factors: { totp: 1 } } } } }), /groups\.staff/)
  })
  it('refuses client metadata that is neither true nor false', async () => {
    const clients = [{ ...testClient, require_second_factor: 'true' }]
    const provider = new Provider(
      'http://127.0.0.1',
      foreign.mfa.configure({ ...foreignConfiguration(), clients }),
    )
    await assert.rejects(provider.Client.find('rp'), { error: 'invalid_client_metadata' })
  })
  it('answers its routes whatever is asked, and leaves to the host what is not its own', async () => {
    const raw = (target: string, method = 'GET') =>
      new Promise<string>((resolve) => {
        const { port } = new URL(foreign.issuer)
        const socket = connect(Number(port), '127.0.0.1', () =>
          socket.end(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
        )
        let text = ''
        socket.on('data', (chunk) => (text += chunk)).on('close', () => resolve(text.split('\r\n')[0] ?? ''))
      })
    // Koa prints what it cannot parse.
    foreign.provider.silent = true
    const uid = 'a'.repeat(43)
    assert.match(await raw(`/login/${uid}/second-factor`), / 400 /)
    assert.match(await raw(`/login/${uid}/second-factor`, 'DELETE'), / 405 /)
    assert.match(await raw(`//[/${uid}/second-factor`), / 40[04] /)
    assert.match(await raw('/settings/second-factor'), / 404 /)
    for (const target of ['//', 'http://[', '/.//evil/second-factor'])
      assert.match(await raw(target), /^HTTP/, target)
    assert.equal((await fetch(`${foreign.issuer}/.well-known/openid-configuration`)).status, 200)
  })
  it('answers a right password without an interaction by a page', async () => {
    const response = await fetch(`${foreign.issuer}/login/${'a'.repeat(43)}`, {
      method: 'POST',
      body: new URLSearchParams({ username: 'maria', password: 'correct horse' }),
    })
    assert.equal(response.status, 400)
    assert.match(await response.text(), /expired/)
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
    assert.deepEqual(extended.acrValues, ['urn:own', sfa, mfa, 'phr', 'phrh'])
    assert.deepEqual(extended.claims, {
      authenticators: null,
      openid: ['sub', 'own', 'acr', 'amr', 'auth_time'],
      profile: ['name'],
    })
    assert.deepEqual(extended.discovery, {
      own: 'yes',
      prompt_values_supported: ['none', 'login', 'consent', 'second_factor'],
    })
    assert.deepEqual(extended.extraClientMetadata?.properties, [
      'own',
      'require_second_factor',
      'second_factors',
      'second_factor_max_age',
      'minimum_acr',
    ])
  })
})
