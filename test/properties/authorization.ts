import assert from 'node:assert/strict'
import { errors } from 'oidc-provider'
import { holdCode, holdExchange, holdSession, mustBeAllowed, remembered } from './invariant.ts'
import { lives, sessionUntil } from './lives.ts'
import { contextOf } from './plugin-alone.ts'
import { type Asked, type Client, judgeByEvents, type Reaction } from './what-is-demanded.ts'
import {
  type Browser,
  forbiddenAddress,
  type Journey,
  type Token,
  type WalkedSession,
  type World,
} from './world.ts'

/** The parts of oidc-provider that come before and after a sign-in, as it runs them, and the invariant at each answer. */

export type Answered =
  | { kind: 'issued'; token: Token }
  | { kind: 'refused'; error: string }
  | { kind: 'waiting'; journey: Journey }

/** As oidc-provider reads it: with the client's defaults, and "an age of nothing" as `prompt=login`. */
const read = (client: Client, asked: Asked): Asked => ({
  acrValues: asked.acrValues.length > 0 ? asked.acrValues : (client.default_acr_values ?? []),
  essential: asked.essential,
  prompt: asked.maxAge === 0 ? [...new Set([...asked.prompt, 'login'])] : asked.prompt,
  maxAge: asked.maxAge === 0 ? undefined : asked.maxAge,
})

const paramsOf = ({ clientId }: Client, { acrValues, essential, prompt, maxAge }: Asked) => ({
  client_id: clientId,
  scope: 'openid',
  ...(acrValues.length > 0 && { acr_values: acrValues.join(' ') }),
  ...(prompt.length > 0 && { prompt: prompt.join(' ') }),
  ...(maxAge !== undefined && { max_age: maxAge }),
  ...(essential && {
    claims: JSON.stringify({
      id_token: {
        acr: {
          essential: true,
          ...(essential.length === 1 ? { value: essential[0] } : { values: essential }),
        },
      },
    }),
  }),
})

const reactionTo = ({ policy }: World, { sighting }: Browser): Reaction =>
  sighting.address === forbiddenAddress ? (policy.reactions['forbidden-network'] ?? 'record') : 'record'

type Start = Pick<Journey, 'browser' | 'client' | 'asked' | 'params' | 'startedAt' | 'hasSignedIn' | 'anew'>

export const authorize = async (
  world: World,
  browser: Browser,
  client: Client,
  asked: Asked,
): Promise<Answered> => {
  const start: Start = {
    browser,
    client,
    asked: read(client, asked),
    params: paramsOf(client, read(client, asked)),
    startedAt: world.clock.now(),
    hasSignedIn: false,
    anew: [],
  }
  return answer(world, start, 'authorization', undefined)
}

const answer = async (
  world: World,
  start: Start,
  route: 'authorization' | 'resume',
  result: Record<string, unknown> | undefined,
): Promise<Answered> => {
  const { browser, params } = start
  const { configured, provider } = world.plugin
  // Its metadata may have changed since the request began.
  const client = world.clients.find(({ clientId }) => clientId === start.client.clientId) as Client
  const { session } = browser
  const { accountId } = session ?? {}
  if (session) session.until = sessionUntil(world.clock.now(), session.loginTs as number)
  const account =
    accountId === undefined
      ? undefined
      : await configured.findAccount?.({} as never, accountId, undefined as never)
  const ctx = contextOf({
    provider,
    route,
    req: { sighting: browser.sighting, headers: {}, socket: {} },
    client,
    params,
    session: session ?? { uid: world.newId() },
    result,
    account: account ?? undefined,
    now: world.clock.now,
  })
  let prompt: string | undefined
  let refusal: string | undefined
  try {
    for (const { name, checks } of configured.interactions?.policy ?? []) {
      if (name === 'consent') continue
      const failing = await Promise.all(checks.map(async ({ check }) => check(ctx)))
      for (const one of failing) assert.equal(typeof one, 'boolean')
      if (!failing.includes(true)) continue
      prompt = name
      break
    }
    if (prompt === undefined) provider.emit('authorization.accepted', ctx)
  } catch (error) {
    if (!(error instanceof errors.OIDCProviderError)) throw error
    refusal = error.error
  }
  const isSilent = start.asked.prompt.includes('none')
  if (prompt !== undefined && !isSilent && refusal === undefined)
    return { kind: 'waiting', journey: interact(world, start, prompt, result) }
  if (prompt !== undefined || refusal !== undefined || !session) {
    const error = refusal ?? 'login_required'
    holdRefusal(world, start, session, error)
    return { kind: 'refused', error }
  }
  const { acr } = ctx.oidc as unknown as { acr: string }
  const token: Token = {
    kind: 'AuthorizationCode',
    accountId: session.accountId as string,
    clientId: client.clientId,
    acr,
    amr: [...(session.amr ?? [])],
    authTime: session.loginTs as number,
    sessionUid: session.uid,
    happened: session.happened,
    since: session.since,
    until: world.clock.now() + lives.authorizationCode * 1000,
  }
  assert.ok(account, 'a code for an account that is not there')
  const standing = world.standing(token.accountId, client, start.asked, reactionTo(world, browser))
  holdCode(world, start, session, token, standing)
  world.count(standing.locked ? 'issued while locked' : 'issued')
  world.count(`issued at ${acr}`)
  if (judgeByEvents(standing, session.happened).vouched) world.count('issued by a trusted device')
  world.tokens.push(token)
  return { kind: 'issued', token }
}

/** Who is refused silently does not have what is asked for; nor does whoever is told that nobody could. */
const holdRefusal = (world: World, start: Start, session: WalkedSession | undefined, error: string): void => {
  const { browser, asked } = start
  const client = world.clients.find(({ clientId }) => clientId === start.client.clientId) as Client
  const { accountId } = session ?? {}
  if (!session || accountId === undefined) return
  if (!world.people.some(({ id, there }) => id === accountId && there)) return
  const standing = world.standing(accountId, client, asked, reactionTo(world, browser))
  const isOld =
    asked.maxAge !== undefined && Math.floor(world.clock.now() / 1000) - (session.loginTs ?? 0) > asked.maxAge
  if (error === 'unmet_authentication_requirements')
    assert.ok(judgeByEvents(standing, session.happened).unreachable, 'refused for what could be reached')
  else if (!isOld && !asked.prompt.includes('login'))
    assert.ok(!mustBeAllowed(world, standing, session), `refused, though all is there: ${error}`)
  world.count('refused silently')
}

const interact = (
  world: World,
  start: Start,
  name: string,
  result: Record<string, unknown> | undefined,
): Journey => {
  const { session } = start.browser
  const uid = world.newId()
  return {
    ...start,
    interaction: {
      uid,
      prompt: { name },
      params: start.params,
      lastSubmission: result,
      returnTo: `https://op.example/auth/${uid}`,
      until: world.clock.now() + lives.interaction * 1000,
      ...(session?.accountId !== undefined && {
        session: {
          accountId: session.accountId,
          uid: session.uid,
          acr: session.acr as string,
          amr: session.amr as string[],
        },
      }),
      persist: async () => uid,
    },
    person: undefined,
    reaction: 'record',
    // What a device vouched for is proven now, or not at all; who signs in anew, begins with nothing.
    before: name === 'login' ? [] : (session?.happened ?? []).filter(({ kind }) => kind !== 'device'),
    happened: [],
    wish: undefined,
    second: 'not yet',
  }
}

/** The browser comes back to the relying party's request, with what became of the interaction. */
export const resume = async (world: World, journey: Journey): Promise<Answered> => {
  const { browser, interaction } = journey
  const { result, session: origin } = interaction
  const refused = (error: string): Answered => ({ kind: 'refused', error })
  if (interaction.until <= world.clock.now()) return refused('too late')
  if (origin && origin.uid !== browser.session?.uid) return refused('session mismatch')
  const login = result?.['login'] as { accountId: string; acr: string; amr: string[]; ts: number } | undefined
  if (login && browser.session && browser.session.accountId !== login.accountId) {
    // Another account: the session before ends with a logout.
    world.endSession(browser.session.uid)
  }
  if (!result) return refused('nothing happened')
  if (result['error'] !== undefined) return refused(String(result['error']))
  if (login) {
    const session: WalkedSession = {
      uid: browser.session?.uid ?? world.newId(),
      accountId: login.accountId,
      acr: login.acr,
      amr: [...login.amr],
      loginTs: login.ts,
      happened: [...journey.before, ...journey.happened],
      since: world.clock.now(),
      until: sessionUntil(world.clock.now(), login.ts),
    }
    holdSession(world, session, journey.reaction)
    // Its id is another one now: a copied cookie is good for nothing any more.
    world.endSession(session.uid)
    browser.session = session
    world.sessions.set(session.uid, session)
    const key = `${session.uid} ${session.loginTs}`
    world.proven.set(key, [...(world.proven.get(key) ?? []), session])
    world.count('signed in')
  }
  const next: Start = {
    ...journey,
    hasSignedIn: journey.hasSignedIn || (login !== undefined && interaction.prompt.name === 'login'),
    anew: [...journey.anew, ...journey.happened],
  }
  return answer(world, next, 'resume', result)
}

/** The token endpoint: a code or refresh token for an ID token and an access token. */
export const exchange = async (world: World, token: Token): Promise<boolean> => {
  const client = world.clients.find(({ clientId }) => clientId === token.clientId) as Client
  const standing = world.standing(token.accountId, client, undefined, 'record')
  const { configured, provider } = world.plugin
  const ctx = contextOf({
    provider,
    route: 'token',
    req: {},
    client,
    params: {},
    entities: { [token.kind]: token },
    now: world.clock.now,
  })
  const isThere = world.people.some(({ id, there }) => id === token.accountId && there)
  try {
    const account = await configured.findAccount?.(ctx, token.accountId, token as never)
    if (!account) {
      assert.ok(!isThere, 'an account that is there was not found')
      return false
    }
  } catch (error) {
    if (!(error instanceof errors.InvalidGrant)) throw error
    assert.ok(
      !mustBeAllowed(world, standing, remembered(world, token)),
      'a token was refused, though all is there',
    )
    world.count('exchange refused')
    return false
  }
  assert.ok(isThere, 'tokens for an account that is not there')
  holdExchange(world, token, standing)
  const claims = await configured.extraTokenClaims?.(ctx, { kind: 'AccessToken' } as never)
  assert.deepEqual(claims, { acr: token.acr, amr: token.amr, auth_time: token.authTime })
  world.count('exchanged')
  return true
}
