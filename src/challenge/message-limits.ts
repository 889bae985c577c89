import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { DuepassiError } from '../errors.ts'
import type { Store } from '../stores/store.ts'

/** Seconds, and messages an hour. */
export interface MessageLimits {
  /** Between two messages to one number or mailbox, of one account, from one address. */
  pause: number
  /** To one number or mailbox, and of one account. */
  perHour: number
  /** Asked for from one network address. */
  perHourFromAddress: number
  /** A number that is being set up, and from which no right code comes for so long, … */
  enrolment: number
  /** … waits for so long. */
  enrolmentWait: number
}

export const defaultMessageLimits: MessageLimits = {
  pause: 30,
  perHour: 5,
  perHourFromAddress: 5,
  enrolment: 240,
  enrolmentWait: 900,
}

const hour = 3_600

/** Writers of one count at the same time; more than this is an attack, and is refused. */
const mostTries = 100

export type MessageCounts = ReturnType<typeof createMessageCounts>

/** How many codes were sent lately, and where to. Counted before anything is sent; the store knows hashes only. */
export const createMessageCounts = (parts: { store: Store; clock: Clock; limits: MessageLimits }) => {
  const { store, clock, limits } = parts
  const keyOf = (kind: string, value: string) =>
    `ms:${createHash('sha256').update(`${kind}:${value.toLowerCase()}`).digest('base64url')}`

  const waitFor = (sent: readonly number[], most: number): number => {
    const now = clock.now()
    const last = sent.at(-1)
    const untilPause = last === undefined ? 0 : last + limits.pause * 1000 - now
    const untilHour = sent.length < most ? 0 : (sent.at(-most) as number) + hour * 1000 - now
    return Math.max(0, Math.ceil(Math.max(untilPause, untilHour) / 1000))
  }

  const recent = (text: string | undefined): number[] =>
    text === undefined ? [] : (JSON.parse(text) as number[]).filter((at) => at > clock.now() - hour * 1000)

  /** Counts one more, by compare-and-set; or answers the seconds to wait. */
  const count = async (key: string, most: number): Promise<number> => {
    for (let tries = 0; tries < mostTries; tries++) {
      const text = await store.get(key)
      const sent = recent(text)
      const wait = waitFor(sent, most)
      if (wait > 0) return wait
      const next = JSON.stringify([...sent, clock.now()])
      const written =
        text === undefined ? await store.add(key, next, hour) : await store.swap(key, text, next, hour)
      if (written) return 0
    }
    throw new DuepassiError('busy', 'too many messages are asked for at the same time')
  }

  return {
    /** 0: the message may be sent, and is counted. Otherwise the seconds after which another may. */
    async reserve({
      accountId,
      to,
      address,
    }: {
      accountId: string
      to: string
      address: string | null
    }): Promise<number> {
      const counts: Array<[key: string, most: number]> = [
        [keyOf('to', to), limits.perHour],
        [keyOf('account', accountId), limits.perHour],
        ...(address === null
          ? []
          : [[keyOf('from', address), limits.perHourFromAddress] as [string, number]]),
      ]
      // Looked at first, so that a refused message costs the other counts nothing.
      const waits = await Promise.all(
        counts.map(async ([key, most]) => waitFor(recent(await store.get(key)), most)),
      )
      const longest = Math.max(...waits)
      if (longest > 0) return longest
      for (const [key, most] of counts) {
        const wait = await count(key, most)
        if (wait > 0) return wait
      }
      return 0
    },

    /** A number that somebody wants to set up: 0, or the seconds that it has to wait because no right code came from it. */
    async enrolmentWait(to: string): Promise<number> {
      const since = await store.get(keyOf('enrolment', to))
      const age = since === undefined ? 0 : (clock.now() - Number(since)) / 1000
      if (age < limits.enrolment) return 0
      return Math.max(1, Math.ceil(limits.enrolment + limits.enrolmentWait - age))
    },

    /** A message goes there: the time runs from the first, whoever asks for more of them. */
    async beginEnrolment(to: string): Promise<void> {
      await store.add(keyOf('enrolment', to), String(clock.now()), limits.enrolment + limits.enrolmentWait)
    },

    endEnrolment: (to: string): Promise<void> => store.drop(keyOf('enrolment', to)),
  }
}
