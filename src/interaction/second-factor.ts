import type { IncomingMessage } from 'node:http'
import type { InteractionResults, Provider } from 'oidc-provider'
import type { Challenge, Outcome, Refusal } from '../challenge/challenge.ts'
import type { SignIn } from '../challenge/machine.ts'
import type { Proofs } from '../challenge/proof.ts'
import type { Watch } from '../challenge/watch.ts'
import type { Clock } from '../clock.ts'
import { readDeviceKey } from '../context/device-key.ts'
import type { Devices, TrustWish } from '../context/devices.ts'
import type { Origin } from '../context/origin.ts'
import type { Credential } from '../directory/directory.ts'
import { pathOf } from '../pages/address.ts'
import type { Pages } from '../pages/pages.ts'
import type { FactorDraft, FactorQuestion, Views } from '../pages/views.ts'
import { answerWatch, watchOf } from '../pages/watching.ts'
import type { FactorRules } from '../policy/factor-rules.ts'
import { rememberWay } from './last-way.ts'
import { answerOf, errorOf, expectsAddress, labelOf, statusOf, waitOf } from './refusals.ts'
import type { RequestMemory } from './requests.ts'
import { shownOf } from './shown-question.ts'
import { createStepUp } from './step-up.ts'
import { byCodeOf, withoutTyping } from './typing.ts'
import { finish, redirect, type Visit } from './visit.ts'

export interface SecondFactorScreens {
  show(visit: Visit): Promise<void>
  submit(visit: Visit, form: Record<string, string>): Promise<void>
}

export interface SecondFactorParts {
  provider(): Provider
  pages: Pages
  challenge: Challenge
  watch: Watch
  /** Whether this browser is an authenticator of the account. */
  isHere(req: IncomingMessage, accountId: string): boolean
  clock: Clock
  credentials(accountId: string): Promise<Credential[]>
  accountName(accountId: string): Promise<string>
  requests: RequestMemory
  /** Whether answers to a factor are sent to the person. */
  isSent(factor: string): boolean
  /** Whether it is answered on another device. */
  isRemote(factor: string): boolean
  /** The result of a sign-in whose second step is over, after the policy has looked at it once more. */
  resultOf(visit: Visit, signIn: SignIn): Promise<InteractionResults>
  /** The person does not want what was offered, for now. */
  dismissOffer(accountId: string): Promise<void>
  devices: Devices
  judge: {
    /**
     * What somebody who is signed in with so much has to prove, and which factors `again`; `turned-away` where it may be nothing
     * from there.
     */
    missing(
      accountId: string,
      client: object | undefined,
      request: Record<string, unknown>,
      proven: {
        acr: string | undefined
        amr: readonly string[]
        proofs: Proofs
        at: number
        signals: Origin['signals']
      },
    ): Promise<{ rules: FactorRules; again: readonly string[] } | 'turned-away'>
    mayTrust(accountId: string): Promise<boolean>
    proofsOf(
      accountId: string,
      proven: { acr: string | undefined; amr: readonly string[]; sessionUid: string; at: number },
    ): Promise<Proofs | undefined>
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
  const stepUp = createStepUp(parts)

  /** A second step that began at the password page, or begins here for a session that exists already. */
  const find = async (visit: Visit): Promise<SignIn | undefined> => {
    const { interaction, uid } = visit
    const signIn = await challenge.find(uid)
    if (signIn || interaction.prompt.name !== 'second_factor' || !interaction.session) return signIn
    return stepUp(visit, interaction.session)
  }

  /** What is asked, and for a page that waits for another device, what it has to know of that. */
  const questionOf = async (
    { req, uid }: Visit,
    accountId: string,
    stage: Extract<SignIn['stage'], { name: 'asking' }>,
  ): Promise<FactorQuestion> => {
    const now = parts.clock.now()
    if (!parts.isRemote(stage.factor)) return shownOf(stage, now, false)
    const { superseded, told, ...waiting } = await parts.watch.shown(uid)
    // Once a phone was told, its number is shown, whatever this browser could do.
    const shown = shownOf(stage, now, !told && parts.isHere(req, accountId))
    if (shown.name !== 'push') return shown
    const { here, ...rest } = shown
    const isLost = superseded && shown.state === 'pending' && here === undefined
    const key = { issuer: parts.provider().issuer, tag: parts.devices.tagOf(accountId) }
    return {
      ...rest,
      ...waiting,
      ...(here && { here: { ...here, ...key } }),
      byCode: byCodeOf(req),
      ...(isLost && { state: 'superseded' }),
    }
  }

  /** Whether the page offers not to ask again here: not with a recovery code, which is no everyday way in. */
  const trustOf = async (
    { uid }: Visit,
    { accountId, factors }: SignIn,
    asked: string,
  ): Promise<Pick<Views['interaction/second-factor'], 'trust'>> => {
    const { kind, days } = parts.devices.trust
    if (kind === 'off' || asked === 'recovery-code' || factors.includes('recovery-code')) return {}
    if (!(await parts.judge.mayTrust(accountId))) return {}
    const key = { issuer: parts.provider().issuer, uid, tag: parts.devices.tagOf(accountId) }
    return { trust: { days, ...(kind === 'bound' && { key }) } }
  }

  /** The person does not want to be asked here again, and the policy lets them say so. */
  const wishOf = async (
    { uid }: Visit,
    { trust, 'device-key': proof = '' }: Record<string, string>,
  ): Promise<TrustWish | undefined> => {
    const { kind } = parts.devices.trust
    if (trust !== 'on' || kind === 'off') return undefined
    if (kind === 'cookie') return { key: null }
    const key = await readDeviceKey(proof, { issuer: parts.provider().issuer, uid })
    return key === undefined ? undefined : { key }
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
            factor: await questionOf(visit, signIn.accountId, stage),
            others: await challenge.others(signIn),
            accountName: await parts.accountName(accountId),
            ...(waitSeconds && { waitSeconds }),
            ...(await trustOf(visit, signIn, stage.factor)),
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
            factor: {
              name: stage.factor,
              ...stage.draft.shown,
              ...(parts.isRemote(stage.factor) && { watch: (await parts.watch.shown(visit.uid)).watch }),
            } as FactorDraft,
            accountName: await parts.accountName(accountId),
            otherWays: challenge.choices(signIn).length > 1,
            ...(refusal && { error: errorOf(refusal, stage.factor, expectsAddress(stage)) }),
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
              .map(({ id, factor, label }) => ({ id, factor, label })),
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
      case 'turned-away':
        return pages.send(req, res, { ...page, status: 403, view: 'interaction/turned-away', locals: {} })
      case 'reported':
        return pages.send(req, res, { ...page, status: 403, view: 'interaction/reported', locals: {} })
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
    redirect(visit.res, withoutTyping(visit.req))
  }

  /** The person has answered on another device; what they wished for on the page while they did so comes with it. */
  const arrive = (visit: Visit, signIn: SignIn, wish: TrustWish | undefined): Promise<void> => {
    const last = signIn.factors.at(-1)
    const isByDevice = signIn.stage.name === 'proven' && last !== undefined && parts.isRemote(last)
    return answer(visit, { kind: 'moved', signIn: isByDevice && wish ? { ...signIn, trust: wish } : signIn })
  }

  /** No second step is under way: the interaction begins again with its first page. */
  const expired = async ({ res, uid, req }: Visit): Promise<void> => {
    const known = await parts.requests.recall(parts.provider(), uid)
    redirect(res, known?.interactionUrl ?? (pathOf(req).slice(0, -suffix.length) || '/'))
  }

  /** Who chooses a code by message gets one at once; where none may be sent now, the page says so. */
  const switchTo = async (visit: Visit, name: string): Promise<void> => {
    const outcome = await challenge.switchTo(visit.uid, name)
    const sends = outcome.kind === 'moved' && outcome.signIn.stage.name === 'asking' && parts.isSent(name)
    if (!sends) return answer(visit, outcome)
    return answer(
      visit,
      await challenge.send(visit.uid, { here: parts.isHere(visit.req, outcome.signIn.accountId) }),
    )
  }

  const leave = (visit: Visit, signIn: SignIn): Promise<void> => {
    switch (signIn.stage.name) {
      case 'locked':
        return finish(visit, lockedOut)
      case 'turned-away':
        return finish(visit, turnedAway)
      case 'reported':
        return finish(visit, reported)
      default:
        return render(visit, signIn)
    }
  }

  return {
    async show(visit) {
      const watched = watchOf(visit.req)
      if (watched)
        return answerWatch(visit.res, watched, {
          next: (known, over) => parts.watch.next(visit.uid, known, over),
        })
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
          const wish = await wishOf(visit, form)
          return answer(visit, await challenge.answer(uid, answerOf(form), wish), asked)
        }
        case 'switch':
          return switchTo(visit, form['factor'] ?? '')
        case 'send': {
          const here = form['elsewhere'] !== 'on' && parts.isHere(visit.req, signIn.accountId)
          return answer(visit, await challenge.send(uid, { here }))
        }
        case 'arrived':
          return arrive(visit, signIn, await wishOf(visit, form))
        case 'address':
          return answer(visit, await challenge.provideAddress(uid, form['address'] ?? ''))
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
          return answer(visit, await challenge.enrolAgain(uid, { lost: lostIn(form) }))
        case 'continue':
          return answer(visit, await challenge.continueAsIs(uid))
        case 'not-now':
          if (signIn.offered) await parts.dismissOffer(signIn.accountId)
          return answer(visit, await challenge.notNow(uid))
        case 'give-up':
          // Whoever was only offered something gives up that, and not the sign-in.
          return answer(visit, await (signIn.offered ? challenge.notNow(uid) : challenge.giveUp(uid)))
        case 'leave':
          return leave(visit, signIn)
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
const reported: InteractionResults = {
  error: 'access_denied',
  error_description: 'the person said that it was not them',
}
const turnedAway: InteractionResults = {
  error: 'access_denied',
  error_description: 'the policy lets nobody sign in from there',
}

const reasonToChoose = ({
  stage,
  factors,
  provenBy,
  offered,
}: SignIn): 'first' | 'offered' | 'demanded' | 'again' => {
  if (offered) return 'offered'
  if (provenBy === null) return 'first'
  return stage.name === 'choosing' && factors.at(-1) === 'recovery-code' ? 'again' : 'demanded'
}

/** Ids of what the person has ticked as lost. */
const lostIn = (form: Record<string, string>): string[] =>
  Object.keys(form).flatMap((field) => (field.startsWith(lostField) ? field.slice(lostField.length) : []))
const lostField = 'lost-'
