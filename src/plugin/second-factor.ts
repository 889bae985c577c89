import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Configuration, InteractionResults, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { durableAttempts, passingAttempts } from '../attempts/attempts.ts'
import type { Limits } from '../attempts/lockout.ts'
import { createTrail } from '../audit/trail.ts'
import { createChallenge, type Notice } from '../challenge/challenge.ts'
import { createChanges } from '../challenge/changes.ts'
import type { SignIn } from '../challenge/machine.ts'
import { createPasskeySignIn, type PasskeyOutcome } from '../challenge/passkey.ts'
import { createSignIns } from '../challenge/sign-ins.ts'
import { type Clock, systemClock } from '../clock.ts'
import { type RandomBytes, systemRandom } from '../crypto/random.ts'
import type { Sealer } from '../crypto/sealing.ts'
import type { SecondFactorDirectory } from '../directory/directory.ts'
import { sealedDirectory } from '../directory/sealed.ts'
import type { Factor } from '../factors/factor.ts'
import { registerFactors } from '../factors/registry.ts'
import { showFailure } from '../interaction/failure.ts'
import { lastWayIn } from '../interaction/last-way.ts'
import { createRequestMemory } from '../interaction/requests.ts'
import {
  createSecondFactorScreens,
  isSecondFactorPath,
  secondFactorPath,
} from '../interaction/second-factor.ts'
import { finish, openVisit, redirect, type Visit } from '../interaction/visit.ts'
import { type Log, silentLog } from '../log.ts'
import { addressOf, pathOf } from '../pages/address.ts'
import { guardCrossSite, readForm } from '../pages/form.ts'
import type { Pages } from '../pages/pages.ts'
import { createPages } from '../pages/render.ts'
import { acrOf, type Ladder, levelProvenBy, phishingResistant, twoFactors } from '../policy/acr.ts'
import { amrClaim, phishingResistantFactors, provesAnything } from '../policy/amr.ts'
import { combineRules, type FactorRuleSet, type FactorRules } from '../policy/factor-rules.ts'
import type { SecondFactorMode } from '../policy/policy.ts'
import type { Store } from '../stores/store.ts'
import { attachGuards } from './attach.ts'
import { extendConfiguration, interactionUrlOf } from './configure.ts'
import { type GroupPolicy, rulesOfClient } from './facts.ts'
import { createJudge } from './judge.ts'
import { checkOptions } from './options.ts'
import { createProofs } from './proofs.ts'

export interface SecondFactorOptions {
  /** Durable state: credentials, counts, locks, audit. Secrets are sealed by `sealer` on their way in. */
  directory: SecondFactorDirectory
  /** Short-lived state. One process may use `embeddedStore`, several must share `redisStore`. */
  store: Store
  sealer: Sealer
  /** In the order in which they are offered, best first. */
  factors: readonly Factor[]
  policy?: {
    secondFactor?: SecondFactorMode
    ladder?: Ladder
    /** Which factors are required, allowed or forbidden for everybody; those that are not named are allowed. */
    factors?: FactorRuleSet
    /** And for the members of a group. */
    groups?: Readonly<Record<string, GroupPolicy>>
  }
  /** The groups that an account is in; asked only where the policy names groups. */
  groups?: (accountId: string) => Promise<readonly string[]>
  attempts?: Partial<Limits>
  /** Name of the provider on the pages and in authenticator apps. */
  brand?: { name: string }
  /** What authenticator apps and pages call the account; its id when absent. */
  accountName?: (accountId: string) => Promise<string>
  /** Told when a person's second factor changes, so that a mail can be sent. */
  notify?: (notice: Notice) => Promise<void>
  /** Seconds from the password to the end of the second step; 900 when absent. */
  signInSeconds?: number
  pages?: Pages
  clock?: Clock
  random?: RandomBytes
  log?: Log
  requestId?: () => string | undefined
}

interface KoaContext {
  req: IncomingMessage
  res: ServerResponse
  respond?: boolean
  request?: { body?: unknown }
}

/** A handler for Koa (`app.use`), Express (`app.use`), and, as `(req, res)`, Fastify and plain `node:http`. */
export type Routes = (
  first: IncomingMessage | KoaContext,
  second: unknown,
  third?: unknown,
) => Promise<unknown>

export type SecondFactor = ReturnType<typeof secondFactor>

/**
 * The second step for any oidc-provider server: `configure` the provider with it, `attach` it, mount its `routes`, and
 * call `primarySucceeded` where the password was right.
 */
export const secondFactor = (options: SecondFactorOptions) => {
  const { store, clock = systemClock, random = systemRandom, log = silentLog } = options
  const directory = sealedDirectory(options.directory, options.sealer)
  const { policy, limits } = checkOptions(options)
  const judge = createJudge(policy, {
    directory,
    proofs: createProofs(store),
    groupsOf: options.groups ?? (async () => []),
  })
  const record = createTrail({
    directory,
    clock,
    random,
    ...(options.requestId && { requestId: options.requestId }),
  })
  const accountName = options.accountName ?? (async (accountId: string) => accountId)
  const brand = options.brand ?? { name: 'Duepassi' }
  const requests = createRequestMemory({ store, log })
  const configured: Configuration[] = []
  let interactionUrl: ReturnType<typeof interactionUrlOf> | undefined
  let attached: Provider | undefined

  const provider = (): Provider => {
    if (!attached) throw new TypeError('mfa.attach(provider) was not called')
    return attached
  }

  const challengeParts = {
    directory,
    signIns: createSignIns({ store, sealer: options.sealer, seconds: options.signInSeconds ?? 900 }),
    attempts: durableAttempts({ directory, clock, limits }),
    factors: registerFactors(options.factors),
    clock,
    random,
    record,
    issuerName: brand.name,
    accountName,
    // Nobody waits for a mail server, and a mail that is lost stops no sign-in.
    async notify(notice: Notice) {
      void Promise.resolve(notice)
        .then(options.notify)
        .catch((error: unknown) =>
          log.error({ err: error, notice: notice.kind }, 'a person could not be told'),
        )
    },
  }
  const challenge = createChallenge(challengeParts)
  const passkeys = createPasskeySignIn({
    ...challengeParts,
    store,
    sealer: options.sealer,
    passingAttempts: passingAttempts({
      store,
      clock,
      // A stranger can cause these waits, so they stay short.
      limits: { ...limits, longestWait: Math.min(limits.longestWait, 900) },
    }),
  })

  /** The login that a finished sign-in amounts to; what does not meet the policy is an error, never a lesser login. */
  const resultOf = async (
    { interaction, metadata }: Visit,
    { purpose, accountId, clientId, primary, proven, factors }: SignIn,
  ): Promise<InteractionResults> => {
    const amr = amrClaim(primary.amr, proven)
    const acr = acrOf(policy.ladder, levelProvenBy(amr))
    const decision = await judge.proof(accountId, metadata, interaction.params, { acr, amr, factors })
    if (decision.kind !== 'allowed' || purpose !== 'sign-in') return unmet
    await record('signin.finished', { accountId, clientId })
    return { login: { accountId, acr, amr, ts: primary.at }, second_factor: { factors } }
  }

  // Made when first shown: whether the issuer is https is known only once a provider is attached.
  let made = options.pages
  const ownPages = (): Pages => {
    made ??= createPages({ brand, secure: provider().issuer.startsWith('https:'), clock })
    return made
  }
  const pages: Pages = {
    render: (page) => ownPages().render(page),
    send: (req, res, page) => ownPages().send(req, res, page),
  }
  const screens = createSecondFactorScreens({
    provider,
    pages,
    challenge,
    clock,
    credentials: (id) => directory.credentials(id),
    accountName,
    resultOf,
    requests,
    judge: {
      factorsOf: judge.factorsOf,
      async missing(accountId, client, request, proven) {
        return judge.demands(accountId, client, await judge.proof(accountId, client, request, proven))
      },
    },
  })
  const failure = { provider, pages, requests, log, requestId: options.requestId }

  /** Answers in every case: a rejection would end the process of a host that mounts the routes with `void`. */
  const answering = async (
    req: IncomingMessage,
    res: ServerResponse,
    run: (visit: Visit) => Promise<void>,
  ): Promise<void> => {
    try {
      await run(await openVisit(provider(), req, res))
    } catch (error) {
      await showFailure(failure, req, res, error).catch((cause: unknown) => {
        log.error({ err: cause }, 'a failure could not be shown')
        if (!res.headersSent) res.writeHead(500)
        res.end()
      })
    }
  }

  const handle = (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (!['GET', 'HEAD', 'POST'].includes(req.method ?? '')) {
      res.writeHead(405, { Allow: 'GET, HEAD, POST' }).end()
      return Promise.resolve()
    }
    return answering(req, res, async (visit) => {
      guardCrossSite(req, new URL(provider().issuer).origin)
      await (req.method === 'POST' ? screens.submit(visit, await readForm(req)) : screens.show(visit))
    })
  }

  /** A page of ours: the right ending, and an interaction in the path or in the cookie. Anything else is the host's. */
  const isOurs = (req: IncomingMessage): boolean => {
    const path = pathOf(req)
    if (!isSecondFactorPath(path)) return false
    return (
      /\/[\w-]{43}\//.test(path) ||
      (req.headers.cookie ?? '').includes(`${provider().cookieName('interaction')}=`)
    )
  }

  return {
    /** Pure: answers a new configuration for `new Provider(issuer, …)`. */
    configure(configuration: Configuration): Configuration {
      const extended = extendConfiguration(configuration, { judge, policy, store, clock, requests })
      configured.push(extended)
      interactionUrl = interactionUrlOf(configuration)
      return extended
    },

    /** Puts the guards on a provider that was built from `configure`; throws when it was not. */
    attach(to: Provider): void {
      attachGuards(to, configured, judge)
      attached = to
      to.on('interaction.ended', (ctx) => {
        const { Interaction } = ctx.oidc.entities
        if (!Interaction || !interactionUrl) return
        void Promise.resolve(interactionUrl(ctx, Interaction))
          .then((url) => requests.keepBriefly(Interaction, url))
          .catch((error: unknown) => log.warn({ err: error }, 'a request could not be shortened'))
      })
    },

    /** The pages of the second step. They live beneath the interaction's own address, where its cookie reaches. */
    routes(): Routes {
      return async (first, second, third) => {
        if (!isKoaContext(first)) {
          if (isOurs(first)) return handle(first, second as ServerResponse)
          return typeof third === 'function' ? third() : undefined
        }
        if (!isOurs(first.req)) return (second as () => Promise<unknown>)()
        first.respond = false
        // A body parser before us has read the form: where `readForm` looks, as Express puts it.
        const { body } = first.request ?? {}
        return handle(body === undefined ? first.req : Object.assign(first.req, { body }), first.res)
      }
    },

    /**
     * To be called by the host's login handler once the password is right; it answers the request.
     * `amr`: RFC 8176 names of what was proven, `['pwd']` for a password.
     */
    async primarySucceeded(
      req: IncomingMessage,
      res: ServerResponse,
      { accountId, amr }: { accountId: string; amr: readonly string[] },
    ): Promise<void> {
      if (!provesAnything(amr))
        throw new TypeError('amr must name what was proven, by RFC 8176: ["pwd"] for a password')
      return answering(req, res, async (visit) => {
        const { interaction, metadata, uid } = visit
        const clientId = String(interaction.params['client_id'])
        const primary = { amr, at: Math.floor(clock.now() / 1000) }
        const acr = acrOf(policy.ladder, levelProvenBy(amr))
        const proven = { acr, amr, factors: [] }
        const decision = await judge.proof(accountId, metadata, interaction.params, proven)
        if (decision.kind === 'refused' && decision.because === 'unreachable') return finish(visit, unmet)
        const rules = await judge.demands(accountId, metadata, decision)
        if (decision.kind === 'allowed') {
          const done: SignIn = {
            purpose: 'sign-in',
            accountId,
            clientId,
            primary,
            rules,
            proven: [],
            factors: [],
            provenBy: null,
            stage: { name: 'proven' },
          }
          return finish(visit, await resultOf(visit, done))
        }
        await challenge.begin(uid, { accountId, clientId, primary, rules }, lastWayIn(req))
        redirect(res, secondFactorPath(addressOf(req)))
      })
    },

    /**
     * What a host's login page needs to offer passkeys: the options for `navigator.credentials.get`, and a question that
     * goes back with the answer. Undefined where no factor is a passkey, or the relying party does not take any.
     */
    async passkeyQuestion(uid: string, client: object | undefined): ReturnType<typeof passkeys.question> {
      const { forbidden } = combineRules(policy.factors, rulesOfClient(client))
      return forbidden.includes('webauthn') ? undefined : passkeys.question(uid)
    },

    /**
     * To be called by the host's login handler with what the browser answered; where it is right the request is answered,
     * otherwise the host shows its login page again. `mayEnter`: whether the account exists and may sign in.
     */
    async signInWithPasskey(
      req: IncomingMessage,
      res: ServerResponse,
      answer: {
        response: string
        question: string
        mayEnter(accountId: string): Promise<boolean>
      },
    ): Promise<Extract<PasskeyOutcome, { kind: 'refused' }> | { kind: 'answered' }> {
      let outcome: PasskeyOutcome | undefined
      await answering(req, res, async ({ interaction, metadata, uid }) => {
        outcome = await passkeys.signIn(uid, {
          clientId: String(interaction.params['client_id']),
          response: answer.response,
          question: answer.question,
          async rulesOf(accountId) {
            if (!(await answer.mayEnter(accountId))) return undefined
            const unproven = { acr: undefined, amr: [], factors: [] }
            const decision = await judge.proof(accountId, metadata, interaction.params, unproven)
            return judge.demands(accountId, metadata, decision)
          },
        })
        if (outcome.kind === 'signed-in') redirect(res, secondFactorPath(addressOf(req)))
      })
      return outcome?.kind === 'refused' ? outcome : { kind: 'answered' }
    },

    /** A person's own changes to their factors, for a security page of the host's. */
    changes: {
      ...createChanges(challengeParts),
      find: challenge.find,
      choices: challenge.choices,
      choose: challenge.choose,
      chooseAgain: challenge.chooseAgain,
      confirm: challenge.confirm,
      codesSaved: challenge.codesSaved,
    },

    /** What the policy says of an account's factors, apart from any relying party. */
    async policyOf(accountId: string): Promise<{ rules: FactorRules; demanded: boolean }> {
      const [rules, minimum] = await Promise.all([
        judge.rules(accountId, undefined),
        judge.minimum(accountId),
      ])
      const keys = minimum >= phishingResistant ? phishingResistantFactors : []
      return {
        rules: { ...rules, required: [...new Set([...rules.required, ...keys])] },
        demanded: policy.secondFactor === 'required' || minimum >= twoFactors,
      }
    },

    /**
     * For a custom grant that authenticates an account by itself: checks what it proved, and lets its tokens through.
     * `factors`: the names of the factors that it asked; without them it proves nothing where a policy has rules for them.
     * Rejects with `TypeError` when it is not enough.
     */
    async admit(
      ctx: KoaContextWithOIDC,
      proven: { accountId: string; acr: string; amr: readonly string[]; factors?: readonly string[] },
    ): Promise<void> {
      const decision = await judge.proof(proven.accountId, ctx.oidc.client, undefined, proven)
      if (decision.kind !== 'allowed') throw new TypeError('what was proven does not meet the policy')
      judge.admit(ctx.oidc)
    },
  }
}

const unmet: InteractionResults = {
  error: 'unmet_authentication_requirements',
  error_description: 'the requested authentication cannot be reached',
}

const isKoaContext = (first: IncomingMessage | KoaContext): first is KoaContext =>
  'req' in first && 'res' in first
