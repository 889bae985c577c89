import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { codeOf, stepAt } from '../../src/factors/totp/code.ts'
import { isJudged, plain, rightAnswer, wrongAnswer } from './answers.ts'
import { signInBrowser } from './browser-keys.ts'
import type { Draw } from './draw.ts'
import { lockAfter, type Request, type Response } from './plugin-alone.ts'
import { answerBy, type Key } from './quick-factors.ts'
import { type FactorKind, isFactor, worthOf } from './what-happened.ts'
import type { Reaction } from './what-is-demanded.ts'
import { cookieName, forbiddenAddress, type Journey, type Person, type World } from './world.ts'

/** How somebody goes about a sign-in. */
export interface Plan {
  person: Person
  by: 'password' | 'passkey'
  /** Answers everything rightly, and goes on to the end. */
  isWilling: boolean
  /** Wrong answers before the first right one. */
  wrong: number
  /** What they would rather be asked. */
  prefers: FactorKind | undefined
  /** Does not want to be asked again here. */
  trusts: boolean
  /** What they set up where they have the choice. */
  enrols: 'totp' | 'webauthn'
  newKey: Key
  /** After a recovery code: sets something up anew, in the place of what was lost. */
  replaces: boolean
  /** Pages after which they leave. */
  pages: number
  /** Seconds at each page. */
  pause: number
  /** Wrong passwords before. */
  failures: number
}

const cookieHeader = ({ browser }: Journey): string =>
  [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')

const request = (journey: Journey, body?: Record<string, string>): Request => ({
  method: body ? 'POST' : 'GET',
  url: `/interaction/${journey.interaction.uid}/second-factor`,
  headers: { cookie: cookieHeader(journey), 'sec-fetch-site': 'same-origin' },
  ...(body && { body }),
  socket: { remoteAddress: '192.0.2.1' },
  interaction: journey.interaction,
  sighting: journey.browser.sighting,
})

const deviceCookie = (journey: Journey, { id }: Person): string | undefined =>
  journey.browser.cookies.get(cookieName(id))

/** What the browser keeps of an answer, and what the book is told of it. */
const keep = (world: World, journey: Journey, { cookies }: Response, accountId: string): void => {
  const { browser, before, happened } = journey
  for (const line of cookies) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    const earlier = browser.cookies.get(name)
    if (earlier !== undefined) browser.earlier.push([name, earlier])
    browser.cookies.set(name, value)
    if (name !== cookieName(accountId)) continue
    const all = [...before, ...happened]
    const factors = [...new Set(all.filter(isFactor).map(({ kind }) => kind))]
    const { groups } = world.people.find(({ id }) => id === accountId) as Person
    const wish =
      worthOf(all) >= 1 &&
      !factors.includes('recovery-code') &&
      groups.every((group) => world.policy.groups[group]?.trustedDevices !== false)
        ? journey.wish
        : undefined
    world.book.noted(accountId, value, wish && { ...wish, factors })
    if (wish) world.count('device trusted')
  }
}

/** What the policy says of where a sign-in comes from. */
const reactionTo = (world: World, journey: Journey, { person, failures, by }: Plan): Reaction => {
  const { browser } = journey
  const before = world.directory.devicesNow(person.id)
  const { country } = browser.sighting
  const countries = new Set(before.flatMap((device) => [device.seen.country, ...device.countries]))
  countries.delete(null)
  const given = [
    ...(browser.sighting.address === forbiddenAddress ? ['forbidden-network'] : []),
    ...(before.length > 0 && !world.book.isKnown(person.id, deviceCookie(journey, person))
      ? ['new-device']
      : []),
    ...(country !== null && countries.size > 0 && !countries.has(country) ? ['new-country'] : []),
    ...(by === 'password' && failures >= 5 ? ['many-failures'] : []),
  ].map((signal) => world.policy.reactions[signal] ?? 'record')
  return (['refuse', 'step-up'] as const).find((word) => given.includes(word)) ?? 'record'
}

const seconds = (world: World): number => Math.floor(world.clock.now() / 1000)

const enter = async (world: World, journey: Journey, plan: Plan): Promise<void> => {
  const { person, failures } = plan
  const { browser, interaction } = journey
  const { mfa } = world.plugin
  const cookie = deviceCookie(journey, person)
  journey.reaction = reactionTo(world, journey, plan)
  const seen = world.book.trusted(person.id, cookie)
  const signs = world.policy.trust === 'bound' && cookie !== undefined
  const device = signs ? await signInBrowser(browser.name, interaction.uid) : undefined
  const response = await world.plugin.call(request(journey, {}), (req, res) =>
    mfa.primarySucceeded(req, res, { accountId: person.id, amr: ['pwd'], device, failures }),
  )
  if (response.page?.view === 'interaction/expired') return
  world.book.shown(person.id, cookie)
  journey.happened.push({ kind: 'password', at: seconds(world) })
  const shown = (interaction.result?.['second_factor'] as { proofs?: object } | undefined)?.proofs ?? {}
  if (Object.hasOwn(shown, 'trusted-device')) {
    assert.ok(seen, 'a device that is not trusted completed a sign-in')
    const signed = world.policy.trust === 'bound'
    if (signed) assert.equal(seen.signer, browser.name, 'trusted by the key of another browser')
    journey.happened.push({ kind: 'device', at: seconds(world), device: seen.id, signed })
    world.count('device completed a sign-in')
  }
  keep(world, journey, response, person.id)
}

const enterByPasskey = async (world: World, journey: Journey, plan: Plan, draw: Draw): Promise<void> => {
  const { person } = plan
  const { interaction, client } = journey
  const { mfa } = world.plugin
  const asked = await mfa.passkeyQuestion(interaction.uid, client)
  if (!asked) return
  const isRight = plan.wrong === 0
  const given = (isRight ? rightAnswer : wrongAnswer)(world, person, 'webauthn', asked.options, draw)
  if (!given) return
  const reaction = reactionTo(world, journey, plan)
  const cookie = deviceCookie(journey, person)
  let outcome: { kind: string } | undefined
  const response = await world.plugin.call(
    request(journey, {}),
    async (req: IncomingMessage, res: ServerResponse) => {
      outcome = await mfa.signInWithPasskey(req, res, {
        response: given.answer,
        question: asked.question,
        mayEnter: async (accountId) => world.people.some(({ id, there }) => id === accountId && there),
      })
    },
  )
  if (outcome?.kind === 'answered' && response.location !== undefined) {
    assert.ok(given.proves?.kind === 'webauthn' && given.proves.verified, 'a passkey that proves nothing')
    world.book.shown(person.id, cookie)
    journey.reaction = reaction
    journey.happened.push(given.proves)
    world.count('entered by passkey')
  }
  keep(world, journey, response, person.id)
}

/** The second step of a session begins with its first page, and once more when it was ended: then nothing is left of it. */
const beginAnew = (world: World, journey: Journey, person: Person): void => {
  const { session, prompt } = journey.interaction
  if (prompt.name === 'login' || !session || !world.sessions.has(session.uid)) return
  if (journey.second === 'begun' || journey.interaction.until <= world.clock.now()) return
  if (journey.second === 'not yet') world.book.shown(person.id, deviceCookie(journey, person))
  journey.second = 'begun'
  // What a credential earned that is gone, is earned anew or not at all.
  const marks = new Set(world.directory.credentialsNow(person.id).map(({ id }) => world.markOf(id)))
  journey.before = journey.before.filter((one) => !isFactor(one) || one.by === undefined || marks.has(one.by))
  journey.happened = []
  journey.wish = undefined
}

/** Credentials of a factor that were not there before. */
const added = (world: World, { id }: Person, before: ReadonlySet<string>) =>
  world.directory.credentialsNow(id).filter((credential) => !before.has(credential.id))

const idsOf = (world: World, { id }: Person) =>
  new Set(world.directory.credentialsNow(id).map((credential) => `${credential.id}`))

interface Shown {
  name: FactorKind
  options?: unknown
  secret?: string
}

/** The person at the pages of a sign-in, until it is done or they leave. */
export const goThrough = async (world: World, journey: Journey, plan: Plan, draw: Draw): Promise<void> => {
  const { interaction } = journey
  const { person } = plan
  journey.person = person
  const send = (body?: Record<string, string>) => {
    beginAnew(world, journey, person)
    return world.plugin.submit(request(journey, body))
  }
  const submit = async (body?: Record<string, string>): Promise<Response> => {
    const response = await send(body)
    keep(world, journey, response, person.id)
    return response
  }
  let wrong = plan.wrong
  let hasSwitched = false
  if (interaction.prompt.name === 'login' && journey.happened.length === 0) {
    await (plan.by === 'password' ? enter(world, journey, plan) : enterByPasskey(world, journey, plan, draw))
    if (journey.happened.length === 0) return
  }
  let response: Response = interaction.result ? { cookies: [] } : await submit()
  for (let page = 0; !interaction.result && page < plan.pages; page++) {
    if (response.page === undefined) response = await submit()
    if (interaction.result || !response.page) return
    world.pass(plan.pause)
    const { view, locals } = response.page
    switch (view) {
      case 'interaction/second-factor': {
        const { factor, others, waitSeconds } = locals as {
          factor: Shown
          others: string[]
          waitSeconds?: number
        }
        if (plan.prefers && plan.prefers !== factor.name && others.includes(plan.prefers) && !hasSwitched) {
          hasSwitched = true
          response = await submit({ intent: 'switch', factor: plan.prefers })
          break
        }
        if (waitSeconds && plan.isWilling) world.pass(waitSeconds)
        const right = wrong > 0 ? undefined : rightAnswer(world, person, factor.name, factor.options, draw)
        if (!right && wrong === 0) {
          // Asked for what they do not have at hand.
          const [other] = others.filter((name) => name !== factor.name)
          if (other === undefined || hasSwitched) return
          hasSwitched = true
          response = await submit({ intent: 'switch', factor: other })
          break
        }
        const given = right ?? wrongAnswer(world, person, factor.name, factor.options, draw)
        wrong = Math.max(0, wrong - 1)
        const judged = isJudged(world, person.id, factor.name)
        const proves = judged ? given.proves : undefined
        const trusts = plan.trusts && world.policy.trust !== 'off'
        beginAnew(world, journey, person)
        if (proves) {
          journey.happened.push(proves)
          if (trusts)
            journey.wish = { signer: world.policy.trust === 'bound' ? journey.browser.name : undefined }
        }
        world.count(`answer by ${factor.name}`)
        response = await submit({
          intent: 'answer',
          code: given.answer,
          ...(trusts && { trust: 'on' }),
          ...(trusts &&
            world.policy.trust === 'bound' && {
              'device-key': await signInBrowser(journey.browser.name, interaction.uid),
            }),
        })
        // Nobody judged it: the sign-in was over or expired when it came, or had begun anew.
        const isLate =
          response.page?.view === 'interaction/expired' ||
          response.location === `/interaction/${interaction.uid}` ||
          response.page?.locals['error'] !== undefined
        if (proves && isLate) journey.happened.pop()
        else if (proves) given.spend()
        countWrong(world, person, factor.name, proves !== undefined && !isLate, response)
        break
      }
      case 'interaction/choose': {
        const { factors } = locals as { factors: string[] }
        const factor = factors.includes(plan.enrols) ? plan.enrols : (factors[0] as string)
        response = await submit({ intent: 'choose', factor })
        break
      }
      case 'interaction/enrol':
        response = await setUp(world, journey, plan, locals['factor'] as Shown, wrong > 0, send)
        keep(world, journey, response, person.id)
        wrong = Math.max(0, wrong - 1)
        break
      case 'interaction/recovered':
        response = await submit(
          plan.replaces
            ? { intent: 'enrol', ...everyOne(locals['authenticators'] as ReadonlyArray<{ id: string }>) }
            : { intent: 'continue' },
        )
        break
      case 'interaction/recovery-codes': {
        const { codes } = locals as { codes: string[] }
        const before = idsOf(world, person)
        response = await submit({ intent: 'saved' })
        if (added(world, person, before).length > 0) {
          person.codes = [...codes]
          person.spentCodes = []
        }
        break
      }
      case 'interaction/locked':
      case 'interaction/turned-away':
        response = await submit({ intent: 'leave' })
        break
      default:
        // Expired or refused: nothing more to be done here.
        return
    }
  }
}

/** A lock comes in time, whatever was tried where. */
const countWrong = (
  world: World,
  person: Person,
  name: FactorKind,
  isRight: boolean,
  { page }: Response,
): void => {
  const key = `${person.id} ${name}`
  const { error, factor } = (page?.locals ?? {}) as { error?: { key: string }; factor?: Shown }
  // An answer to something else than what is asked by now is not judged.
  const isWrong =
    error !== undefined && factor?.name === name && !/\.(wait|another-tab|malformed)$/.test(error.key)
  const before = world.wrong.get(key) ?? 0
  world.wrong.set(key, isRight ? 0 : before + (isWrong ? 1 : 0))
  assert.ok(
    isRight || before + (isWrong ? 1 : 0) <= lockAfter,
    'more wrong answers in a row than take a lock',
  )
}

/** The first credential of an account always has the same id: what is new takes the place of what was called so. */
export const hold = <One extends { credential: string }>(own: One[], one: One): void => {
  const before = own.findIndex(({ credential }) => credential === one.credential)
  if (before >= 0) own.splice(before, 1)
  own.push(one)
}

const setUp = async (
  world: World,
  journey: Journey,
  plan: Plan,
  factor: Shown,
  wrongly: boolean,
  send: (body: Record<string, string>) => Promise<Response>,
): Promise<Response> => {
  const { person } = plan
  const before = idsOf(world, person)
  const step = stepAt(world.clock.now())
  const secret = factor.secret?.replaceAll(' ', '') ?? ''
  const answer =
    factor.name === 'totp'
      ? codeOf(secret, wrongly ? step + 900 : step)
      : answerBy(plain(plan.newKey), factor.options, !wrongly)
  const at = seconds(world)
  const response = await send({ intent: 'confirm', code: answer, label: '' })
  const credential = added(world, person, before).find((one) => one.factor === factor.name)
  if (!credential) return response
  assert.ok(!wrongly, 'a factor was set up by a wrong answer')
  world.count(`set up ${factor.name}`)
  const by = world.markOf(credential.id)
  if (factor.name === 'totp') {
    hold(person.apps, { credential: credential.id, secret, used: step })
    journey.happened.push({ kind: 'totp', at, by })
  } else {
    const hardware = world.policy.attesting && plan.newKey.attested && !plan.newKey.synced
    hold(person.keys, { ...plan.newKey, credential: credential.id, hardware })
    journey.happened.push({ kind: 'webauthn', at, by, verified: plan.newKey.verifies, hardware })
  }
  return response
}

/** Ticked as lost, all of them. */
const everyOne = (authenticators: ReadonlyArray<{ id: string }>): Record<string, string> =>
  Object.fromEntries(authenticators.map(({ id }) => [`lost-${id}`, 'on']))
