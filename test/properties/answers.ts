import { codeOf, stepAt } from '../../src/factors/totp/code.ts'
import type { Draw } from './draw.ts'
import { lockAfter } from './plugin-alone.ts'
import { answerBy, type Key } from './quick-factors.ts'
import type { FactorKind, Happening } from './what-happened.ts'
import type { Person, World } from './world.ts'

/** What somebody types or touches, and what that proves if it is judged. */
export interface Given {
  answer: string
  proves: Happening | undefined
  /** It cannot be given again. */
  spend(): void
}

const seconds = (world: World): number => Math.floor(world.clock.now() / 1000)

const nothing = (answer: string): Given => ({ answer, proves: undefined, spend() {} })

const isRegistered = (world: World, { id }: Person) => {
  const ids = new Set(world.directory.credentialsNow(id).map((credential) => credential.id))
  return ({ credential }: { credential: string }) => ids.has(credential)
}

/** A right answer by a factor that the person has; undefined where they cannot give one. The clock may move for it. */
export const rightAnswer = (
  world: World,
  person: Person,
  factor: FactorKind,
  options: unknown,
  draw: Draw,
): Given | undefined => {
  switch (factor) {
    case 'totp': {
      const app = person.apps.find(isRegistered(world, person))
      if (!app) return undefined
      while (stepAt(world.clock.now()) <= app.used) world.pass(30)
      const step = stepAt(world.clock.now())
      return {
        answer: codeOf(app.secret, step),
        proves: { kind: 'totp', at: seconds(world), by: world.markOf(app.credential) },
        spend: () => {
          app.used = step
        },
      }
    }
    case 'recovery-code': {
      const [code] = person.codes
      const set = world.directory.credentialsNow(person.id).findLast((one) => one.factor === factor)
      if (code === undefined || !set) return undefined
      return {
        answer: code,
        proves: { kind: 'recovery-code', at: seconds(world), by: world.markOf(set.id) },
        spend: () => {
          person.codes = person.codes.filter((one) => one !== code)
          person.spentCodes.push(code)
        },
      }
    }
    case 'webauthn': {
      const own = person.keys.filter(isRegistered(world, person))
      const key = own.length > 0 ? draw.of(own) : undefined
      return (
        key && {
          answer: answerBy(plain(key), options),
          proves: {
            kind: 'webauthn',
            at: seconds(world),
            by: world.markOf(key.credential),
            verified: key.verifies,
            hardware: key.hardware,
          },
          spend() {},
        }
      )
    }
  }
}

export const plain = ({ id, verifies, attested, synced }: Key): Key => ({ id, verifies, attested, synced })

/** Something that proves nothing: a wrong code, one that was used before, a key of somebody else's. */
export const wrongAnswer = (
  world: World,
  person: Person,
  factor: FactorKind,
  options: unknown,
  draw: Draw,
): Given => {
  switch (factor) {
    case 'totp': {
      const app = person.apps.find(isRegistered(world, person))
      if (app && draw.chance(0.5)) return nothing(codeOf(app.secret, app.used))
      const near = Array.from({ length: 3 }, (_, index) => stepAt(world.clock.now()) + index - 1)
      const right = new Set(person.apps.flatMap(({ secret }) => near.map((step) => codeOf(secret, step))))
      const codes = Array.from({ length: 20 }, () => String(draw.below(1_000_000)).padStart(6, '0'))
      return nothing(codes.find((code) => !right.has(code)) as string)
    }
    case 'recovery-code':
      return nothing(person.spentCodes.at(-1) ?? '0000-00000-0000')
    case 'webauthn': {
      const key = person.keys.at(0) ?? { id: 'nobody', verifies: true, attested: true, synced: false }
      return nothing(answerBy(plain(key), options, false))
    }
  }
}

/** Whether an answer is going to be judged at all: not of a locked account, nor while it has to wait. */
export const isJudged = (world: World, accountId: string, factor: FactorKind): boolean => {
  const { failures, waitUntil } = world.directory.attemptsNow(accountId, factor)
  return !world.directory.lockedNow(accountId) && waitUntil <= world.clock.now() && failures < lockAfter
}
