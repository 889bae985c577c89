import type { Credential } from '../../directory/directory.ts'
import type { Draft, EnrolmentVerdict, FactorContext, Rejection } from '../factor.ts'
import { readAnswer } from './code.ts'
import { serialNumber, writeToken } from './credential.ts'
import { readSeed } from './seed.ts'
import { assurance, isInSpan, judgeToken, methods, type Tolerance } from './verify.ts'

/** Which tokens there are, and who may activate them. */
export interface TokenInventory {
  /** In whatever case it was typed. `seed`: the JSON text of a token as it was imported. `accountId` null: nobody has it yet. */
  find(
    serial: string,
  ): Promise<{ serial: string; accountId: string | null; seed: string; counter: number | null } | undefined>
  /** Somebody has activated a token that nobody had. */
  claim?(serial: string, accountId: string): Promise<void>
  ofAccount(
    accountId: string,
  ): Promise<
    ReadonlyArray<{ serial: string; kind: string; manufacturer: string | null; model: string | null }>
  >
}

export interface Activation {
  inventory: TokenInventory
  /** Whoever has a token in hand may activate it when nobody has it yet. */
  selfService: boolean
  tolerance: Tolerance
}

/**
 * Shows the tokens that wait for the account, `tokens`, and whether a serial number has to be typed or chosen,
 * `needsSerial`; without one the only token is meant.
 */
export const beginActivation = async (
  own: readonly Credential[],
  { accountId }: FactorContext,
  { inventory, selfService }: Activation,
): Promise<Draft> => {
  const active = new Set(own.map(({ handle }) => handle))
  const assigned = accountId === undefined ? [] : await inventory.ofAccount(accountId)
  const tokens = assigned.flatMap(({ serial, model }) => (active.has(serial) ? [] : { serial, model }))
  const [first, second] = tokens
  const only = first && !second ? first.serial : ''
  return { secret: only, shown: { tokens, needsSerial: selfService || only === '' } }
}

/**
 * Activates a token. `answer`: its serial number, a blank, and a code, or two consecutive ones. A token that another
 * account has is as `unknown` as one that does not exist.
 */
export const finishActivation = async (
  answer: string,
  draft: Draft,
  { now, accountId }: FactorContext,
  { inventory, selfService, tolerance }: Activation,
): Promise<EnrolmentVerdict> => {
  const [, typed = '', codes = ''] = /^(\S*)\s+(.*)$/s.exec(answer.normalize('NFKC')) ?? []
  const read = readAnswer(codes)
  if (!read) return refused('malformed')
  const named = typed === '' ? draft.secret : typed
  const found = serialNumber.safeParse(named).success ? await inventory.find(named) : undefined
  if (!found || (found.accountId === null ? !selfService : found.accountId !== accountId))
    return refused('unknown')
  const { serial } = found
  const { token, counter: imported, model } = readSeed(serial, found.seed)
  // What was used before it changed hands is used.
  const counter = Math.max(imported, found.counter ?? imported)
  if (!isInSpan(token, now)) return refused('unknown')
  // However strict codes are later: nobody knows yet how this token's clock goes.
  const finding = judgeToken(read, token, counter, now, { ...tolerance, window: 1 })
  if (!finding.accepted) {
    const { reason, clockOffset } = finding
    return { ...refused(reason), ...(clockOffset !== undefined && { clockOffset }) }
  }
  return {
    confirmed: true,
    secret: writeToken(finding.token ?? token),
    counter: finding.next,
    handle: serial,
    amr: methods,
    assurance,
    label: model ?? serial,
    used: true,
  }
}

const refused = (reason: Rejection): EnrolmentVerdict & { confirmed: false } => ({
  confirmed: false,
  reason,
})
