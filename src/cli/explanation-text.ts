import type { Strength } from '../policy/acr.ts'
import { trustedDevice } from '../policy/amr.ts'
import type { Rule } from '../policy/policy.ts'
import { browserInWords, placeInWords } from './account-devices.ts'
import { printable } from './account-show.ts'
import type { PolicyExplanation, Stage, StageDecision } from './explanation.ts'

type Demand = PolicyExplanation['demands'][number]

const modes = {
  required: 'two factors of everybody',
  optional: 'two factors of whoever has set one up',
  off: 'two factors only where something demands them',
} as const

const strengthWords: Readonly<Record<Strength | 'beyond-all', string>> = {
  'one-factor': 'one factor',
  'two-factors': 'two factors',
  'phishing-resistant': 'two factors, one of them a key',
  hardware: 'two factors, one of them a key whose maker attests its hardware',
  'beyond-all': 'a level that nobody can reach',
}

const ruleWords: Readonly<Record<string, string>> = {
  mode: 'the general policy',
  account: "the account's own minimum",
  'account:disabled': 'the account is disabled',
  lock: 'the lock of the second factor',
  'no-factor': 'the account has no factor',
  'no-passkey': 'the account has no passkey',
  'factor-rules': 'the rules for factors',
  [trustedDevice]: 'the trusted browser',
  'policy.trustedDevices': 'trusted browsers are switched off',
  'webauthn.passkeys': 'sign-in by passkey alone is switched off',
  'request:claims': 'the essential acr of the request',
  'request:acr_values': 'the acr_values of the request',
  'request:fresh': 'the request wants a fresh proof (prompt, max_age)',
}

/** A rule in words, with its name, by which configuration and audit are searched. */
const ruleInWords = (rule: Rule): string => {
  const [kind, name = ''] = rule.split(/:(.*)/)
  const words =
    ruleWords[rule] ??
    { group: `the group ${name}`, client: `the client's ${name}`, signal: `the signal ${name}` }[
      kind ?? ''
    ] ??
    rule
  return `${words} [${rule}]`
}

const listed = (names: readonly string[], none = 'none'): string =>
  names.length > 0 ? names.join(', ') : none

const decisionInWords = ({ decision, asks, setsUp }: Stage): string => {
  if (decision.kind === 'allowed') return `allowed; tokens say acr ${decision.acr}`
  if (decision.kind === 'refused') return refusals[decision.because]
  const steps = [
    ...(asks.length > 0 ? [`is asked for ${asks.join(' or ')}`] : []),
    ...(setsUp.length > 0 ? [`${asks.length > 0 ? 'then ' : ''}has to set up ${setsUp.join(' or ')}`] : []),
  ]
  return steps.length > 0
    ? `${steps.join(', ')}, to reach acr ${decision.acr}`
    : `not enough for acr ${decision.acr}, and nothing is left to ask: the sign-in fails (unmet_authentication_requirements)`
}

const refusals: Readonly<Record<Extract<StageDecision, { kind: 'refused' }>['because'], string>> = {
  locked: 'refused: the second factor is locked; `duepassi account unlock` opens it',
  unreachable: 'refused: nobody can reach what is demanded (unmet_authentication_requirements)',
  context: 'turned away because of where the sign-in comes from (access_denied)',
  disabled: 'refused: no password and no passkey of a disabled account is accepted',
  'no-passkey': 'refused: this sign-in cannot begin with a passkey',
}

const provenInWords = (proven: readonly string[]): string => {
  const names = proven.map((name) => (name === trustedDevice ? 'a trusted browser' : name))
  return names.length === 1 && names[0] === 'password' ? 'the password alone' : names.join(' and ')
}

const stageInWords = (stage: Stage): string[] => [
  '',
  `After ${provenInWords(stage.proven)}`,
  `  ${decisionInWords(stage)}`,
  `  decided by ${ruleInWords(stage.rule)}`,
  ...(stage.barriers ?? []).map((rule) => `  the trust does not count: ${ruleInWords(rule)}`),
]

/** What the request did not say demands nothing, and is not listed. */
const isSaid = ({ rule, asks }: Demand): boolean => !rule.startsWith('request:') || asks !== 'one-factor'

const browserWords = {
  known: 'one that the account signed in with before',
  new: 'one that the account never signed in with',
  first: 'the first one of the account',
} as const

const trustInWords = ({ kind, supposed, factors }: NonNullable<PolicyExplanation['trust']>): string =>
  `${supposed ? 'trusted, as is supposed here' : 'trusted'} (policy.trustedDevices.kind: ${kind}), after ${listed(factors, 'nothing')}`

/** The explanation for a person at a terminal. */
export const explanationInWords = (explanation: PolicyExplanation): string => {
  const { account, client, place, browser, trust, mode, rules, signals, demands, stages } = explanation
  const rows: [string, string[]][] = [
    ['account', [`${printable(account.username)} (${account.id})${account.disabled ? ', disabled' : ''}`]],
    ['factors', [listed(account.factors, 'none enrolled')]],
    ['second factor', [account.locked ? 'locked' : 'not locked']],
    ['groups', [listed(account.groups)]],
    ['minimum', [account.minimum ?? 'none of its own']],
    ['client', [client.name === null ? client.id : `${client.id} "${printable(client.name)}"`]],
    ['place', [placeInWords(place)]],
    [
      'browser',
      [`${browserInWords(place)}, ${browserWords[browser]}`, ...(trust ? [trustInWords(trust)] : [])],
    ],
    [
      'signals',
      signals.length > 0 ? signals.map(({ signal, reaction }) => `${signal}: ${reaction}`) : ['none'],
    ],
    ['policy', [`${mode}: ${modes[mode]}`]],
    ['rules', [`required: ${listed(rules.required)}`, `forbidden: ${listed(rules.forbidden)}`]],
    [
      'demands',
      demands.filter(isSaid).map(({ rule, asks }) => `${strengthWords[asks]}: ${ruleInWords(rule)}`),
    ],
  ]
  return [
    ...rows.flatMap(([name, values]) =>
      values.map((value, at) => `${(at === 0 ? name : '').padEnd(14)}${value}`),
    ),
    ...stages.flatMap(stageInWords),
  ].join('\n')
}
