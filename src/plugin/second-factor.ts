import type { IncomingMessage } from 'node:http'
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { durableAttempts, passingAttempts } from '../attempts/attempts.ts'
import { createTrail } from '../audit/trail.ts'
import { createAuthenticators } from '../challenge/authenticators.ts'
import { createChallenge, createContexts, type Notice } from '../challenge/challenge.ts'
import { createChanges } from '../challenge/changes.ts'
import type { SignIn } from '../challenge/machine.ts'
import { createMessageCounts } from '../challenge/message-limits.ts'
import { createMissedRequests } from '../challenge/missed-requests.ts'
import { createPasskeySignIn } from '../challenge/passkey.ts'
import { createPendingRequests } from '../challenge/pending-requests.ts'
import { createRequestCounts } from '../challenge/request-limits.ts'
import type { Reported } from '../challenge/requests.ts'
import { createSignIns } from '../challenge/sign-ins.ts'
import { createWatch } from '../challenge/watch.ts'
import { systemClock } from '../clock.ts'
import { isAuthenticatorHere } from '../context/authenticator-cookie.ts'
import { createDevices } from '../context/devices.ts'
import { createNetworks } from '../context/networks.ts'
import { noPlaces } from '../context/place.ts'
import { createSightings } from '../context/sighting.ts'
import { systemRandom } from '../crypto/random.ts'
import { sealedDirectory } from '../directory/sealed.ts'
import { registerFactors } from '../factors/registry.ts'
import { createRequestMemory } from '../interaction/requests.ts'
import { createSecondFactorScreens } from '../interaction/second-factor.ts'
import { describeClient } from '../interaction/visit.ts'
import { silentLog } from '../log.ts'
import type { Pages } from '../pages/pages.ts'
import { createPages } from '../pages/render.ts'
import { phishingResistant, twoFactors } from '../policy/acr.ts'
import { phishingResistantFactors } from '../policy/amr.ts'
import type { FactorRules } from '../policy/factor-rules.ts'
import { attachGuards } from './attach.ts'
import { createBackchannel } from './backchannel.ts'
import { extendConfiguration, interactionUrlOf } from './configure.ts'
import { endByModels, endSessionBehind } from './ending-sessions.ts'
import { createEntering } from './entering.ts'
import { createJudge } from './judge.ts'
import { createOffers } from './offers.ts'
import { checkOptions } from './options.ts'
import { createProofMemory } from './proofs.ts'
import { createAnswering, createRoutes, type Routes } from './routes.ts'
import type { SecondFactorOptions } from './second-factor-options.ts'

export type SecondFactor = ReturnType<typeof secondFactor>

/**
 * The second step for any oidc-provider server: `configure` the provider with it, `attach` it, mount its `routes`, and
 * call `primarySucceeded` where the password was right.
 */
export const secondFactor = (options: SecondFactorOptions) => {
  const { store, clock = systemClock, random = systemRandom, log = silentLog } = options
  const { signInSeconds = 900 } = options
  const directory = sealedDirectory(options.directory, options.sealer)
  const { policy, limits, messageLimits, requestLimits } = checkOptions(options)
  const record = createTrail({
    directory,
    clock,
    random,
    ...(options.requestId && { requestId: options.requestId }),
  })
  // Nobody waits for a mail server, and a mail that is lost stops no sign-in.
  const notify = async (notice: Notice): Promise<void> => {
    void Promise.resolve(notice)
      .then(options.notify)
      .catch((error: unknown) => log.error({ err: error, notice: notice.kind }, 'a person could not be told'))
  }
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

  const sightingOf = (req: IncomingMessage) =>
    createSightings({ places: noPlaces, proxy: provider().proxy === true })(req)
  const devices = createDevices({
    directory,
    sightingOf: options.sightingOf ?? sightingOf,
    networks: createNetworks(policy.networks),
    clock,
    random,
    record,
    notify,
    issuer: () => provider().issuer,
    trust: policy.trustedDevices,
    context: policy.context,
  })
  const memory = createProofMemory(store)
  const judge = createJudge(policy, {
    directory,
    memory,
    devices,
    clock,
    groupsOf: options.groups ?? (async () => []),
  })

  const endSession =
    options.endSession ?? ((accountId: string, uid: string) => endByModels(provider(), accountId, uid))
  const pending = createPendingRequests({ store, clock })
  const challengeParts = {
    directory,
    signIns: createSignIns({ store, sealer: options.sealer, seconds: signInSeconds }),
    attempts: durableAttempts({ directory, clock, limits }),
    factors: registerFactors(options.factors),
    clock,
    random,
    record,
    issuerName: brand.name,
    accountName,
    notify,
    requests: {
      counts: createRequestCounts({ store, clock, limits: requestLimits }),
      pending,
      limits: requestLimits,
      async appOf(clientId: string | null) {
        const client = clientId === null ? undefined : await provider().Client.find(clientId)
        const { name, logoUri } = client ? describeClient(client) : { name: brand.name, logoUri: undefined }
        return { name, logo: logoUri }
      },
      missed: createMissedRequests({ store, sealer: options.sealer, clock }),
      reported: async (uid: string, { accountId }: Reported, isLate: boolean) => {
        await endSessionBehind(provider(), uid, async (session) => {
          if (session !== undefined) await endSession(accountId, session, uid)
        })
        await options.reported?.(accountId, isLate ? { exceptSignIn: uid } : undefined)
      },
    },
    locked: (uid: string, { accountId }: SignIn) =>
      endSessionBehind(provider(), uid, async (session) => {
        if (options.locked) await options.locked(accountId)
        else if (session !== undefined) await endSession(accountId, session, uid)
      }),
    messages: {
      counts: createMessageCounts({ store, clock, limits: messageLimits }),
      enrolmentAttempts: passingAttempts({
        store,
        clock,
        limits: {
          freeFailures: limits.freeFailures,
          firstWait: messageLimits.enrolmentWait,
          longestWait: messageLimits.enrolmentWait,
        },
      }),
    },
  }
  const isRemote = (factor: string): boolean => challengeParts.factors.get(factor)?.remote !== undefined
  const isSent = (factor: string): boolean =>
    isRemote(factor) || challengeParts.factors.get(factor)?.message !== undefined
  const isHere = (req: IncomingMessage, accountId: string): boolean =>
    isAuthenticatorHere(req, accountId, provider().issuer.startsWith('https:'))
  const watch = createWatch({ signIns: challengeParts.signIns, pending, clock })
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
  /** Once in the life of a sign-in. */
  const once = (name: string): Promise<boolean> => store.add(name, '1', signInSeconds)
  const answering = createAnswering({ provider, pages, requests, log, requestId: options.requestId })
  const offers = createOffers(store)
  const entering = createEntering({
    judge,
    challenge,
    passkeys,
    devices,
    answering,
    isSent,
    ladder: policy.ladder,
    factors: policy.factors,
    clock,
    record,
    once,
    isHere,
    offers: options.policy?.offer === true && policy.secondFactor === 'optional' ? offers : undefined,
  })
  const backchannel = createBackchannel({
    provider,
    challenge,
    judge,
    memory,
    ladder: policy.ladder,
    clock,
    record,
    log,
    isAsked: ({ stage }) =>
      stage.name === 'asking' &&
      challengeParts.factors.get(stage.factor)?.remote?.show(stage.question, clock.now()) !== undefined,
    once,
  })
  const authenticators = createAuthenticators({
    ...challengeParts,
    store,
    pending,
    challenge,
    contextFor: createContexts(challengeParts),
    rulesOf: (accountId) => judge.rules(accountId, undefined),
    guesses: passingAttempts({
      store,
      clock,
      limits: { freeFailures: 10, firstWait: 30, longestWait: 900 },
    }),
    issuer: () => provider().issuer,
    answered: (_uid, outcome) => backchannel.finish(outcome),
  })
  const screens = createSecondFactorScreens({
    provider,
    pages,
    challenge,
    clock,
    credentials: (id) => directory.credentials(id),
    accountName,
    isSent,
    isRemote,
    watch,
    isHere,
    resultOf: entering.resultOf,
    dismissOffer: offers.dismiss,
    requests,
    devices,
    judge: {
      proofsOf: judge.proofsOf,
      mayTrust: judge.mayTrust,
      async missing(accountId, client, request, proven) {
        const decision = await judge.proof(accountId, client, request, proven)
        if (decision.kind === 'refused' && decision.because === 'context') return 'turned-away'
        const rules = await judge.demands(accountId, client, decision)
        return { rules, again: 'factors' in decision ? decision.factors : [] }
      },
    },
  })

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
    routes: (): Routes => createRoutes({ provider, screens, answering }),

    primarySucceeded: entering.primarySucceeded,
    passkeyQuestion: entering.passkeyQuestion,
    signInWithPasskey: entering.signInWithPasskey,

    /** What people's phones ask and answer, for the API of an authenticator app. */
    authenticators,

    /**
     * To be called by `features.ciba.triggerAuthenticationDevice`, once the answer has gone out: asks the person on their
     * phone, or denies.
     */
    askInBackchannel: backchannel.ask,

    /** The browsers that an account signed in with, for a security page of the host's: listed, and forgotten. */
    devices: {
      list: devices.list,
      ofRequest: devices.ofRequest,
      remove: devices.remove,
    },

    /** Where somebody signed in, as far as it is remembered: for a page that lists their sessions. */
    seenOf: memory.seenOf,

    /** No browser stands for the second factor of an account any more: to be called when its password changes. */
    endTrust: (accountId: string): Promise<number> => directory.endTrust(accountId),

    /** A person's own changes to their factors, for a security page of the host's. */
    changes: {
      ...createChanges(challengeParts),
      find: challenge.find,
      choices: challenge.choices,
      choose: challenge.choose,
      chooseAgain: challenge.chooseAgain,
      provideAddress: challenge.provideAddress,
      send: challenge.send,
      isRemote,
      watch,
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
      {
        factors,
        ...proven
      }: { accountId: string; acr: string; amr: readonly string[]; factors?: readonly string[] },
    ): Promise<void> {
      const at = Math.floor(clock.now() / 1000)
      const decision = await judge.proof(proven.accountId, ctx.oidc.client, undefined, {
        ...proven,
        at,
        ...(factors && { proofs: Object.fromEntries(factors.map((name) => [name, { at }])) }),
      })
      if (decision.kind !== 'allowed') throw new TypeError('what was proven does not meet the policy')
      judge.admitGrant(ctx.oidc, { acr: decision.acr, amr: proven.amr, at })
    },
  }
}
