import assert from 'node:assert/strict'
import { type Configuration, Provider } from 'oidc-provider'
import { refedsLadder, totp } from '../../src/index.ts'
import { type GatheredFrom, gatherFacts, type Request } from '../../src/plugin/facts.ts'
import { checkOptions } from '../../src/plugin/options.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { decide } from '../../src/policy/policy.ts'
import { reactions, signalNames } from '../../src/policy/signals.ts'
import { type ForeignHost, foreignConfiguration, startForeignHost } from '../support/foreign-host.ts'
import { testClient } from '../support/relying-party.ts'

const [sfa, mfa, phr] = refedsLadder.map(({ acr }) => acr) as [string, string, string]

/** Hosts may be plain JavaScript: whatever they say comes here. */
const check = (policy?: object) =>
  checkOptions({ factors: [totp()], ...(policy && { policy }) } as never).policy

const refuses = (policy: object, why: RegExp) =>
  assert.throws(() => check(policy), { name: 'TypeError', message: why }, JSON.stringify(policy))

describe('options of the plugin', () => {
  describe('for trusted devices', () => {
    it('trust none unless they are named, and then for thirty days', () => {
      for (const policy of [undefined, {}, { trustedDevices: undefined }, { trustedDevices: {} }])
        assert.deepEqual(check(policy).trustedDevices, { kind: 'off', days: 30 })
      for (const kind of ['off', 'cookie', 'bound'])
        assert.deepEqual(check({ trustedDevices: { kind } }).trustedDevices, { kind, days: 30 })
      for (const days of [1, 365])
        assert.deepEqual(check({ trustedDevices: { kind: 'bound', days } }).trustedDevices, {
          kind: 'bound',
          days,
        })
    })
    it('are words of ours, and a number of days', () => {
      for (const kind of ['Cookie', '', 'on', 'device', true, false, null, 1, ['bound']])
        refuses({ trustedDevices: { kind } }, /policy\.trustedDevices\.kind/)
      for (const days of [0, -1, 366, 0.5, '30', null, true, Number.NaN, Number.POSITIVE_INFINITY, 30n])
        assert.throws(() => check({ trustedDevices: { kind: 'cookie', days } }), {
          name: 'TypeError',
          message: /policy\.trustedDevices\.days/,
        })
    })
  })

  describe('for what is unusual', () => {
    const all = (reaction: string, but: object = {}) => ({
      ...Object.fromEntries(signalNames.map((signal) => [signal, reaction])),
      ...but,
    })
    it('record everything unless something else is named', () => {
      for (const policy of [
        undefined,
        {},
        { context: undefined },
        { context: {} },
        { context: { reactions: {} } },
      ]) {
        const { context, networks } = check(policy)
        assert.deepEqual(context, { reactions: all('record'), failures: 5, kilometresPerHour: 1_000 })
        assert.deepEqual(networks, [])
      }
      for (const signal of signalNames)
        for (const reaction of reactions)
          assert.deepEqual(
            check({ context: { reactions: { [signal]: reaction } } }).context.reactions,
            all('record', { [signal]: reaction }),
          )
    })
    it('name signals and reactions of ours', () => {
      for (const wrong of [
        { 'new-planet': 'refuse' },
        { constructor: 'refuse' },
        { 'new-device': 'block' },
        { 'new-device': 'Refuse' },
        { 'new-device': '' },
        { 'new-device': true },
        { 'new-device': null },
        { 'new-device': undefined },
        { 'new-device': ['refuse'] },
        { 'new-device': 'refuse', 'new-contry': 'refuse' },
        ['new-device'],
        'refuse',
      ])
        refuses({ context: { reactions: wrong } }, /policy\.context\.reactions/)
    })
    it('name networks by their address', () => {
      const networks = ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7']
      assert.deepEqual(check({ context: { networks } }).networks, networks)
      for (const wrong of ['office', '', '192.0.2.0/33', '192.0.2', '192.0.2.0/24 ', '192.0.2.0-192.0.2.9'])
        refuses({ context: { networks: ['192.0.2.0/24', wrong] } }, /policy\.context\.networks/)
      for (const wrong of ['192.0.2.0/24', [7], [null], {}, null, true])
        refuses({ context: { networks: wrong } }, /./)
    })
    it('have limits that are numbers', () => {
      const { context } = check({ context: { failures: 1, kilometresPerHour: 900 } })
      assert.deepEqual([context.failures, context.kilometresPerHour], [1, 900])
      for (const name of ['failures', 'kilometresPerHour'])
        for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, true, []])
          refuses({ context: { [name]: value } }, new RegExp(`policy\\.context\\.${name}`))
    })
  })

  describe('for the age of a level', () => {
    const [one, two, ...more] = refedsLadder as readonly [object, object, ...object[]]
    it('are whole seconds, or none', () => {
      for (const maxAge of [1, 900, undefined]) {
        const ladder = [one, { ...two, maxAge }, ...more]
        assert.equal(check({ ladder }).ladder, ladder)
      }
      for (const maxAge of [0, -1, 0.5, '900', null, true, Number.NaN, Number.POSITIVE_INFINITY])
        refuses({ ladder: [one, { ...two, maxAge }, ...more] }, /policy\.ladder/)
    })
  })
})

describe('the age of a second factor as client metadata', () => {
  let foreign: ForeignHost
  before(async () => {
    foreign = await startForeignHost()
  })
  after(() => foreign.close())
  const find = (metadata: object) => {
    const configuration: Configuration = {
      ...foreignConfiguration(),
      clients: [{ ...testClient, ...metadata }],
    }
    return new Provider('http://127.0.0.1', foreign.mfa.configure(configuration)).Client.find('rp')
  }
  it('is kept as it is where it is whole seconds', async () => {
    for (const second_factor_max_age of [1, 900])
      assert.equal((await find({ second_factor_max_age }))?.['second_factor_max_age'], second_factor_max_age)
    assert.equal((await find({}))?.['second_factor_max_age'], undefined)
  })
  for (const second_factor_max_age of [0, -1, 0.5, '900', '', null, true, [900], {}])
    it(`is none as ${JSON.stringify(second_factor_max_age)}`, async () => {
      await assert.rejects(async () => find({ second_factor_max_age }), {
        error: 'invalid_client_metadata',
        error_description: /second_factor_max_age/,
      })
    })
})

describe('the facts of a decision', () => {
  const gathered = (over: Partial<GatheredFrom> = {}) =>
    gatherFacts({
      settings: check({ secondFactor: 'off' }),
      client: undefined,
      request: {},
      standing: { factors: ['totp'], lockedAt: null },
      groups: [],
      rules: noRules,
      signals: [],
      proven: undefined,
      ...over,
    })

  it('have the age that the relying party takes, with or without a request', () => {
    const client = { second_factor_max_age: 900 }
    assert.equal(gathered({ client }).maxAge, 900)
    assert.equal(gathered({ client, request: undefined }).maxAge, 900)
    assert.equal(gathered({ client: {} }).maxAge, undefined)
    assert.equal(gathered().maxAge, undefined)
  })
  it('take an age that was written past every validator for none at all', () => {
    for (const second_factor_max_age of [null, '900', -1, 0, 0.5, 'never', {}, true]) {
      const given = gathered({ client: { second_factor_max_age } })
      assert.equal(given.maxAge, 0, JSON.stringify(second_factor_max_age))
      const proven = { acr: mfa, amr: ['pwd', 'otp', 'mfa'], factors: ['totp'], age: 1 }
      assert.equal(decide({ ...given, proven }).kind, 'step-up')
    }
  })
  it('want a proof anew where the request does', () => {
    const fresh: Array<[request: Request | undefined, fresh: boolean]> = [
      [undefined, false],
      [{}, false],
      [{ prompt: 'login' }, true],
      [{ prompt: 'second_factor' }, true],
      [{ prompt: 'consent login' }, true],
      [{ prompt: 'login second_factor' }, true],
      [{ prompt: 'consent' }, false],
      [{ prompt: 'none' }, false],
      [{ prompt: 'login_hint' }, false],
      [{ max_age: 0 }, true],
      [{ max_age: 86_400 }, true],
      [{ max_age: '0' }, true],
      [{ max_age: undefined }, false],
      [{ acr_values: mfa }, false],
    ]
    for (const [request, wanted] of fresh)
      assert.equal(gathered({ request }).fresh, wanted, JSON.stringify(request))
  })
  it('have every minimum with who says it, of the account first', () => {
    const { minimums } = gathered({
      standing: { factors: [], lockedAt: null, minimum: mfa },
      groups: [{ name: 'staff', minimum: phr }, { name: 'guests' }, { name: 'visitors', minimum: sfa }],
      client: { minimum_acr: phr },
    })
    assert.deepEqual(minimums, [
      { rule: 'account', acr: mfa },
      { rule: 'group:staff', acr: phr },
      { rule: 'group:visitors', acr: sfa },
      { rule: 'client:minimum_acr', acr: phr },
    ])
  })
  it('pass on what was seen of the sign-in, and what was proven', () => {
    const signals = [{ signal: 'new-device', reaction: 'step-up' }] as const
    const proven = { acr: mfa, amr: ['pwd'], factors: ['totp'], age: 3, trust: { factors: ['totp'] } }
    const given = gathered({ signals, proven })
    assert.deepEqual([given.signals, given.proven], [signals, proven])
  })
})
