import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { durableAttempts } from '../../src/attempts/attempts.ts'
import type { AuditFacts } from '../../src/audit/trail.ts'
import { type ChallengeParts, createChallenge, type Notice } from '../../src/challenge/challenge.ts'
import { createChanges, type Owner } from '../../src/challenge/changes.ts'
import type { SignIn, Stage } from '../../src/challenge/machine.ts'
import { createSignIns } from '../../src/challenge/sign-ins.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import type { Credential } from '../../src/directory/directory.ts'
import { markOf } from '../../src/directory/mark.ts'
import type { Factor, FactorName } from '../../src/factors/factor.ts'
import { recoveryCodes } from '../../src/factors/recovery-code/recovery-code.ts'
import { registerFactors } from '../../src/factors/registry.ts'
import { embeddedStore, openDirectory } from '../../src/openers.ts'
import { noRules } from '../../src/policy/factor-rules.ts'
import { movableClock } from '../support/clock.ts'
import { cheapHasher } from '../support/provider.ts'

/** A factor that is set up by the answer `right`, and by `right <handle>` with a handle. */
const scripted = (name: FactorName): Factor => ({
  name,
  selfEnrolled: true,
  accepts: () => true,
  begin: async () => ({}),
  verify: async () => ({ verified: false, reason: 'wrong' }),
  enrolment: {
    begin: async (own) => ({ secret: 'a seed', shown: { own: own.length } }),
    async finish(answer) {
      const [word, handle = null] = answer.split(' ')
      return word === 'right'
        ? {
            confirmed: true,
            secret: 'a seed',
            counter: 1,
            handle,
            amr: ['pop'],
            label: 'A model',
            used: false,
          }
        : { confirmed: false, reason: 'wrong' }
    },
  },
})

const ana: Owner = { accountId: 'ana', clientId: 'account', rules: noRules, demanded: false }

const open = async (all: Factor[] = [scripted('webauthn'), scripted('totp'), codesFactor()]) => {
  const clock = movableClock()
  const directory = await openDirectory('sqlite::memory:')
  const notices: Notice[] = []
  const rows: Array<[type: string, facts: AuditFacts]> = []
  const parts: ChallengeParts = {
    directory,
    signIns: createSignIns({
      store: embeddedStore(':memory:', clock),
      sealer: createSealer([{ id: 'k', key: randomBytes(32).toString('base64') }]),
      seconds: 900,
    }),
    attempts: durableAttempts({
      directory,
      clock,
      limits: { freeFailures: 3, firstWait: 30, longestWait: 3600, lockAfter: 3 },
    }),
    factors: registerFactors(all),
    clock,
    random: (size) => randomBytes(size),
    record: async (type, facts) => void rows.push([type, facts]),
    issuerName: 'Test',
    accountName: async (id) => id,
    notify: async (notice) => void notices.push(notice),
  }
  let count = 0
  const give = async (over: Partial<Credential> = {}): Promise<Credential> => {
    count += 1
    const credential: Credential = {
      id: `c${count}`,
      accountId: 'ana',
      factor: 'totp',
      label: `method ${count}`,
      handle: null,
      secret: 's',
      counter: 0,
      createdAt: count,
      lastUsedAt: null,
      ...over,
    }
    await directory.addCredential(credential)
    return credential
  }
  /** Real ones, as issuing them leaves them. */
  const giveCodes = async (over: Partial<Credential> = {}) => {
    const { secret } = await codesFactor().enrolment.begin([], {
      now: 0,
      random: (size) => randomBytes(size),
      issuerName: 'Test',
      accountName: 'ana',
    })
    return give({ factor: 'recovery-code', secret, ...over })
  }
  return {
    challenge: createChallenge(parts),
    changes: createChanges(parts),
    directory,
    attempts: parts.attempts,
    clock,
    notices,
    rows,
    give,
    giveCodes,
    held: async () => (await directory.credentials('ana')).map(({ id }) => id),
    factorsHeld: async () => (await directory.credentials('ana')).map(({ factor }) => factor),
  }
}

const codesFactor = () => recoveryCodes({ hasher: cheapHasher() })

const stageOf = <Name extends Stage['name']>(signIn: SignIn | undefined, name: Name) => {
  assert.equal(signIn?.stage.name, name)
  return signIn?.stage as Extract<Stage, { name: Name }>
}

describe('the overview of a person’s factors', () => {
  it('says that nothing is set up, and what could be', async () => {
    const { changes } = await open()
    assert.deepEqual(await changes.overview(ana), {
      state: 'not-set-up',
      methods: [],
      recoveryCodes: null,
      addable: ['webauthn', 'totp'],
    })
  })
  it('tells a factor without recovery codes from one with them', async () => {
    const { changes, give, giveCodes } = await open()
    const phone = await give()
    assert.equal((await changes.overview(ana)).state, 'incomplete')
    const codes = await giveCodes()
    const { state, methods, recoveryCodes: shown } = await changes.overview(ana)
    assert.equal(state, 'on')
    assert.deepEqual(methods, [{ ...phone, removable: true }])
    assert.deepEqual(shown, { left: 10, createdAt: codes.createdAt })
  })
  it('is complete without codes where this provider has none', async () => {
    const { changes, give } = await open([scripted('totp')])
    await give()
    assert.equal((await changes.overview(ana)).state, 'on')
  })
  it('says that the second factor is locked, whatever else there is', async () => {
    const { changes, give, attempts, clock } = await open()
    await give()
    for (let attempt = 0; attempt < 5; attempt++) {
      await attempts.reserve('ana', 'totp')
      clock.advance(3600)
    }
    assert.equal((await changes.overview(ana)).state, 'locked')
  })
  it('counts codes alone for nothing that is set up', async () => {
    const { changes, giveCodes } = await open()
    await giveCodes()
    const { state, methods } = await changes.overview(ana)
    assert.deepEqual([state, methods], ['not-set-up', []])
  })
  it('lets the last one that is demanded not be removed, and offers nothing that is forbidden', async () => {
    const { changes, give } = await open()
    const [key, phone] = [await give({ factor: 'webauthn' }), await give()]
    const removable = async (owner: Partial<Owner>) =>
      (await changes.overview({ ...ana, ...owner })).methods
        .filter((method) => method.removable)
        .map(({ id }) => id)
    assert.deepEqual(await removable({}), [key.id, phone.id])
    assert.deepEqual(await removable({ demanded: true }), [key.id, phone.id])
    assert.deepEqual(await removable({ rules: { required: ['webauthn'], forbidden: [] } }), [phone.id])
    assert.deepEqual(await removable({ demanded: true, rules: { required: [], forbidden: ['totp'] } }), [
      phone.id,
    ])
    const { addable } = await changes.overview({
      ...ana,
      rules: { required: ['webauthn'], forbidden: ['totp'] },
    })
    assert.deepEqual(addable, ['webauthn'])
    // Whoever must have one may still add another.
    assert.deepEqual(
      (await changes.overview({ ...ana, rules: { required: ['webauthn'], forbidden: [] } })).addable,
      ['webauthn', 'totp'],
    )
  })
})

describe('the number of factors of one account', () => {
  it('is twenty: whoever has them can add none, and can still remove and rename', async () => {
    const { changes, give, giveCodes } = await open()
    const methods = []
    await giveCodes()
    for (let count = 0; count < 19; count++)
      methods.push(await give(count % 2 === 0 ? { factor: 'webauthn' } : {}))
    assert.deepEqual((await changes.overview(ana)).addable, ['webauthn', 'totp'])
    methods.push(await give())
    const full = await changes.overview(ana)
    assert.deepEqual([full.addable, full.methods.length, full.state], [[], 20, 'on'])
    assert.equal(await changes.remove(ana, methods[3]?.id ?? ''), 'removed')
    assert.deepEqual((await changes.overview(ana)).addable, ['webauthn', 'totp'])
  })
})

describe('removing a factor', () => {
  it('removes it, writes that down, and tells the person', async () => {
    const { changes, give, giveCodes, held, rows, notices } = await open()
    const [key, phone, codes] = [await give({ factor: 'webauthn' }), await give(), await giveCodes()]
    assert.equal(await changes.remove(ana, key.id), 'removed')
    assert.deepEqual(await held(), [phone.id, codes.id])
    assert.deepEqual(rows, [
      ['factor.removed', { accountId: 'ana', clientId: 'account', factor: 'webauthn', reason: 'by-owner' }],
    ])
    assert.deepEqual(notices, [
      { kind: 'factor-removed', accountId: 'ana', factor: 'webauthn', label: key.label },
    ])
  })
  it('keeps the last one that is demanded, and says nothing to anybody', async () => {
    const { changes, give, held, rows, notices } = await open()
    const phone = await give()
    assert.equal(await changes.remove({ ...ana, demanded: true }, phone.id), 'demanded')
    assert.equal(
      await changes.remove({ ...ana, rules: { required: ['totp'], forbidden: [] } }, phone.id),
      'demanded',
    )
    assert.deepEqual(await held(), [phone.id])
    assert.deepEqual([rows, notices], [[], []])
  })
  it('takes the recovery codes along with the last of all', async () => {
    const { changes, give, giveCodes, held } = await open()
    const phone = await give()
    await giveCodes()
    assert.equal(await changes.remove(ana, phone.id), 'removed')
    assert.deepEqual(await held(), [])
  })
  it('knows no credential of another person, no recovery codes, and none that is gone', async () => {
    const { changes, give, giveCodes, directory, held, rows } = await open()
    const [codes, phone] = [await giveCodes(), await give()]
    const foreign = await give({ accountId: 'luigi' })
    for (const id of [codes.id, foreign.id, 'nobody', ''])
      assert.equal(await changes.remove(ana, id), 'gone', id)
    assert.deepEqual(await held(), [codes.id, phone.id])
    assert.equal((await directory.credentials('luigi')).length, 1)
    await changes.remove(ana, phone.id)
    assert.equal(await changes.remove(ana, phone.id), 'gone')
    assert.equal(rows.length, 1)
  })
  it('leaves one of many that are removed at once, where one is demanded', async () => {
    const { changes, give, giveCodes, factorsHeld, notices, rows } = await open()
    const methods = []
    for (let count = 0; count < 50; count++) methods.push(await give())
    await giveCodes()
    const owner = { ...ana, demanded: true }
    const outcomes = await Promise.all(methods.map(({ id }) => changes.remove(owner, id)))
    assert.equal(outcomes.filter((outcome) => outcome === 'removed').length, 49)
    assert.equal(outcomes.filter((outcome) => outcome === 'demanded').length, 1)
    assert.deepEqual((await factorsHeld()).sort(), ['recovery-code', 'totp'])
    assert.deepEqual([rows.length, notices.length], [49, 49])
  })
  it('leaves no codes behind, however many are removed at once, where nothing is demanded', async () => {
    const { changes, give, giveCodes, factorsHeld } = await open()
    const methods = [await give(), await give({ factor: 'webauthn' }), await give()]
    await giveCodes()
    const outcomes = await Promise.all(methods.map(({ id }) => changes.remove(ana, id)))
    assert.deepEqual(outcomes, ['removed', 'removed', 'removed'])
    assert.deepEqual(await factorsHeld(), [])
  })
})

describe('renaming a factor', () => {
  it('changes its name and nothing else, and writes that down without the name', async () => {
    const { changes, give, directory, rows, notices } = await open()
    const phone = await give()
    assert.equal(await changes.rename(ana, phone.id, 'iPhone di Ana'), true)
    assert.deepEqual(await directory.credentials('ana'), [{ ...phone, label: 'iPhone di Ana' }])
    assert.deepEqual(rows, [['factor.renamed', { accountId: 'ana', clientId: 'account', factor: 'totp' }]])
    assert.deepEqual(notices, [])
  })
  it('knows no credential of another person, no recovery codes, and none that is gone', async () => {
    const { changes, give, giveCodes, directory, rows } = await open()
    const [foreign, codes] = [await give({ accountId: 'luigi' }), await giveCodes()]
    for (const id of [foreign.id, codes.id, 'nobody'])
      assert.equal(await changes.rename(ana, id, 'x'), false, id)
    assert.equal((await directory.credentials('luigi'))[0]?.label, foreign.label)
    assert.deepEqual(rows, [])
  })
})

describe('adding a factor', () => {
  it('goes from the choice to the recovery codes, and becomes no login', async () => {
    const { changes, challenge, directory, factorsHeld, rows, notices } = await open()
    const begun = await changes.beginAdding('u', ana)
    assert.deepEqual([begun?.purpose, stageOf(begun, 'choosing').replaces], ['change', []])
    const chosen = await challenge.choose('u', 'webauthn')
    assert.equal(chosen.kind === 'moved' && stageOf(chosen.signIn, 'enrolling').factor, 'webauthn')
    assert.equal((await challenge.confirm('u', 'wrong', '')).kind, 'refused')
    assert.deepEqual(await factorsHeld(), [])
    const confirmed = await challenge.confirm('u', 'right h1', 'My key')
    assert.equal(confirmed.kind === 'moved' && confirmed.signIn.stage.name, 'issuing')
    const saved = await challenge.codesSaved('u')
    assert.ok(saved.kind === 'moved')
    assert.deepEqual(
      [saved.signIn.purpose, saved.signIn.stage.name, saved.signIn.primary],
      ['change', 'proven', { amr: [], at: 0 }],
    )
    assert.deepEqual((await factorsHeld()).sort(), ['recovery-code', 'webauthn'])
    const key = (await directory.credentials('ana')).find(({ factor }) => factor === 'webauthn')
    assert.deepEqual([key?.label, key?.handle], ['My key', 'h1'])
    assert.deepEqual(
      rows.map(([type]) => type),
      ['factor.enrolled', 'recovery-codes.issued'],
    )
    assert.deepEqual(notices, [
      { kind: 'factor-enrolled', accountId: 'ana', factor: 'webauthn', label: 'My key' },
    ])
  })
  it('adds one more without new recovery codes, and without asking what is required to be had', async () => {
    const { changes, challenge, give, giveCodes, factorsHeld, held } = await open()
    const [phone, codes] = [await give({ lastUsedAt: 5 }), await giveCodes()]
    const owner = { ...ana, rules: { required: ['webauthn'], forbidden: [] } }
    const begun = await changes.beginAdding('u', owner, 'totp')
    assert.equal(stageOf(begun, 'enrolling').factor, 'totp')
    assert.equal(begun?.provenBy, markOf(phone))
    const confirmed = await challenge.confirm('u', 'right', '')
    assert.equal(confirmed.kind === 'moved' && confirmed.signIn.stage.name, 'proven')
    assert.deepEqual(await factorsHeld(), ['totp', 'recovery-code', 'totp'])
    assert.deepEqual((await held()).slice(0, 2), [phone.id, codes.id])
  })
  it('begins with no factor that is forbidden, unknown or not for people to set up', async () => {
    const { changes, challenge } = await open()
    const owner = { ...ana, rules: { required: [], forbidden: ['totp'] } }
    for (const name of ['totp', 'recovery-code', 'carrier-pigeon', ''])
      assert.equal(await changes.beginAdding('u', owner, name), undefined, name)
    assert.equal(await challenge.find('u'), undefined)
    // Only one is left to choose from.
    assert.equal(stageOf(await changes.beginAdding('u', owner), 'enrolling').factor, 'webauthn')
  })
  it('is over when the account loses what proved its owner, or the person gives it up', async () => {
    const { changes, challenge, give, directory, factorsHeld } = await open()
    await give()
    await changes.beginAdding('u', ana, 'webauthn')
    await directory.removeCredentials('ana')
    assert.equal((await challenge.confirm('u', 'right', '')).kind, 'gone')
    assert.deepEqual(await factorsHeld(), [])
    await changes.end('u')
    assert.equal((await challenge.confirm('u', 'right', '')).kind, 'gone')
  })
  it('adds no first factor beside one that came meanwhile', async () => {
    const { changes, challenge, give, held } = await open()
    await changes.beginAdding('u', ana, 'webauthn')
    const phone = await give()
    assert.equal((await challenge.confirm('u', 'right', '')).kind, 'gone')
    assert.deepEqual(await held(), [phone.id])
  })
  it('adds one, however often it is confirmed at once', async () => {
    const { changes, challenge, give, factorsHeld } = await open()
    await give()
    await changes.beginAdding('u', ana, 'webauthn')
    const outcomes = await Promise.all([1, 2, 3].map(() => challenge.confirm('u', 'right h', 'Key')))
    assert.ok(outcomes.every(({ kind }) => kind === 'moved'))
    assert.deepEqual(await factorsHeld(), ['totp', 'webauthn'])
  })
  it('refuses a key that somebody has registered already', async () => {
    const { changes, challenge, give, factorsHeld } = await open()
    await give({ accountId: 'luigi', factor: 'webauthn', handle: 'theirs' })
    await give()
    await changes.beginAdding('u', ana, 'webauthn')
    const outcome = await challenge.confirm('u', 'right theirs', '')
    assert.deepEqual(outcome.kind === 'refused' && outcome.refusal, { reason: 'known' })
    assert.deepEqual(await factorsHeld(), ['totp'])
  })
})

describe('new recovery codes', () => {
  it('take the place of the old ones once they are saved, and the person is told', async () => {
    const { changes, challenge, give, giveCodes, held, rows, notices } = await open()
    const [phone, old] = [await give({ lastUsedAt: 9 }), await giveCodes()]
    const issuing = stageOf(await changes.beginCodes('u', ana), 'issuing')
    assert.deepEqual(await held(), [phone.id, old.id])
    const saved = await challenge.codesSaved('u')
    assert.equal(saved.kind === 'moved' && saved.signIn.stage.name, 'proven')
    assert.deepEqual(await held(), [phone.id, issuing.credentialId])
    assert.equal((await challenge.codesSaved('u')).kind, 'moved')
    assert.deepEqual(
      rows.map(([type]) => type),
      ['recovery-codes.issued'],
    )
    assert.deepEqual(notices, [{ kind: 'recovery-codes-issued', accountId: 'ana' }])
  })
  it('are not to be had without a factor, nor where they are forbidden or unknown', async () => {
    const { changes, give } = await open()
    assert.equal(await changes.beginCodes('u', ana), undefined)
    await give()
    const owner = { ...ana, rules: { required: [], forbidden: ['recovery-code'] } }
    assert.equal(await changes.beginCodes('u', owner), undefined)
    const without = await open([scripted('totp')])
    await without.give()
    assert.equal(await without.changes.beginCodes('u', ana), undefined)
  })
})
