import assert from 'node:assert/strict'
import { openTerminal, type Terminal } from './terminal.ts'

describe('duepassi account claims', () => {
  let terminal: Terminal
  beforeEach(async () => {
    terminal = openTerminal()
    const { status, stderr } = await terminal.run(
      [
        'account',
        'create',
        'anna',
        '--name',
        'Anna Bianchi',
        '--email',
        'anna@example.org',
        '--password-stdin',
      ],
      { stdin: 'correct horse battery\n' },
    )
    assert.equal(status, 0, stderr)
  })
  afterEach(() => terminal.close())

  const claims = (...argv: string[]) => terminal.run(['account', 'claims', 'anna', ...argv])
  const set = (...pairs: string[]) => claims(...pairs.flatMap((pair) => ['--set', pair]))
  const kept = () => terminal.look((directory) => directory.accountByName('anna'))

  it('lists what there is', async () => {
    const { status, stdout } = await claims()
    assert.equal(status, 0)
    assert.match(stdout, /^name +Anna Bianchi$/m)
    assert.deepEqual((await kept())?.claims, {})
  })

  it('sets claims of every kind, and says when', async () => {
    const before = Math.floor(Date.now() / 1000)
    const { status, stderr, stdout } = await set(
      'given_name=Anna',
      'website=https://anna.example/?a=b',
      'birthdate=0000-03-08',
      'phone_number=+390612345678',
      'phone_number_verified=true',
      'address={"street_address":"Via Roma 1","country":"IT"}',
      'address.locality=Forlì',
    )
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^address\.locality +Forlì$/m)
    const { updated_at: at = 0, ...all } = (await kept())?.claims ?? {}
    assert.deepEqual(all, {
      given_name: 'Anna',
      website: 'https://anna.example/?a=b',
      birthdate: '0000-03-08',
      phone_number: '+390612345678',
      phone_number_verified: true,
      address: { street_address: 'Via Roma 1', country: 'IT', locality: 'Forlì' },
    })
    assert.ok(at >= before)
  })

  it('sets name and language where they are', async () => {
    assert.equal((await set('name=Anna Verdi', 'locale=it')).status, 0)
    const account = await kept()
    assert.deepEqual([account?.name, account?.locale], ['Anna Verdi', 'it'])
    assert.deepEqual(Object.keys(account?.claims ?? {}), ['updated_at'])
    assert.equal((await claims('--unset', 'locale')).status, 0)
    assert.equal((await kept())?.locale, null)
  })

  it('forgets single ones, and with a number that it was verified', async () => {
    await set('given_name=Anna', 'address.locality=Forlì', 'address.country=IT', 'gender=female')
    await set('phone_number=+390612345678', 'phone_number_verified=true')
    const { status } = await claims(
      ...['--unset', 'given_name', '--unset', 'address.country', '--unset', 'phone_number'],
    )
    assert.equal(status, 0)
    const { updated_at: _, ...left } = (await kept())?.claims ?? {}
    assert.deepEqual(left, { address: { locality: 'Forlì' }, gender: 'female' })
    await claims('--unset', 'address.locality')
    assert.equal((await kept())?.claims.address, undefined)
  })

  it('answers JSON', async () => {
    const { stdout } = await claims('--set', 'address.locality=Forlì', '--json')
    const answer = JSON.parse(stdout) as Record<string, unknown>
    assert.deepEqual(answer['address'], { locality: 'Forlì' })
    assert.equal(answer['name'], 'Anna Bianchi')
  })

  for (const [what, argv, message] of [
    ['a claim that nobody knows', ['--set', 'shoe_size=38'], /no claim "shoe_size"/],
    ['a claim of the prototype', ['--set', 'constructor=x'], /no claim/],
    ['a part that no address has', ['--set', 'address.planet=Earth'], /no claim/],
    ['no value', ['--set', 'given_name'], /name and its value/],
    ['the subject', ['--set', 'sub=other'], /never changes/],
    ['the e-mail address', ['--set', 'email=x@example.org'], /set with the account/],
    ['that the address is verified', ['--set', 'email_verified=true'], /only you set/],
    ['a wrong number', ['--set', 'phone_number=0612345'], /E\.164/],
    ['a wrong kind', ['--set', 'phone_number_verified=perhaps'], /true or false/],
    ['a script as a picture', ['--set', 'picture=javascript:alert(1)'], /http/],
    ['a wrong language', ['--set', 'locale=not a tag'], /language tag/],
    ['an empty name', ['--set', 'name= '], /name is empty/],
    ['to forget the name', ['--unset', 'name'], /has a name/],
    ['to forget what is none', ['--unset', 'shoe_size'], /no claim/],
  ] as const)
    it(`refuses ${what}, and changes nothing`, async () => {
      const { status, stderr } = await claims('--set', 'given_name=Anna', ...argv)
      assert.equal(status, 1)
      assert.match(stderr, message)
      assert.deepEqual((await kept())?.claims, {})
    })

  it('sends nothing to the terminal that steers it', async () => {
    await terminal.look((directory) =>
      directory.accountByName('anna').then(async (account) => {
        assert.ok(account)
        await directory.changeAccount(account.id, { claims: { nickname: '\u001b[2Jx' } })
      }),
    )
    assert.equal((await claims()).stdout.includes('\u001b'), false)
  })
})
