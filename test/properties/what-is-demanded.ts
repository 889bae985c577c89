import { type Happening, isFactor, type Worth, worthOf } from './what-happened.ts'

/** What is asked of whom, and whether what happened is enough: told once more, by events instead of names. */

export type RuleWord = 'require' | 'forbid'
export type Rules = Readonly<Record<string, RuleWord>>
export type Reaction = 'record' | 'step-up' | 'refuse'

export interface Rung {
  acr: string
  worth: Worth
  maxAge?: number
}

/** The policy of a run. */
export interface RunPolicy {
  mode: 'required' | 'optional' | 'off'
  trust: 'off' | 'cookie' | 'bound'
  days: number
  ladder: readonly Rung[]
  factors: Rules
  groups: Readonly<Record<string, { factors?: Rules; minimum?: string; trustedDevices?: boolean }>>
  reactions: Readonly<Partial<Record<string, Reaction>>>
  attesting: boolean
}

/** Client metadata. */
export interface Client {
  clientId: string
  require_second_factor?: boolean
  second_factor_max_age?: number
  minimum_acr?: string
  second_factors?: Rules
  default_acr_values?: readonly string[]
}

/** An authorization request. */
export interface Asked {
  acrValues: readonly string[]
  essential: readonly string[] | undefined
  prompt: readonly string[]
  maxAge: number | undefined
}

/** How things stand with an account at a relying party; `request` is absent where tokens are exchanged. */
export interface Standing {
  policy: RunPolicy
  client: Client
  request: Asked | undefined
  groups: readonly string[]
  minimum: string | undefined
  /** Factors that the account has, and the very credentials. */
  has: ReadonlySet<string>
  holds: ReadonlySet<string>
  locked: boolean
  /** What is done about where it comes from. */
  reaction: Reaction
  /** Milliseconds. */
  now: number
  /** By what a device was trusted, if it still is. */
  trustedFor(device: string): readonly string[] | undefined
}

export interface Judged {
  allowed: boolean
  needed: Worth
  /** What counts here and now. */
  worth: Worth
  /** Nobody can reach what is asked for. */
  unreachable: boolean
  /** A device stands for what the general policy asks. */
  vouched: boolean
}

const selfEnrolled = ['webauthn', 'totp']

const rulesAt = ({ policy, groups, client }: Standing) => {
  const sets = [
    policy.factors,
    ...groups.map((name) => policy.groups[name]?.factors ?? {}),
    client.second_factors ?? {},
  ]
  const said = (word: RuleWord) => [
    ...new Set(sets.flatMap((set) => Object.keys(set).filter((name) => set[name] === word))),
  ]
  return { required: said('require'), forbidden: said('forbid') }
}

const worthIn = ({ policy }: Standing, acr: string): Worth | undefined =>
  policy.ladder.find((rung) => rung.acr === acr)?.worth

export const judgeByEvents = (at: Standing, happened: readonly Happening[]): Judged => {
  const { policy, client, request, locked, now } = at
  const { required, forbidden } = rulesAt(at)
  const hasKeys = !forbidden.includes('webauthn')
  const top = hasKeys ? (policy.attesting ? 3 : 2) : 1
  const impossible =
    required.some((name) => forbidden.includes(name) || !selfEnrolled.includes(name)) ||
    selfEnrolled.every((name) => forbidden.includes(name))

  const isFresh =
    request !== undefined &&
    (request.prompt.includes('login') ||
      request.prompt.includes('second_factor') ||
      request.maxAge !== undefined)
  const maxAge = client.second_factor_max_age
  const vouches = (one: Happening): boolean => {
    const remembered = one.kind === 'device' ? at.trustedFor(one.device) : undefined
    return (
      remembered !== undefined &&
      !isFresh &&
      client.require_second_factor !== true &&
      maxAge === undefined &&
      !locked &&
      at.has.size > 0 &&
      at.reaction === 'record' &&
      required.length === 0 &&
      remembered.some((name) => !forbidden.includes(name)) &&
      at.groups.every((name) => policy.groups[name]?.trustedDevices !== false)
    )
  }
  const vouched = happened.some(vouches)

  const counted = happened.filter((one) => {
    if (one.kind === 'password') return true
    if (one.kind === 'device') return vouches(one)
    const isHeld = one.by === undefined ? at.has.has(one.kind) : at.holds.has(one.by)
    return isHeld && !forbidden.includes(one.kind)
  })
  const areRulesMet =
    required.length + forbidden.length === 0 ||
    (required.every((name) => counted.some(({ kind }) => kind === name)) &&
      counted.some(({ kind }) => kind !== 'password'))

  /** The highest worth for which a second factor is young enough: from two factors on any, above that the key. */
  const worthNow = (): Worth => {
    if (!areRulesMet) return 0
    const full = worthOf(counted)
    if (!request) return full
    for (let worth = full; worth >= 1; worth--) {
      const limits = policy.ladder.flatMap((rung) =>
        rung.worth >= 1 && rung.worth <= worth ? (rung.maxAge ?? []) : [],
      )
      const limit = Math.min(maxAge ?? Number.POSITIVE_INFINITY, ...limits)
      if (limit === Number.POSITIVE_INFINITY) return worth
      const young = counted.filter((one) => isFactor(one) && Math.floor(now / 1000) - one.at <= limit)
      const others = counted.filter(({ kind }) => kind !== 'webauthn')
      const isYoung = worth === 1 ? young.length > 0 : worthOf([...others, ...young]) >= worth
      if (isYoung) return worth
    }
    return 0
  }

  const reachable = (acrs: readonly string[]) =>
    acrs.flatMap((acr) => {
      const worth = worthIn(at, acr)
      return worth !== undefined && worth <= top ? [worth] : []
    })
  const asksGenerally = policy.mode === 'required' || (policy.mode === 'optional' && at.has.size > 0)
  const minimums = [
    ...(at.minimum === undefined ? [] : [at.minimum]),
    ...at.groups.flatMap((name) => policy.groups[name]?.minimum ?? []),
    ...(client.minimum_acr === undefined ? [] : [client.minimum_acr]),
  ]
  const needed = Math.max(
    asksGenerally && !vouched ? 1 : 0,
    client.require_second_factor === true || maxAge !== undefined || required.length > 0 ? 1 : 0,
    at.reaction === 'step-up' ? 1 : 0,
    ...minimums.map((acr) => worthIn(at, acr) ?? Number.POSITIVE_INFINITY),
    request ? (reachable(request.acrValues)[0] ?? 0) : 0,
    request?.essential ? Math.min(...reachable(request.essential)) : 0,
  )
  const worth = worthNow()
  const unreachable = impossible || needed > top
  return {
    allowed: at.reaction !== 'refuse' && !unreachable && !(locked && needed >= 1) && worth >= needed,
    needed,
    worth,
    unreachable,
    vouched,
  }
}
