import type { InteractionResults, Provider } from 'oidc-provider'
import type { Challenge, Outcome, Refusal } from '../challenge/challenge.ts'
import type { SignIn } from '../challenge/machine.ts'
import type { Clock } from '../clock.ts'
import type { Credential } from '../directory/directory.ts'
import { addressOf, pathOf } from '../pages/address.ts'
import type { Pages } from '../pages/pages.ts'
import type { FactorDraft, FactorQuestion } from '../pages/views.ts'
import type { FactorRules } from '../policy/factor-rules.ts'
import { lastWayIn, rememberWay } from './last-way.ts'
import { answerOf, errorOf, labelOf, statusOf, waitOf } from './refusals.ts'
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
  judge: {
    /** What somebody who is signed in with so much has to prove besides. */
    missing(
      accountId: string,
      client: object | undefined,
      request: Record<string, unknown>,
      proven: { acr: string | undefined; amr: readonly string[]; factors: readonly string[] },
    ): Promise<FactorRules>
    factorsOf(
      accountId: string,
      proven: { acr: string | undefined; amr: readonly string[]; sessionUid: string; at: number },
    ): Promise<readonly string[]>
  }
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
    const { accountId, uid: sessionUid, acr, amr = [] } = interaction.session
    const session = await parts.provider().Session.findByUid(sessionUid)
    const at = session?.authTime() ?? Math.floor(parts.clock.now() / 1000)
    const factors = await parts.judge.factorsOf(accountId, { acr, amr, sessionUid, at })
    const proven = { acr, amr, factors }
    const rules = await parts.judge.missing(accountId, visit.metadata, interaction.params, proven)
    return challenge.begin(
      uid,
      {
        accountId,
        clientId: String(interaction.params['client_id']),
        primary: { amr, at },
        rules,
        factors,
      },
      lastWayIn(visit.req),
    )
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
      case 'choosing':
        return pages.send(req, res, {
          ...page,
          status: statusOf(refusal),
          view: 'interaction/choose',
          locals: {
            ...(refusal && { error: errorOf(refusal, 'totp') }),
            factors: challenge.choices(signIn) as FactorDraft['name'][],
            reason: reasonToChoose(signIn),
            accountName: await parts.accountName(accountId),
          },
        })
      case 'enrolling':
        return pages.send(req, res, {
          ...page,
          status: statusOf(refusal),
          view: 'interaction/enrol',
          locals: {
            factor: { name: stage.factor, ...stage.draft.shown } as FactorDraft,
            accountName: await parts.accountName(accountId),
            otherWays: challenge.choices(signIn).length > 1,
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

  const answer = async (visit: Visit, outcome: Outcome, asked?: string): Promise<void> => {
    if (outcome.kind === 'gone') return expired(visit)
    if (outcome.kind === 'refused') return render(visit, outcome.signIn, outcome.refusal)
    // Recovery codes are for the day when nothing else is at hand.
    if (asked !== undefined && asked !== 'recovery-code' && outcome.signIn.factors.includes(asked))
      rememberWay(visit.res, asked, parts.provider().issuer.startsWith('https:'))
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
        case 'answer': {
          const asked = signIn.stage.name === 'asking' ? signIn.stage.factor : undefined
          return answer(visit, await challenge.answer(uid, answerOf(form)), asked)
        }
        case 'switch':
          return answer(visit, await challenge.switchTo(uid, form['factor'] ?? ''))
        case 'choose':
          return answer(visit, await challenge.choose(uid, form['factor'] ?? ''))
        case 'choose-again':
          return answer(visit, await challenge.chooseAgain(uid))
        case 'confirm': {
          const set = signIn.stage.name === 'enrolling' ? signIn.stage.factor : undefined
          const outcome = await challenge.confirm(uid, answerOf(form), labelOf(form['label']))
          return answer(visit, outcome, set)
        }
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

const reasonToChoose = ({ stage, factors, provenBy }: SignIn): 'first' | 'demanded' | 'again' => {
  if (provenBy === null) return 'first'
  return stage.name === 'choosing' && factors.at(-1) === 'recovery-code' ? 'again' : 'demanded'
}
