import type { InteractionResults, Provider } from 'oidc-provider'
import type { Challenge, Outcome, Refusal } from '../challenge/challenge.ts'
import type { SignIn } from '../challenge/machine.ts'
import type { Clock } from '../clock.ts'
import type { Credential } from '../directory/directory.ts'
import { addressOf, pathOf } from '../pages/address.ts'
import type { Pages } from '../pages/pages.ts'
import type { FactorDraft, FactorQuestion, PageError } from '../pages/views.ts'
import type { RequestMemory } from './requests.ts'
import { finish, redirect, type Visit } from './visit.ts'

export interface SecondFactorScreens {
  show(visit: Visit): Promise<void>
  submit(visit: Visit, form: Record<string, string>): Promise<void>
}

export interface SecondFactorParts {
  provider(): Provider
  pages: Pages
  challenge: Challenge
  clock: Clock
  credentials(accountId: string): Promise<Credential[]>
  accountName(accountId: string): Promise<string>
  requests: RequestMemory
  /** The result of a sign-in whose second step is over, after the policy has looked at it once more. */
  resultOf(visit: Visit, signIn: SignIn): Promise<InteractionResults>
}

const suffix = '/second-factor'

/** The address of the second step beneath an interaction's own, where the interaction cookie reaches. */
export const secondFactorPath = (interactionUrl: string): string => {
  const { pathname, search, origin } = new URL(interactionUrl, 'http://relative.invalid')
  const path = `${pathname.replace(/\/$/, '')}${suffix}${search}`
  return origin === 'http://relative.invalid' ? path : `${origin}${path}`
}

export const isSecondFactorPath = (pathname: string): boolean => pathname.endsWith(suffix)

/** The screens of the second step, all at one address: which one is shown depends on where the sign-in stands. */
export const createSecondFactorScreens = (parts: SecondFactorParts): SecondFactorScreens => {
  const { challenge, pages } = parts

  /** A second step that began at the password page, or begins here for a session that exists already. */
  const find = async (visit: Visit): Promise<SignIn | undefined> => {
    const { interaction, uid } = visit
    const signIn = await challenge.find(uid)
    if (signIn || interaction.prompt.name !== 'second_factor' || !interaction.session) return signIn
    const { accountId, uid: sessionUid, amr } = interaction.session
    const session = await parts.provider().Session.findByUid(sessionUid)
    const at = session?.authTime() ?? Math.floor(parts.clock.now() / 1000)
    return challenge.begin(uid, {
      accountId,
      clientId: String(interaction.params['client_id']),
      primary: { amr: amr ?? [], at },
    })
  }

  const render = async (visit: Visit, signIn: SignIn, refusal?: Refusal): Promise<void> => {
    const { req, res, language, client } = visit
    const { stage, accountId } = signIn
    const page = { language, ...(client && { client }) }
    switch (stage.name) {
      case 'asking': {
        const waitSeconds = waitOf(refusal) ?? (await challenge.waiting(signIn))
        return pages.send(req, res, {
          ...page,
          status: statusOf(refusal),
          ...(waitSeconds && { retryAfter: waitSeconds }),
          view: 'interaction/second-factor',
          locals: {
            factor: { name: stage.factor, ...stage.question } as FactorQuestion,
            others: await challenge.others(signIn),
            accountName: await parts.accountName(accountId),
            ...(waitSeconds && { waitSeconds }),
            ...(refusal && { error: errorOf(refusal, stage.factor) }),
          },
        })
      }
      case 'enrolling':
        return pages.send(req, res, {
          ...page,
          status: statusOf(refusal),
          view: 'interaction/enrol',
          locals: {
            factor: { name: stage.factor, ...stage.draft.shown } as FactorDraft,
            accountName: await parts.accountName(accountId),
            ...(refusal && { error: errorOf(refusal, stage.factor) }),
          },
        })
      case 'recovered':
        return pages.send(req, res, {
          ...page,
          view: 'interaction/recovered',
          locals: {
            left: stage.left,
            authenticators: (await parts.credentials(accountId))
              .filter(({ factor }) => factor !== 'recovery-code')
              .map(({ label }) => label),
          },
        })
      case 'issuing':
        return pages.send(req, res, {
          ...page,
          view: 'interaction/recovery-codes',
          locals: {
            codes: stage.draft.shown['codes'] as string[],
            accountName: await parts.accountName(accountId),
          },
        })
      case 'locked':
        return pages.send(req, res, { ...page, status: 403, view: 'interaction/locked', locals: {} })
      case 'proven':
        return finish(visit, await parts.resultOf(visit, signIn))
      case 'given-up':
        return finish(visit, denied)
    }
  }

  const answer = async (visit: Visit, outcome: Outcome): Promise<void> => {
    if (outcome.kind === 'gone') return expired(visit)
    if (outcome.kind === 'refused') return render(visit, outcome.signIn, outcome.refusal)
    const { name } = outcome.signIn.stage
    // What is over ends at once; any other screen has its own GET, so that reloading it sends nothing again.
    if (name === 'proven' || name === 'given-up') return render(visit, outcome.signIn)
    redirect(visit.res, addressOf(visit.req))
  }

  /** No second step is under way: the interaction begins again with its first page. */
  const expired = async ({ res, uid, req }: Visit): Promise<void> => {
    const known = await parts.requests.recall(parts.provider(), uid)
    redirect(res, known?.interactionUrl ?? (pathOf(req).slice(0, -suffix.length) || '/'))
  }

  return {
    async show(visit) {
      const signIn = await find(visit)
      return signIn ? render(visit, signIn) : expired(visit)
    },
    async submit(visit, form) {
      const { uid } = visit
      const signIn = await find(visit)
      if (!signIn) return expired(visit)
      switch (form['intent']) {
        case 'answer':
          return answer(visit, await challenge.answer(uid, form['code'] ?? ''))
        case 'switch':
          return answer(visit, await challenge.switchTo(uid, form['factor'] ?? ''))
        case 'confirm':
          return answer(visit, await challenge.confirm(uid, form['code'] ?? '', labelOf(form['label'])))
        case 'saved':
          return answer(visit, await challenge.codesSaved(uid))
        case 'enrol':
          return answer(visit, await challenge.enrolAgain(uid, { replace: form['replace'] === 'on' }))
        case 'continue':
          return answer(visit, await challenge.continueAsIs(uid))
        case 'give-up':
          return answer(visit, await challenge.giveUp(uid))
        case 'leave':
          return signIn.stage.name === 'locked' ? finish(visit, lockedOut) : render(visit, signIn)
        default:
          return render(visit, signIn)
      }
    },
  }
}

const denied: InteractionResults = {
  error: 'access_denied',
  error_description: 'the person gave up the second step',
}
const lockedOut: InteractionResults = {
  error: 'access_denied',
  error_description: 'the second factor of the account is locked',
}

/** As a person wrote it, within reason; an authenticator without a name is still told apart by its date. */
const labelOf = (typed: string | undefined): string =>
  (typed ?? '').normalize('NFC').replace(/\p{C}/gu, '').trim().slice(0, 60)

const waitOf = (refusal: Refusal | undefined): number | undefined => {
  if (!refusal) return undefined
  if (refusal.reason === 'wait') return refusal.seconds
  return refusal.reason === 'elsewhere' ? undefined : refusal.waitSeconds || undefined
}

const statusOf = (refusal: Refusal | undefined): number => {
  if (!refusal) return 200
  return refusal.reason === 'wait' ? 429 : 422
}

const errorOf = (refusal: Refusal, factor: string): PageError => {
  const recovery = factor === 'recovery-code'
  switch (refusal.reason) {
    case 'wait':
      return { key: 'error.code.wait', values: { seconds: refusal.seconds } }
    case 'elsewhere':
      return { key: 'error.code.another-tab' }
    case 'clock': {
      const offset = refusal.clockOffset ?? 0
      return {
        key: 'error.code.clock',
        values: { seconds: Math.abs(offset), direction: offset > 0 ? 'ahead' : 'behind' },
      }
    }
    case 'malformed':
      return { key: recovery ? 'error.recovery.malformed' : 'error.code.malformed' }
    case 'replayed':
      return { key: recovery ? 'error.recovery.used' : 'error.code.replayed' }
    case 'wrong':
      return { key: recovery ? 'error.recovery.wrong' : 'error.code.wrong' }
  }
}
