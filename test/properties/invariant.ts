import assert from 'node:assert/strict'
import { kept } from './lives.ts'
import { isFactor, latestOfEach, namesOf, type Worth, worthOf } from './what-happened.ts'
import { type Judged, judgeByEvents, type Reaction, type Standing } from './what-is-demanded.ts'
import type { Journey, Token, WalkedSession, World } from './world.ts'

/**
 * The invariant: token level ≤ session level ≤ level of the events, and never below what client, account, group and
 * request demand. Every function throws `AssertionError` where it is broken.
 */

const worthIn = ({ policy }: World, acr: string | undefined): Worth => {
  const rung = policy.ladder.find((one) => one.acr === acr)
  assert.ok(rung, `the acr ${acr} is not on the ladder`)
  return rung.worth
}

const holdNames = (amr: readonly string[], session: Pick<WalkedSession, 'happened'>): void => {
  const earned = namesOf(session.happened)
  const unearned = amr.filter((name) => !earned.has(name))
  assert.deepEqual(unearned, [], `amr says what nobody earned: ${amr}, but ${[...earned]}`)
}

/** A session says no more than what happened; and where it came from somewhere unusual, that is what was asked for. */
export const holdSession = (world: World, session: WalkedSession, reaction: Reaction): void => {
  assert.notEqual(reaction, 'refuse', 'nobody may sign in from there')
  if (reaction === 'step-up') assert.ok(worthOf(session.happened) >= 1, 'from there it takes two factors')
  holdNames(session.amr ?? [], session)
  assert.ok(
    worthIn(world, session.acr) <= Math.max(0, worthOf(session.happened)),
    `the session says ${session.acr}`,
  )
}

const holdToken = (world: World, token: Token, judged: Judged, standing: Standing): void => {
  const worth = worthIn(world, token.acr)
  const told = `${token.acr}, where ${judged.worth} is proven and ${judged.needed} needed`
  assert.ok(judged.allowed, `a token for what is not enough: ${told}${standing.locked ? ', locked' : ''}`)
  assert.ok(worth <= judged.worth, `a token says more than what is proven: ${told}`)
  // What is unusual about a sign-in asks for a proof; what the token says is for whoever asked for the token.
  const { needed } = judgeByEvents({ ...standing, reaction: 'record' }, token.happened)
  assert.ok(worth >= needed, `a token says less than what is demanded: ${told}`)
  assert.ok(!standing.locked || worth === 0, `a token of two factors for a locked account: ${told}`)
  holdNames(token.amr, token)
}

/** A code that has just been issued. */
export const holdCode = (
  world: World,
  journey: Pick<Journey, 'asked' | 'anew' | 'hasSignedIn' | 'startedAt'>,
  session: WalkedSession,
  token: Token,
  standing: Standing,
): void => {
  const judged = judgeByEvents(standing, session.happened)
  holdToken(world, token, judged, standing)
  assert.ok(
    worthIn(world, token.acr) <= worthIn(world, session.acr),
    `the token says ${token.acr}, the session ${session.acr}`,
  )
  const { prompt, maxAge } = journey.asked
  if (prompt.includes('login')) assert.ok(journey.hasSignedIn, 'prompt=login, and nobody signed in')
  if (prompt.includes('second_factor'))
    assert.ok(
      journey.anew.some(({ kind }) => kind !== 'password' && kind !== 'device'),
      'prompt=second_factor, and none was asked',
    )
  if (maxAge !== undefined && !journey.hasSignedIn)
    assert.ok(
      Math.floor(journey.startedAt / 1000) - token.authTime <= maxAge,
      `max_age=${maxAge}, and the sign-in is older`,
    )
}

const stagesOf = ({ proven }: World, { sessionUid, authTime }: Token): readonly WalkedSession[] =>
  proven.get(`${sessionUid} ${authTime}`) ?? []

/** Which very credential proved it nobody knows any more: one of its kind that is there now stands for it. */
const forgotten = (token: Token): Token => ({
  ...token,
  happened: token.happened.map((one) => {
    if (!isFactor(one)) return one
    const { by: _, ...rest } = one
    return rest
  }),
})

/** What a code or refresh token was exchanged for. */
export const holdExchange = (world: World, token: Token, standing: Standing): void => {
  const known = remembered(world, token)
  const { happened } = world.clock.now() - known.since < kept ? known : forgotten(known)
  holdToken(world, token, judgeByEvents(standing, happened), standing)
}

/** What is remembered of a token: the latest of its session that nothing tells from it. */
export const remembered = (world: World, token: Token): Token => {
  const names = (amr: readonly string[] | undefined) => [...(amr ?? [])].sort().join()
  const same = stagesOf(world, token).findLast(({ amr }) => names(amr) === names(token.amr))
  return same ? { ...token, happened: same.happened, since: same.since } : token
}

/**
 * Whether a refusal would be a mistake: everything that is asked for is there. Of devices nothing is said here (a person
 * may always be asked), nor of what was proven too long ago to be remembered.
 */
export const mustBeAllowed = (
  world: World,
  standing: Standing,
  { happened, since, acr }: Pick<WalkedSession, 'happened' | 'since' | 'acr'>,
): boolean => {
  const { allowed, needed, worth } = judgeByEvents(standing, latestOfEach(happened))
  return (
    allowed &&
    // A token that says more than is left of it is as good as none.
    (standing.request !== undefined || worth >= worthIn(world, acr)) &&
    !standing.locked &&
    !happened.some(({ kind }) => kind === 'device') &&
    world.clock.now() - since < kept &&
    worthIn(world, acr) >= needed
  )
}
