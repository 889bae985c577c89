import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { Browser } from '../support/browser.ts'
import { admittedGrant, audience, bareGrant, type PolicyName, sourceGrant } from './judged-host.ts'
import {
  type At,
  askBrowser,
  askIntrospection,
  askOwnGrant,
  askResourceServer,
  askUserinfo,
  codeFor,
  mfa,
  refresh,
  signIn,
  startCiba,
  startDevice,
  tokensFor,
  type Way,
  wordOf,
} from './judged-requests.ts'
import { later } from './trusted-browsers.ts'

/** How an account, its factors and its relying party come to be in a state. */
export interface State {
  /** What holds while everything is proven and issued; `strict` when absent. */
  before?: PolicyName
  /** An app, and recovery codes beside it. */
  hasFactors: boolean
  /** How the session is made, if there is one. */
  session: 'none' | 'usual' | 'by a trusted device'
  client?: Record<string, unknown>
  come(at: At): Promise<void> | void
}

const nothing = () => {}

/** The relying party is known anew after two seconds. */
const changeClient = (at: At, change: Record<string, unknown>): void => {
  at.host.clients.set(at.clientId, { ...at.host.clients.get(at.clientId), ...change })
  at.host.clock.advance(3)
}

const removeFactors = async (at: At, factor?: string): Promise<void> => {
  const all = await at.host.directory.credentials(at.accountId)
  const ids = all.filter((one) => factor === undefined || one.factor === factor).map(({ id }) => id)
  assert.ok((await at.host.directory.removeCredentials(at.accountId, ids)) > 0)
}

export const states: Record<string, State> = {
  'two factors': { hasFactors: true, session: 'usual', come: nothing },
  // Typed in each request, and nothing else.
  password: { hasFactors: true, session: 'none', come: nothing },
  // Both signed in when one factor was enough.
  'no factor': { before: 'lax', hasFactors: false, session: 'usual', come: nothing },
  weak: { before: 'lax', hasFactors: true, session: 'usual', come: nothing },
  old: {
    hasFactors: true,
    session: 'usual',
    client: { second_factor_max_age: 60 },
    come: ({ host }) => host.clock.advance(90),
  },
  'old level': {
    hasFactors: true,
    session: 'usual',
    come({ host }) {
      host.policy = 'ageing'
      host.clock.advance(90)
    },
  },
  locked: {
    hasFactors: true,
    session: 'usual',
    async come({ host, accountId }) {
      await host.directory.changeAttempts(accountId, 'totp', (state) => ({
        ...state,
        failures: 11,
        lockedAt: host.clock.now(),
      }))
    },
  },
  disabled: {
    hasFactors: true,
    session: 'usual',
    come: ({ host, accountId }) => void host.disabled.add(accountId),
  },
  removed: { hasFactors: true, session: 'usual', come: (at) => removeFactors(at) },
  'codes left': { hasFactors: true, session: 'usual', come: (at) => removeFactors(at, 'totp') },
  trusted: { hasFactors: true, session: 'by a trusted device', come: nothing },
  demanding: {
    hasFactors: true,
    session: 'by a trusted device',
    come: (at) => changeClient(at, { require_second_factor: true }),
  },
}

type Tokens = Awaited<ReturnType<typeof tokensFor>>

/** A person in a state, and all that was issued before it came about. */
export interface Prepared extends At {
  hasSession: boolean
  held: Held
}

interface Held {
  code: Awaited<ReturnType<typeof codeFor>>
  tokens: Tokens
  source: Tokens
  oldest: Tokens
  jwt: Tokens
  device: Awaited<ReturnType<typeof startDevice>>
  pendingDevice: Awaited<ReturnType<typeof startDevice>>
  ciba: Awaited<ReturnType<typeof startCiba>>
  cibaOfNoSession: Awaited<ReturnType<typeof startCiba>>
  pendingCiba: Awaited<ReturnType<typeof startCiba>>
  /** What the host knows of the session. */
  proof: { acr: string; amr: string[]; authTime: number; sessionUid: string }
}

/** Everything that a session can get, one of each. */
const hold = async (at: At): Promise<Held> => {
  const tokens = await tokensFor(at)
  const { acr, amr, auth_time } = decodeJwt(String(tokens['id_token']))
  const found = await at.host.provider.AccessToken.find(String(tokens['access_token']))
  const proof = {
    acr: String(acr),
    amr: amr as string[],
    authTime: Number(auth_time),
    sessionUid: found?.sessionUid as string,
  }
  assert.ok(proof.sessionUid)
  const [device, ciba, cibaOfNoSession] = [await startDevice(at), await startCiba(at), await startCiba(at)]
  assert.equal(await device.confirm(), 'confirmed')
  assert.equal(await ciba.approve(proof), 'approved')
  const { sessionUid, ...ofNone } = proof
  // A trusted device vouches for a session alone.
  await cibaOfNoSession.approve(ofNone)
  return {
    code: await codeFor(at),
    tokens,
    source: await tokensFor(at),
    oldest: await tokensFor(at),
    jwt: await tokensFor(at, { scope: 'openid read', resource: audience }),
    device,
    pendingDevice: await startDevice(at),
    ciba,
    cibaOfNoSession,
    pendingCiba: await startCiba(at),
    proof,
  }
}

export const prepare = async (from: At, state: State): Promise<Prepared> => {
  const { host, accountId } = from
  host.policy = state.before ?? 'strict'
  const secret = state.hasFactors ? await host.addApp(accountId) : ''
  if (state.hasFactors) await host.addCodes(accountId)
  let at: At = { ...from, secret }
  const hasSession = state.session !== 'none'
  if (state.session === 'by a trusted device') {
    const trusted = await signIn(at, { trust: 'on' })
    at = { ...at, browser: later(trusted), secret: '' }
  }
  if (hasSession) await signIn(at)
  const held = hasSession ? await hold(at) : ({ pendingDevice: await startDevice(at) } as Held)
  host.policy = 'strict'
  await state.come(at)
  return { ...at, hasSession, held }
}

export type Answers = Record<string, (prepared: Prepared) => Promise<string>>

const responseTypes = [
  ...['code', 'id_token', 'code id_token', 'code token'],
  ...['id_token token', 'code id_token token', 'none'],
]

/** In a copy of the browser: what is left behind there changes nothing for the next. */
const inBrowser =
  (responseType: string, way: Way): Answers[string] =>
  (prepared) =>
    askBrowser(
      { ...prepared, browser: prepared.hasSession ? prepared.browser.copy() : new Browser() },
      {
        responseType,
        way,
        types: !prepared.hasSession,
        ...(prepared.hasSession && { idToken: String(prepared.held.tokens['id_token']) }),
      },
    )

const browserAnswers: Answers = Object.fromEntries(
  (['plain', 'pushed', 'signed', 'silent', 'hinted'] as const).flatMap((way) =>
    responseTypes.map((responseType) => [
      way === 'plain' ? responseType : `${way}, ${responseType}`,
      inBrowser(responseType, way),
    ]),
  ),
)

/** The host says what its session was proven by. */
const sayAsSession = ({ host, accountId, held: { proof } }: Prepared): void => {
  host.says = { accountId, ...proof, factors: proof.amr.includes('otp') ? ['totp'] : [] }
}

export const answers: Answers = {
  ...browserAnswers,
  async 'device, confirmed now'(prepared) {
    const { pendingDevice } = prepared.held
    const confirmed = await pendingDevice.confirm(!prepared.hasSession)
    return confirmed === 'confirmed' ? wordOf(prepared, await pendingDevice.redeem()) : confirmed
  },
  authorization_code: async (prepared) => wordOf(prepared, await prepared.held.code()),
  refresh_token: (prepared) => refresh(prepared, prepared.held.tokens),
  device_code: async (prepared) => wordOf(prepared, await prepared.held.device.redeem()),
  'CIBA, approved before': async (prepared) => wordOf(prepared, await prepared.held.ciba.redeem()),
  async 'CIBA, approved now'(prepared) {
    const { pendingCiba, proof } = prepared.held
    const approved = await pendingCiba.approve(proof)
    if (approved !== 'approved') return approved
    const word = await wordOf(prepared, await pendingCiba.redeem())
    return word === 'invalid_grant' ? 'late' : word
  },
  async 'CIBA, of no session'(prepared) {
    const word = await wordOf(prepared, await prepared.held.cibaOfNoSession.redeem())
    // It was refused when it was to be approved already.
    return word === 'authorization_pending' ? 'invalid_grant' : word
  },
  client_credentials: (prepared) => askOwnGrant(prepared, 'client_credentials'),
  'own grant, asking nobody'(prepared) {
    sayAsSession(prepared)
    return askOwnGrant(prepared, bareGrant)
  },
  'own grant, by admit'(prepared) {
    sayAsSession(prepared)
    return askOwnGrant(prepared, admittedGrant)
  },
  'own grant, by a source token': (prepared) =>
    askOwnGrant(prepared, sourceGrant, { source: String(prepared.held.source['refresh_token']) }),
  userinfo: (prepared) => askUserinfo(prepared, prepared.held.source),
  introspection: (prepared) => askIntrospection(prepared, prepared.held.source),
  'JWT, where two factors are asked': (prepared) =>
    askResourceServer(prepared, prepared.held.jwt, { acr: [mfa] }),
  'JWT, where a minute is asked': (prepared) =>
    askResourceServer(prepared, prepared.held.jwt, { maxAge: 60 }),
  async 'refresh_token, of long ago'(prepared) {
    await prepared.host.forgetProofs()
    return refresh(prepared, prepared.held.oldest)
  },
}
