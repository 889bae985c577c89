import type { Clock } from '../../clock.ts'

export interface RenewedToken {
  read(): Promise<string>
  /** This one was refused: the next `read` gets another. */
  forget(token: string): void
}

/** Asks for a token when there is none, or its time is over; all who wait meanwhile share the one that comes. */
export function renewedToken(
  ask: () => Promise<{ token: string; until: number }>,
  clock: Clock,
): RenewedToken {
  let kept: { token: string; until: number } | undefined
  let asking: ReturnType<typeof ask> | undefined
  return {
    async read() {
      if (kept && kept.until > clock.now()) return kept.token
      asking ??= ask().finally(() => {
        asking = undefined
      })
      kept = await asking
      return kept.token
    },
    forget(token) {
      if (kept?.token === token) kept = undefined
    },
  }
}
