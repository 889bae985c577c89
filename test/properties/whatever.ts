import type { Draw } from './draw.ts'
import type { Plan } from './person-at-browser.ts'
import type { Key } from './quick-factors.ts'
import type { Asked, Client, Reaction, RuleWord, Rung, RunPolicy } from './what-is-demanded.ts'
import type { World } from './world.ts'

/** Whatever may be the case: policies, relying parties, requests, and how people go about their sign-ins. */

const refeds: readonly Rung[] = [
  { acr: 'https://refeds.org/profile/sfa', worth: 0 },
  { acr: 'https://refeds.org/profile/mfa', worth: 1 },
  { acr: 'phr', worth: 2 },
  { acr: 'phrh', worth: 3 },
]
const spid: readonly Rung[] = [
  { acr: 'https://www.spid.gov.it/SpidL1', worth: 0 },
  { acr: 'https://www.spid.gov.it/SpidL2', worth: 1 },
  { acr: 'https://www.spid.gov.it/SpidL3', worth: 3 },
]

export const ladders = { refeds, spid }

/** Ages for some of the levels above one factor. */
export const aged = (ladder: readonly Rung[], ...ages: ReadonlyArray<number | undefined>): readonly Rung[] =>
  ladder.map((rung, index) => {
    const maxAge = ages[index - 1]
    return maxAge === undefined ? rung : { ...rung, maxAge }
  })

const ruled = (draw: Draw): Record<string, RuleWord> =>
  draw.weighed<Record<string, RuleWord>>([
    [3, { webauthn: 'require' }],
    [3, { totp: 'forbid' }],
    [2, { 'recovery-code': 'forbid' }],
    [2, { totp: 'require' }],
    [1, { webauthn: 'forbid' }],
    [1, { totp: 'require', webauthn: 'require' }],
  ])

const reaction = (draw: Draw): Reaction =>
  draw.weighed([
    [3, 'record'],
    [2, 'step-up'],
    [1, 'refuse'],
  ])

/** Another policy in the place of one, often in one point only, on the same ladder: acr values in the store stay what they were. */
export const anyPolicy = (before: RunPolicy, draw: Draw): RunPolicy => {
  const other = anyOther(before, draw)
  const point = draw.of(['mode', 'trust', 'factors', 'attesting'] as const)
  return draw.chance(0.6) ? { ...before, [point]: other[point] } : other
}

const anyOther = ({ ladder, attesting }: RunPolicy, draw: Draw): RunPolicy => ({
  mode: draw.of(['required', 'optional', 'off']),
  trust: draw.of(['off', 'cookie', 'bound']),
  days: draw.of([1, 30]),
  ladder,
  factors: draw.chance(0.2) ? ruled(draw) : {},
  groups: {
    staff: { minimum: (ladder[1] as Rung).acr, trustedDevices: draw.chance(0.5) },
    ...(draw.chance(0.5) && { guards: { factors: ruled(draw) } }),
  },
  reactions: Object.fromEntries(
    ['forbidden-network', 'new-device', 'new-country', 'many-failures']
      .filter(() => draw.chance(0.3))
      .map((signal) => [signal, reaction(draw)]),
  ),
  attesting: draw.chance(0.5) ? attesting : !attesting,
})

export const anyClient = (clientId: string, { ladder }: RunPolicy, draw: Draw): Client => ({
  clientId,
  ...(draw.chance(0.2) && { require_second_factor: true }),
  ...(draw.chance(0.15) && { second_factor_max_age: draw.of([60, 900, 86_400]) }),
  ...(draw.chance(0.2) && { minimum_acr: draw.of(ladder).acr }),
  ...(draw.chance(0.15) && { second_factors: ruled(draw) }),
  ...(draw.chance(0.1) && { default_acr_values: [draw.of(ladder).acr] }),
})

export const plainly: Asked = { acrValues: [], essential: undefined, prompt: [], maxAge: undefined }

export const anyAsked = ({ ladder }: RunPolicy, draw: Draw): Asked => {
  const acrs = () => [
    draw.chance(0.1) ? 'made-up' : draw.of(ladder).acr,
    ...draw.some(ladder, 0.2).map(({ acr }) => acr),
  ]
  return {
    acrValues: draw.chance(0.3) ? acrs() : [],
    essential: draw.chance(0.12) ? acrs() : undefined,
    prompt: draw.weighed([
      [10, []],
      [7, ['none']],
      [2, ['login']],
      [2, ['second_factor']],
      [0.5, ['login', 'second_factor']],
    ]),
    maxAge: draw.chance(0.15) ? draw.of([0, 60, 900, 86_400]) : undefined,
  }
}

let keys = 0
export const anyKey = (draw: Draw): Key => ({
  id: `key-${++keys}`,
  verifies: draw.chance(0.75),
  attested: draw.chance(0.75),
  synced: draw.chance(0.3),
})

export const anyPlan = ({ people }: World, draw: Draw): Plan => {
  const isWilling = draw.chance(0.65)
  const present = people.filter(({ there }) => there)
  const person = draw.of(present.length > 0 ? present : people)
  return {
    person,
    by: draw.chance(person.keys.length > 0 ? 0.3 : 0.03) ? 'passkey' : 'password',
    isWilling,
    wrong: isWilling ? 0 : draw.below(4),
    prefers: draw.weighed([
      [6, undefined],
      [1, 'totp'],
      [1, 'webauthn'],
      [1, 'recovery-code'],
    ]),
    trusts: draw.chance(0.5),
    enrols: draw.chance(0.7) ? 'totp' : 'webauthn',
    newKey: anyKey(draw),
    replaces: draw.chance(0.5),
    pages: isWilling ? 14 : draw.below(8),
    pause: draw.weighed([
      [10, 0],
      [3, draw.below(20)],
      [1, 400],
    ]),
    failures: draw.chance(0.1) ? 6 : 0,
  }
}

/** As people sign in every day. */
export const willing = (plan: Plan): Plan => ({
  ...plan,
  by: 'password',
  isWilling: true,
  wrong: 0,
  prefers: undefined,
  enrols: 'totp',
  pages: 14,
  pause: 0,
  failures: 0,
})
