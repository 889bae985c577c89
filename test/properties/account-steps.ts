import assert from 'node:assert/strict'
import { endSignIns } from '../../src/challenge/sign-ins.ts'
import { codeOf, stepAt } from '../../src/factors/totp/code.ts'
import { plain } from './answers.ts'
import type { Draw } from './draw.ts'
import { hold } from './person-at-browser.ts'
import { answerBy, type Key } from './quick-factors.ts'
import type { Person, World } from './world.ts'

/** What happens to an account apart from its sign-ins: by its person, or by an administrator. */

const ownerOf = async ({ plugin }: World, { id }: Person) => ({
  accountId: id,
  clientId: 'security-page',
  ...(await plugin.mfa.policyOf(id)),
})

/** As the ready provider does after a change of factors; a host of the plugin may not. */
const endSessions = (world: World, { id }: Person): void => {
  for (const [uid, session] of world.sessions) if (session.accountId === id) world.endSession(uid)
  world.tokens = world.tokens.filter(({ accountId }) => accountId !== id)
}

export const removeFactor = async (world: World, person: Person, draw: Draw): Promise<void> => {
  const own = world.directory.credentialsNow(person.id).filter(({ factor }) => factor !== 'recovery-code')
  if (own.length === 0) return
  const { id, factor } = draw.of(own)
  const removed = await world.plugin.mfa.changes.remove(await ownerOf(world, person), id)
  const sessionsEnd = draw.chance(0.3)
  if (removed === 'removed' && sessionsEnd) endSessions(world, person)
  if (removed === 'removed') world.count('factor removed')
  world.say(`${person.id} removes ${factor}: ${removed}${sessionsEnd ? ', sessions end' : ''}`)
}

/** On the security page, by the person who is signed in there. */
export const addFactor = async (world: World, person: Person, newKey: Key, draw: Draw): Promise<void> => {
  const { changes } = world.plugin.mfa
  const uid = `account-${world.newId()}`
  const name = draw.of(['totp', 'webauthn', 'webauthn'])
  const begun = await changes.beginAdding(uid, await ownerOf(world, person), name)
  if (begun?.stage.name !== 'enrolling') return
  const { draft } = begun.stage
  const step = stepAt(world.clock.now())
  const answer =
    name === 'totp' ? codeOf(draft.secret, step) : answerBy(plain(newKey), draft.shown['options'])
  const before = new Set(world.directory.credentialsNow(person.id).map(({ id }) => id))
  const outcome = await changes.confirm(uid, answer, '')
  const credential = world.directory
    .credentialsNow(person.id)
    .find(({ id, factor }) => factor === name && !before.has(id))?.id
  if (credential !== undefined && name === 'totp')
    hold(person.apps, { credential, secret: draft.secret, used: step })
  if (credential !== undefined && name === 'webauthn') {
    const hardware = world.policy.attesting && newKey.attested && !newKey.synced
    hold(person.keys, { ...newKey, credential, hardware })
  }
  if (outcome.kind === 'moved' && outcome.signIn.stage.name === 'issuing') {
    const { codes } = outcome.signIn.stage.draft.shown as { codes: string[] }
    if (draw.chance(0.7) && (await changes.codesSaved(uid)).kind === 'moved') {
      person.codes = [...codes]
      person.spentCodes = []
    }
  }
  world.say(`${person.id} adds ${name}: ${credential === undefined ? 'no' : 'yes'}`)
}

export const resetFactors = async (world: World, person: Person, draw: Draw): Promise<void> => {
  await endSignIns(world.store, person.id)
  for (const journey of world.browsers.flatMap(({ open }) => open))
    if (journey.person === person && journey.second === 'begun') journey.second = 'ended'
  await world.directory.removeCredentials(person.id)
  await unlock(world, person)
  const sessionsEnd = draw.chance(0.5)
  if (sessionsEnd) endSessions(world, person)
  world.count('factors reset')
  world.say(`the factors of ${person.id} are reset${sessionsEnd ? ', sessions end' : ''}`)
}

export const unlock = async (world: World, person: Person): Promise<void> => {
  await world.directory.clearAttempts(person.id)
  for (const key of world.wrong.keys()) if (key.startsWith(`${person.id} `)) world.wrong.delete(key)
  world.say(`${person.id} is unlocked`)
}

export const changePassword = async (world: World, person: Person): Promise<void> => {
  await world.plugin.mfa.endTrust(person.id)
  world.book.endTrust(person.id)
  world.say(`${person.id} changes the password`)
}

export const forgetDevice = async (world: World, person: Person, draw: Draw): Promise<void> => {
  const all = await world.plugin.mfa.devices.list(person.id)
  if (all.length === 0) return
  const { id } = draw.of(all)
  assert.equal(await world.plugin.mfa.devices.remove(person.id, [id], 'by-owner'), 1)
  world.book.forget(id)
  world.say(`${person.id} forgets a device`)
}

export const changeDemands = (world: World, person: Person, draw: Draw): void => {
  const { ladder, groups } = world.policy
  if (draw.chance(0.5)) {
    person.groups = draw.some(Object.keys(groups), 0.3)
    world.say(`${person.id} is in ${person.groups.join(', ') || 'no group'} now`)
    return
  }
  const minimum = draw.weighed([
    [4, undefined],
    [2, ladder[1]?.acr],
    [1, ladder[2]?.acr],
  ])
  if (minimum === undefined) world.directory.minimums.delete(person.id)
  else world.directory.minimums.set(person.id, minimum)
  world.say(`${person.id} needs ${minimum ?? 'nothing more'}`)
}

export const disable = (world: World, person: Person): void => {
  person.there = !person.there
  world.say(`${person.id} is ${person.there ? 'enabled' : 'disabled'}`)
}
