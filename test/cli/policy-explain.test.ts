import assert from 'node:assert/strict'
import type { PolicyExplanation } from '../../src/cli/explanation.ts'
import { openWithAnna, type Person } from './account-on-file.ts'
import { cases } from './explained-cases.ts'

const [sfa, mfa] = ['https://refeds.org/profile/sfa', 'https://refeds.org/profile/mfa'] as const
const places = { file: 'test/support/places.mmdb' }
const rome = ['--from', '192.0.2.9']
const tokyo = ['--from', '203.0.113.9']
const atHome = [{}]

const explain = async (
  over: Record<string, unknown>,
  person: Person,
  args: readonly string[],
): Promise<PolicyExplanation> => {
  const terminal = await openWithAnna(over, person)
  try {
    const { status, stdout, stderr } = await terminal.run([
      ...['policy', 'explain', '--account', 'anna', '--client', 'shop', '--json'],
      ...args,
    ])
    assert.equal(status, 0, stderr)
    return JSON.parse(stdout)
  } finally {
    terminal.close()
  }
}

/** "step-up by mode", "refused locked by lock", "allowed acr by mode", after each thing proven. */
const decisionsOf = ({ stages }: PolicyExplanation): Record<string, string> =>
  Object.fromEntries(
    stages.map(({ proven, decision, rule }) => [
      proven.join('+'),
      [
        decision.kind,
        ...('because' in decision ? [decision.because] : [decision.acr.replace(/.*\//, '')]),
        'by',
        rule,
      ].join(' '),
    ]),
  )

describe('duepassi policy explain', () => {
  for (const { it: says, policy = {}, over = {}, person = {}, args = [], decisions, ways } of cases)
    it(says, async () => {
      const explanation = await explain({ policy, ...over }, person, args)
      assert.deepEqual(decisionsOf(explanation), decisions)
      const [first] = explanation.stages
      if (ways) assert.deepEqual([first?.asks, first?.setsUp], ways)
    })

  it('gathers the facts: factors, groups, place, browser, signals, demands', async () => {
    const { account, client, place, browser, signals, demands, mode, rules } = await explain(
      {
        places,
        policy: {
          factors: { 'recovery-code': 'forbid' },
          groups: { admins: { minimum: 'phr' } },
          context: { reactions: { 'new-country': 'step-up' } },
        },
      },
      {
        factors: ['totp'],
        groups: ['admins', 'other'],
        minimum: mfa,
        browsers: atHome,
        client: { require_second_factor: true },
      },
      [
        ...tokyo,
        '--new-device',
        '--user-agent',
        'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      ],
    )
    assert.deepEqual(account, {
      id: 'anna-1',
      username: 'anna',
      groups: ['admins', 'other'],
      disabled: false,
      factors: ['totp'],
      locked: false,
      minimum: mfa,
    })
    assert.deepEqual(client, { id: 'shop', name: 'The Shop' })
    assert.deepEqual(place, {
      address: '203.0.113.9',
      country: 'JP',
      city: 'Tokyo',
      browser: 'Firefox',
      system: 'Linux',
    })
    assert.equal(browser, 'new')
    assert.equal(mode, 'required')
    assert.deepEqual(rules, { required: [], forbidden: ['recovery-code'] })
    assert.deepEqual(signals, [
      { signal: 'new-country', reaction: 'step-up' },
      { signal: 'new-device', reaction: 'record' },
    ])
    assert.deepEqual(
      demands.map(({ rule, asks }) => `${asks} ${rule}`),
      [
        'phishing-resistant group:admins',
        'two-factors mode',
        'two-factors client:require_second_factor',
        'two-factors account',
        'two-factors signal:new-country',
        'one-factor request:claims',
        'one-factor request:acr_values',
      ],
    )
    assert.deepEqual(
      demands.map(({ acr }) => acr),
      ['phr', mfa, mfa, mfa, mfa, sfa, sfa],
    )
  })

  it('says what keeps the trust from counting, all of it', async () => {
    const { stages, trust } = await explain(
      { policy: { trustedDevices: { kind: 'cookie' }, groups: { admins: { trustedDevices: false } } } },
      { factors: ['totp'], groups: ['admins'], client: { require_second_factor: true } },
      ['--trusted-device', '--max-age', '300'],
    )
    assert.deepEqual(trust, { kind: 'cookie', factors: ['totp'], supposed: true })
    assert.deepEqual(stages[1]?.barriers, ['group:admins', 'request:fresh', 'client:require_second_factor'])
  })

  it('is readable', async () => {
    const terminal = await openWithAnna(
      { places, policy: { trustedDevices: { kind: 'cookie' }, groups: { admins: { minimum: 'phr' } } } },
      { factors: ['totp', 'recovery-code'], groups: ['admins'], browsers: [{ trusted: true }] },
    )
    const { status, stdout } = await terminal.run([
      ...[
        'policy',
        'explain',
        '--account',
        'ANNA',
        '--client',
        'shop',
        '--trusted-device',
        '--prompt',
        'login',
      ],
      ...rome,
    ])
    terminal.close()
    assert.equal(status, 0)
    for (const line of [
      'account       anna (anna-1)',
      'factors       recovery-code, totp',
      'second factor not locked',
      'groups        admins',
      'client        shop "The Shop"',
      'place         192.0.2.9, Rome, IT',
      'browser       unknown browser, one that the account signed in with before',
      'demands       two factors, one of them a key: the group admins [group:admins]',
      '              two factors: the general policy [mode]',
      'After the password alone',
      '  is asked for totp or recovery-code, then has to set up webauthn, to reach acr phr',
      '  decided by the group admins [group:admins]',
      'After password and a trusted browser',
      '  the trust does not count: the request wants a fresh proof (prompt, max_age) [request:fresh]',
      'After password and totp',
    ])
      assert.ok(stdout.split('\n').includes(line), `${line}\nin\n${stdout}`)
  })

  describe('refuses in one sentence', () => {
    let terminal: Awaited<ReturnType<typeof openWithAnna>>
    before(async () => {
      terminal = await openWithAnna()
    })
    after(() => terminal.close())
    const faults: Array<[why: RegExp, args: string[]]> = [
      [/no account "nobody"/, ['--account', 'nobody']],
      [/no client "nothing"/, ['--client', 'nothing']],
      [/--from is not an address/, ['--from', '192.0.2.300']],
      [/no --prompt logon/, ['--prompt', 'logon']],
      [/--max-age is a whole number/, ['--max-age', '5m']],
      [/--failures is a whole number/, ['--failures', '-1']],
      [/no --proven pigeon; there are password, /, ['--proven', 'pigeon']],
      [/begins with --proven password/, ['--proven', 'totp']],
      [/--essential-acr names no value/, ['--essential-acr', ' ']],
      [/no new one/, ['--new-device', '--trusted-device']],
    ]
    for (const [why, args] of faults)
      it(args.join(' '), async () => {
        const { status, stdout, stderr } = await terminal.run([
          ...['policy', 'explain', '--account', 'anna', '--client', 'shop'],
          ...args,
        ])
        assert.equal(status, 1)
        assert.match(stderr, why)
        assert.match(stderr, /^[^\n]+\n$/)
        assert.equal(stdout, '')
      })

    it('without account or client', async () => {
      for (const args of [
        ['--account', 'anna'],
        ['--client', 'shop'],
      ])
        assert.equal((await terminal.run(['policy', 'explain', ...args])).status, 1)
    })

    it('but knows the client that the security page is', async () => {
      const { status } = await terminal.run([
        ...['policy', 'explain', '--account', 'anna', '--client', 'duepassi-account'],
      ])
      assert.equal(status, 0)
    })
  })
})
