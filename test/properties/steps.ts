import assert from 'node:assert/strict'
import {
  addFactor,
  changeDemands,
  changePassword,
  disable,
  forgetDevice,
  removeFactor,
  resetFactors,
  unlock,
} from './account-steps.ts'
import { type Answered, authorize, exchange, resume } from './authorization.ts'
import type { Draw } from './draw.ts'
import { kept, lives } from './lives.ts'
import { goThrough, type Plan } from './person-at-browser.ts'
import { contextOf } from './plugin-alone.ts'
import { type Happening, namesOf, worthOf } from './what-happened.ts'
import { judgeByEvents } from './what-is-demanded.ts'
import { anyAsked, anyClient, anyKey, anyPlan, anyPolicy, plainly, willing } from './whatever.ts'
import { cookieName, forbiddenAddress, type Journey, type Token, type World } from './world.ts'

const day = 86_400

const told = (answered: Answered): string => {
  switch (answered.kind) {
    case 'issued':
      return `gets a code: ${answered.token.acr} by ${answered.token.amr.join(' ')}`
    case 'refused':
      return `is refused: ${answered.error}`
    case 'waiting':
      return `is asked by ${answered.journey.interaction.prompt.name}`
  }
}

/** Interactions of one request; more are a loop. */
const most = 4

/** From an interaction on, through all that follow, until there is an answer or the person leaves. */
const carryOn = async (world: World, journey: Journey, plan: Plan, draw: Draw): Promise<Answered> => {
  let at = journey
  for (let round = 0; round < most; round++) {
    const session = at.interaction.prompt.name === 'second_factor' ? at.interaction.session : undefined
    const person = world.people.find(({ id }) => id === session?.accountId) ?? at.person ?? plan.person
    if (!person.there) return { kind: 'waiting', journey: at }
    await goThrough(world, at, { ...plan, person }, draw)
    const isDone = at.interaction.result !== undefined
    if (!isDone || (!plan.isWilling && draw.chance(0.1))) {
      at.browser.open = [...at.browser.open.slice(-3), at]
      return { kind: 'waiting', journey: at }
    }
    const answered = await resume(world, at)
    if (answered.kind !== 'waiting') return answered
    at = answered.journey
  }
  assert.ok(!plan.isWilling, 'whoever proves all that is asked is asked again and again')
  return { kind: 'waiting', journey: at }
}

/** Why somebody who is willing and able may still be refused; undefined: for no reason at all. */
const excuse = (world: World, journey: Journey, plan: Plan): string | undefined => {
  const { person } = plan
  const { client, asked, browser, reaction, interaction } = journey
  const at = world.standing(person.id, client, asked, 'record')
  const { unreachable, needed } = judgeByEvents(at, [])
  if (interaction.session && !world.sessions.has(interaction.session.uid)) return 'the session before is over'
  if (at.locked || !person.there) return 'locked or disabled'
  if (unreachable || needed > 1) return 'more than anybody has'
  if (reaction === 'refuse' || browser.sighting.address === forbiddenAddress) return 'where they are'
  const rules = [
    world.policy.factors,
    client.second_factors,
    ...at.groups.map((name) => world.policy.groups[name]?.factors),
  ]
  if (rules.some((set) => set !== undefined && Object.keys(set).length > 0)) return 'rules'
  if (person.keys.length > 0 || world.policy.attesting) return 'keys'
  return undefined
}

const someBrowser = (world: World, draw: Draw) => draw.of(world.browsers)

const ask = async (world: World, draw: Draw): Promise<void> => {
  const browser = someBrowser(world, draw)
  const client = draw.of(world.clients)
  const asked = anyAsked(world.policy, draw)
  const plan = anyPlan(world, draw)
  if (asked.prompt.includes('login') || !browser.session) world.count('sign-ins begun')
  world.doing = `${browser.name} at ${client.clientId} ${JSON.stringify(asked)}`
  const first = await authorize(world, browser, client, asked)
  const line = `${world.doing} ${told(first)}`
  if (first.kind !== 'waiting') return world.say(line)
  const { prompt } = first.journey.interaction
  const { person, newKey, ...manner } = plan
  const who = prompt.name === 'login' ? person.id : browser.session?.accountId
  world.doing = `${line}; ${who} ${JSON.stringify(manner)}`
  const last = await carryOn(world, first.journey, plan, draw)
  world.say(`${world.doing} ${told(last)}`)
  world.count(prompt.name === 'second_factor' ? 'step-ups' : 'sign-ins')
  if (plan.isWilling && prompt.name === 'login' && last.kind === 'refused')
    assert.ok(excuse(world, first.journey, plan), `refused, though willing and able: ${last.error}`)
}

const goOn = async (world: World, draw: Draw): Promise<void> => {
  const browser = someBrowser(world, draw)
  if (browser.open.length === 0) return
  const journey = draw.of(browser.open)
  browser.open = browser.open.filter((one) => one !== journey)
  world.doing = `${browser.name} goes on with what was left open`
  const plan = anyPlan(world, draw)
  const answered = journey.interaction.result
    ? await resume(world, journey)
    : await carryOn(world, journey, { ...plan, person: journey.person ?? plan.person }, draw)
  world.say(`${world.doing}, and ${told(answered)}`)
}

/** A code becomes tokens; a refresh token becomes others. */
const redeem = async (world: World, draw: Draw): Promise<void> => {
  if (world.tokens.length === 0) return
  const token = draw.chance(0.5) ? (world.tokens.at(-1) as Token) : draw.of(world.tokens)
  world.doing = `${token.kind} of ${token.accountId} at ${token.clientId} (${token.acr})`
  const isGiven = await exchange(world, token)
  world.say(`${world.doing} is ${isGiven ? 'good' : 'refused'}`)
  if (isGiven && token.kind === 'RefreshToken') return
  world.tokens = world.tokens.filter((one) => one !== token)
  if (!isGiven) return
  const until = token.until + (lives.refreshToken - lives.authorizationCode) * 1000
  world.tokens = [...world.tokens, { ...token, kind: 'RefreshToken' as const, until }].slice(-12)
}

/** A custom grant, in which the host asks for password and code by itself, and says so. */
const customGrant = async (world: World, draw: Draw): Promise<void> => {
  const person = draw.of(world.people)
  const client = draw.of(world.clients)
  const at = Math.floor(world.clock.now() / 1000)
  const happened: Happening[] = [
    { kind: 'password', at },
    ...(draw.chance(0.6) ? [{ kind: 'totp', at } as const] : []),
  ]
  const factors = happened.flatMap(({ kind }) => (kind === 'password' ? [] : [kind]))
  const acr = world.policy.ladder[worthOf(happened)]?.acr as string
  const ctx = contextOf({
    provider: world.plugin.provider,
    route: 'token',
    req: {},
    client,
    params: {},
    now: world.clock.now,
  })
  const standing = world.standing(person.id, client, undefined, 'record')
  const isAdmitted = await world.plugin.mfa
    .admit(ctx, { accountId: person.id, acr, amr: [...namesOf(happened)], factors })
    .then(
      () => true,
      (error: unknown) => {
        assert.match(String(error), /does not meet the policy/)
        return false
      },
    )
  const isEnough = judgeByEvents(standing, happened).allowed && !(standing.locked && factors.length > 0)
  assert.equal(isAdmitted, isEnough, `a custom grant for ${person.id} at ${client.clientId}`)
  world.count('custom grants')
}

const steal = (world: World, draw: Draw): void => {
  const from = someBrowser(world, draw)
  const to = someBrowser(world, draw)
  if (from === to) return
  for (const [name, value] of from.cookies) to.cookies.set(name, value)
  if (draw.chance(0.3)) to.session = from.session
  world.say(`${to.name} gets the cookies of ${from.name}`)
}

const replay = (world: World, draw: Draw): void => {
  const browser = someBrowser(world, draw)
  const person = draw.of(world.people)
  const earlier = browser.earlier.filter(([name]) => name === cookieName(person.id))
  if (earlier.length === 0) return
  const [name, value] = draw.of(earlier)
  browser.cookies.set(name, value)
  world.say(`${browser.name} has an old cookie of ${person.id} again`)
}

const leave = (world: World, draw: Draw): void => {
  const browser = someBrowser(world, draw)
  if (draw.chance(0.3)) browser.cookies.clear()
  if (browser.session) world.endSession(browser.session.uid)
  world.say(`${browser.name} is signed out`)
}

const pass = (world: World, draw: Draw): void => {
  const seconds = draw.weighed([
    [6, draw.next() * 2],
    [6, 20 + draw.below(70)],
    [4, 300 + draw.below(1_200)],
    [2, 3_000 + draw.below(3_000)],
    [1, 7_200 + draw.below(40_000)],
    [1, day + draw.below(day)],
    [0.5, 7 * day + draw.below(8 * day)],
    [0.3, 29 * day + draw.below(2 * day)],
  ])
  world.pass(seconds)
  world.say('time passes')
}

/** Until just after the plugin has forgotten what proved a refresh token that lives a little longer. */
const outlive = (world: World, draw: Draw): void => {
  const lasting = world.tokens.filter(({ since, until }) => until > since + kept)
  if (lasting.length === 0) return
  const { since, until } = draw.of(lasting)
  const at = since + kept + draw.below(until - since - kept)
  if (at <= world.clock.now()) return
  world.pass((at - world.clock.now()) / 1000)
  world.count('tokens outlive what is remembered of them')
  world.say('time passes, until what proved a refresh token is forgotten')
}

const changeClient = (world: World, draw: Draw): void => {
  const { clientId } = draw.of(world.clients)
  const client = anyClient(clientId, world.policy, draw)
  world.clients = world.clients.map((one) => (one.clientId === clientId ? client : one))
  world.say(`client ${JSON.stringify(client)}`)
}

/** The operator changes the policy, and starts anew. */
const changePolicy = async (world: World, draw: Draw): Promise<void> => {
  await world.restart(anyPolicy(world.policy, draw))
  world.say(`policy ${JSON.stringify(world.policy)}`)
}

/** Password and code at a relying party that asks for nothing: whoever is right gets in. */
const signInPlainly = async (world: World, draw: Draw): Promise<void> => {
  const [browser, client] = [someBrowser(world, draw), draw.of(world.clients)]
  const plan = willing(anyPlan(world, draw))
  if (!plan.person.there) return
  world.doing = `${browser.name} at ${client.clientId}: ${plan.person.id} signs in plainly`
  const first = await authorize(world, browser, client, { ...plainly, prompt: ['login'] })
  assert.equal(first.kind, 'waiting', 'prompt=login asks')
  if (first.kind !== 'waiting') return
  const last = await carryOn(world, first.journey, plan, draw)
  world.say(`${browser.name} at ${client.clientId}: ${plan.person.id} signs in plainly and ${told(last)}`)
  world.count('sign-ins')
  if (last.kind === 'issued') return world.count('plain sign-ins')
  const why = excuse(world, first.journey, plan)
  assert.ok(why, `a plain sign-in fails: ${told(last)}`)
  world.count(`plain sign-in excused: ${why}`)
}

/** Somebody signs in again in a browser that knows them: a day on which a trusted device is worth something. */
const comeBack = async (world: World, draw: Draw): Promise<void> => {
  const known = world.browsers.flatMap((browser) =>
    world.people
      .filter(({ id, there }) => there && browser.cookies.has(cookieName(id)))
      .map((person) => ({ browser, person })),
  )
  if (known.length === 0) return
  const { browser, person } = draw.of(known)
  const client = draw.of(world.clients)
  if (browser.session) world.endSession(browser.session.uid)
  const plan: Plan = { ...willing(anyPlan(world, draw)), person, trusts: true }
  const asked = draw.chance(0.7) ? plainly : { ...anyAsked(world.policy, draw), prompt: [] }
  world.doing = `${person.id} comes back to ${client.clientId} by ${browser.name} ${JSON.stringify(asked)}`
  const first = await authorize(world, browser, client, asked)
  const last = first.kind === 'waiting' ? await carryOn(world, first.journey, plan, draw) : first
  world.say(`${world.doing} and ${told(last)}`)
  world.count('sign-ins')
}

/** Somebody who knows the password tries codes until there is a lock, or they are tired of it. */
const guess = async (world: World, draw: Draw): Promise<void> => {
  const [browser, client] = [someBrowser(world, draw), draw.of(world.clients)]
  const plan: Plan = {
    ...anyPlan(world, draw),
    by: 'password',
    isWilling: false,
    wrong: 5,
    pages: 9,
    pause: 3,
  }
  if (!plan.person.there || world.has(plan.person.id).size === 0) return
  world.doing = `${browser.name} at ${client.clientId}: somebody guesses codes of ${plan.person.id}`
  const first = await authorize(world, browser, client, { ...plainly, prompt: ['login', 'second_factor'] })
  const last = first.kind === 'waiting' ? await carryOn(world, first.journey, plan, draw) : first
  world.say(`${world.doing} and ${told(last)}`)
}

const ofPerson =
  (step: (world: World, person: World['people'][number], draw: Draw) => unknown): Step =>
  async (world, draw) => {
    await step(world, draw.of(world.people), draw)
  }

type Step = (world: World, draw: Draw) => unknown

const steps: ReadonlyArray<readonly [weight: number, step: Step]> = [
  [22, ask],
  [8, signInPlainly],
  [8, comeBack],
  [2, guess],
  [5, goOn],
  [22, redeem],
  [3, customGrant],
  [12, pass],
  [0.4, outlive],
  [1.5, steal],
  [1, replay],
  [2.5, leave],
  [3, ofPerson(removeFactor)],
  [4, (world, draw) => addFactor(world, draw.of(world.people), anyKey(draw), draw)],
  [0.7, ofPerson(resetFactors)],
  [6, ofPerson(unlock)],
  [0.8, ofPerson(changePassword)],
  [0.8, ofPerson(forgetDevice)],
  [2, ofPerson(changeDemands)],
  [0.5, ofPerson(disable)],
  [2, changeClient],
  [0.5, changePolicy],
]

/** One step, drawn by chance. A lock ends all trust, whoever brought it about. */
export const takeStep = async (world: World, draw: Draw): Promise<void> => {
  world.pass(0.001)
  await draw.weighed(steps)(world, draw)
  for (const { id } of world.people) {
    const isLocked = world.directory.lockedNow(id)
    if (isLocked && !world.locked.has(id)) {
      world.book.endTrust(id)
      world.count('locks')
      world.say(`${id} is locked`)
    }
    if (isLocked) world.locked.add(id)
    else world.locked.delete(id)
  }
}
