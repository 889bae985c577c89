import assert from 'node:assert/strict'
import { type SignIn, type Stage, unproven } from '../../src/challenge/machine.ts'
import { endSignIns } from '../../src/challenge/sign-ins.ts'
import type { Credential } from '../../src/directory/directory.ts'
import { markOf } from '../../src/directory/mark.ts'
import { DuepassiError } from '../../src/errors.ts'
import { open, who } from './opened.ts'

describe('a sign-in whose factors were reset by an administrator meanwhile', () => {
  const phone = (createdAt: number, over: Partial<Credential> = {}): Credential => ({
    id: 'first:maria',
    accountId: 'maria',
    factor: 'totp',
    label: '',
    handle: null,
    secret: `seed of ${createdAt}`,
    counter: 1,
    createdAt,
    lastUsedAt: null,
    ...over,
  })
  const stages: Record<string, Stage> = {
    enrolling: {
      name: 'enrolling',
      factor: 'totp',
      draft: { secret: 'thief', shown: {} },
      credentialId: 'thief',
      replaces: ['first:maria'],
    },
    recovered: { name: 'recovered', left: 3 },
    issuing: { name: 'issuing', draft: { secret: 'thief', shown: { codes: [] } }, credentialId: 'thief' },
  }
  /** Of somebody who proved the credential; nobody has ended it. */
  const prepare = async (proven: Credential) => {
    const opened = await open()
    const begun: Omit<SignIn, 'stage'> = {
      ...who,
      purpose: 'sign-in',
      ...unproven,
      proven: ['otp'],
      factors: ['totp'],
      provenBy: markOf(proven),
    }
    await opened.directory.addCredential(proven)
    for (const [uid, stage] of Object.entries(stages)) await opened.signIns.begin(uid, { ...begun, stage })
    return opened
  }
  const refusedAll = async ({ challenge }: Awaited<ReturnType<typeof open>>) => {
    assert.equal((await challenge.confirm('enrolling', 'right', 'thief')).kind, 'gone')
    assert.equal((await challenge.continueAsIs('recovered')).kind, 'refused')
    assert.equal((await challenge.codesSaved('issuing')).kind, 'refused')
  }

  it('confirms nothing any more', async () => {
    const opened = await prepare(phone(1))
    await opened.directory.removeCredentials('maria')
    await refusedAll(opened)
    assert.deepEqual(await opened.directory.credentials('maria'), [])
  })
  it('is not revived by the factor set up afterwards, which has the same id', async () => {
    const opened = await prepare(phone(1))
    await opened.directory.removeCredentials('maria')
    await opened.directory.addCredential(phone(2))
    await refusedAll(opened)
    assert.deepEqual(await opened.directory.credentials('maria'), [phone(2)])
  })
  it('goes on where nothing was reset', async () => {
    const { challenge, directory } = await prepare(phone(1))
    const continued = await challenge.continueAsIs('recovered')
    assert.equal(continued.kind === 'moved' && continued.signIn.stage.name, 'proven')
    const confirmed = await challenge.confirm('enrolling', 'right', '')
    assert.equal(confirmed.kind, 'moved')
    assert.deepEqual(
      (await directory.credentials('maria')).map(({ id }) => id),
      ['thief'],
    )
  })
  it('keeps in mind the very credential that was set up or used, not its id', async () => {
    const { challenge, directory, enrolled } = await open()
    await challenge.begin('u', who)
    await challenge.confirm('u', 'right', '')
    const [first] = await directory.credentials('maria')
    assert.ok(first)
    assert.equal(first.id, 'first:maria')
    assert.equal((await challenge.find('u'))?.provenBy, markOf(first))
    assert.notEqual(markOf(first), markOf({ ...first, createdAt: first.createdAt + 1 }))
    await directory.removeCredentials('maria')
    await enrolled()
    await challenge.begin('v', who)
    await challenge.answer('v', 'code')
    assert.equal((await challenge.find('v'))?.provenBy, markOf({ id: 'c', createdAt: 0 }))
  })
  it('leaves nothing behind where it was ended while a factor was being added', async () => {
    const rows: string[] = []
    let ends = true
    const { challenge, directory } = await open(undefined, (made) => ({
      directory: {
        ...made.directory,
        async addCredential(credential) {
          await made.directory.addCredential(credential)
          if (ends) await endSignIns(made.store, 'maria')
        },
      },
      record: async (type, { reason = '' }) => void rows.push(`${type} ${reason}`.trim()),
    }))
    await challenge.begin('u', who)
    assert.equal((await challenge.confirm('u', 'right', '')).kind, 'gone')
    assert.deepEqual(await directory.credentials('maria'), [])
    assert.deepEqual(rows, ['factor.enrolled', 'factor.removed sign-in-ended'])
    ends = false
    await challenge.begin('u', who)
    assert.equal((await challenge.confirm('u', 'right', '')).kind, 'moved')
    assert.equal((await directory.credentials('maria')).length, 1)
  })
  it('takes back only what it added, not what was set up since under the same id', async () => {
    const { challenge, directory } = await open(undefined, (made) => ({
      directory: {
        ...made.directory,
        async addCredential(credential) {
          await made.directory.addCredential(credential)
          await endSignIns(made.store, 'maria')
          await made.directory.removeCredentials('maria')
          await made.directory.addCredential(phone(2))
        },
      },
    }))
    await challenge.begin('u', who)
    assert.equal((await challenge.confirm('u', 'right', '')).kind, 'gone')
    assert.deepEqual(await directory.credentials('maria'), [phone(2)])
  })
})

describe('setting a factor up that broke off half-way', () => {
  const old: Credential = {
    id: 'c',
    accountId: 'maria',
    factor: 'totp',
    label: 'Old phone',
    handle: null,
    secret: 's',
    counter: 1,
    createdAt: 0,
    lastUsedAt: null,
  }
  /** Where one call fails, once. */
  const breaking = async (
    method: 'removeCredentials' | 'record',
  ): Promise<Awaited<ReturnType<typeof open>> & { rows: string[]; told: string[] }> => {
    const rows: string[] = []
    const told: string[] = []
    let broken = false
    const failOnce = (which: string) => {
      if (which !== method || broken) return
      broken = true
      throw new DuepassiError('directory_unavailable', 'down')
    }
    const opened = await open(undefined, ({ directory }) => ({
      directory: {
        ...directory,
        async removeCredentials(...asked) {
          failOnce('removeCredentials')
          return directory.removeCredentials(...asked)
        },
      },
      async record(type, { reason }) {
        failOnce('record')
        rows.push(reason === undefined ? type : `${type} ${reason}`)
      },
      notify: async (notice) => void told.push(`${notice.kind} ${'label' in notice ? notice.label : ''}`),
    }))
    return { ...opened, rows, told }
  }
  const recovering = async ({ directory, signIns, challenge }: Awaited<ReturnType<typeof breaking>>) => {
    await directory.addCredential(old)
    const recovered: SignIn = {
      ...who,
      purpose: 'sign-in',
      ...unproven,
      proven: ['otp'],
      factors: ['recovery-code'],
      provenBy: markOf(old),
      stage: { name: 'recovered', left: 3 },
    }
    await signIns.begin('u', recovered)
    assert.equal((await challenge.enrolAgain('u', { lost: [old.id] })).kind, 'moved')
  }

  it('is completed by sending the form once more: the lost factor goes, and the person is told of both', async () => {
    const opened = await breaking('removeCredentials')
    const { challenge, directory, rows, told } = opened
    await recovering(opened)
    await assert.rejects(challenge.confirm('u', 'right', 'New phone'), { code: 'directory_unavailable' })
    assert.equal((await directory.credentials('maria')).length, 2)
    const again = await challenge.confirm('u', 'right', 'New phone')
    assert.equal(again.kind === 'moved' && again.signIn.stage.name, 'proven')
    const left = await directory.credentials('maria')
    assert.deepEqual(
      left.map(({ label }) => label),
      ['New phone'],
    )
    assert.equal(again.kind === 'moved' && again.signIn.provenBy, markOf(left[0] as Credential))
    assert.deepEqual(rows, ['factor.removed replaced', 'factor.enrolled'])
    assert.deepEqual(told, ['factor-enrolled New phone', 'factor-removed Old phone'])
  })
  it('is completed for the first factor of an account as well', async () => {
    const { challenge, directory, rows, told } = await breaking('record')
    await challenge.begin('u', who)
    await assert.rejects(challenge.confirm('u', 'right', 'Phone'), { code: 'directory_unavailable' })
    const [added] = await directory.credentials('maria')
    const again = await challenge.confirm('u', 'right', 'Phone')
    assert.equal(again.kind === 'moved' && again.signIn.stage.name, 'proven')
    assert.deepEqual(await directory.credentials('maria'), [added])
    assert.deepEqual([rows, told], [['factor.enrolled'], ['factor-enrolled Phone']])
  })
  it('is completed by nobody else’s form, nor by a wrong answer', async () => {
    const { challenge, directory } = await breaking('record')
    await challenge.begin('u', who)
    await challenge.begin('v', who)
    await assert.rejects(challenge.confirm('u', 'right', 'Phone'), { code: 'directory_unavailable' })
    assert.equal((await challenge.confirm('v', 'right', 'Thief')).kind, 'gone')
    assert.equal((await challenge.confirm('u', 'wrong', 'Phone')).kind, 'refused')
    assert.deepEqual(
      (await directory.credentials('maria')).map(({ label }) => label),
      ['Phone'],
    )
  })
})
