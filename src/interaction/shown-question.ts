import type { SignIn } from '../challenge/machine.ts'
import type { Question } from '../factors/factor.ts'
import type { FactorQuestion } from '../pages/views.ts'

/** What a page needs of a question. Of a code that was sent, the rest would tell whoever sees it which one it was. */
export const shownOf = (
  { factor, question }: Extract<SignIn['stage'], { name: 'asking' }>,
  now: number,
  /** The browser that shows it can answer by itself. */
  here: boolean,
): FactorQuestion => {
  if (factor === 'sms' || factor === 'email')
    return { name: factor, to: String(question['to'] ?? ''), sent: question['sent'] === true }
  return factor === 'push'
    ? shownRequest(question as PushQuestion, now, here)
    : ({ name: factor, ...question } as FactorQuestion)
}

/** As `factors/push/` makes it; nothing but what is shown. */
interface PushQuestion extends Question {
  id?: string
  local?: string
  number?: string
  expiresAt?: number
  resendAt?: number | null
  ended?: 'judging' | 'denied' | 'wrong'
  shown?: string
  devices?: readonly string[]
}

const shownRequest = (
  { id, local, number, expiresAt = 0, resendAt, ended, shown, devices = [] }: PushQuestion,
  now: number,
  here: boolean,
): Extract<FactorQuestion, { name: 'push' }> => {
  const seconds = (until: number) => Math.max(0, Math.ceil((until - now) / 1000))
  const again = resendAt === null ? {} : { resendIn: seconds(resendAt ?? 0) }
  const common = { name: 'push', devices, ...again } as const
  if (ended) return { ...common, state: ended === 'judging' ? 'wrong' : ended }
  if (id === undefined) return { ...common, state: 'unsent' }
  if (expiresAt <= now) return { ...common, state: 'expired' }
  const byItself = here && local !== undefined && shown !== undefined
  return {
    ...common,
    state: 'pending',
    number: number ?? '',
    secondsLeft: seconds(expiresAt),
    ...(byItself && { here: { id, nonce: local, shown } }),
  }
}
