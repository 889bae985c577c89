import { type Client, type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { RecordEvent } from '../../audit/trail.ts'
import type { Clock } from '../../clock.ts'
import type { Config } from '../../config/schema.ts'
import { clientAddress, networkOf } from '../../context/address.ts'
import type { createSightings } from '../../context/sighting.ts'
import type { Sighting } from '../../directory/directory.ts'
import { describeClient } from '../../interaction/visit.ts'
import type { Log } from '../../log.ts'
import { chooseLanguage } from '../../pages/language.ts'
import type { Pages } from '../../pages/pages.ts'
import type { PageError, Views } from '../../pages/views.ts'
import { deviceCodeAnswered } from '../../stores/oidc-adapter.ts'
import type { Store } from '../../stores/store.ts'
import type { OwnPages } from '../pages.ts'
import { charset, createGuesses, guardUserCodes, mask, TooManyCodes } from './device-codes.ts'
import { pacePolling } from './device-polling.ts'

type Feature = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>
type Seen = Pick<Sighting, 'address' | 'browser' | 'system' | 'city' | 'country'>
type Over = Views['interaction/device-over']['reason']

/** What a page is shown for an error that ends nothing, and with which status. */
interface Again {
  status: number
  error: PageError
  waitSeconds?: number
}

export interface DeviceFlow {
  feature: Feature
  attach(provider: Provider): void
}

/**
 * Sign-in on a device without a keyboard, confirmed in a browser (RFC 8628). A person always says yes by a button, on a page
 * that names the application, the device and the code; a code in the address only fills in the field.
 */
export const createDeviceFlow = (parts: {
  config: Pick<Config, 'proxy' | 'protocol'>
  store: Store
  clock: Clock
  log: Log
  pages: Pages
  own: Pick<OwnPages, 'error'>
  record: RecordEvent
  accountName(accountId: string): Promise<string>
  sightingOf: ReturnType<typeof createSightings>
}): DeviceFlow => {
  const { store, clock, log, pages } = parts
  const { enabled, seconds, interval, wrongCodes, wrongCodesInTotal } = parts.config.protocol.device
  if (!enabled) return { feature: { enabled }, attach() {} }

  const send = (ctx: KoaContextWithOIDC, page: Omit<Parameters<Pages['render']>[0], 'language'>): void => {
    const { status, headers, body } = pages.render({ language: chooseLanguage(ctx.req), ...page } as never)
    ctx.status = status
    ctx.set(headers)
    ctx.body = body
  }

  const formOf = (ctx: KoaContextWithOIDC) => ({
    action: ctx.oidc.urlFor('code_verification'),
    xsrf: String((ctx.oidc.session?.state as { secret?: unknown } | undefined)?.secret),
  })

  const showCodeField = (ctx: KoaContextWithOIDC, code: unknown, again?: Again): void => {
    const typed = typeof code === 'string' && code.length <= longestTyped ? code : undefined
    const { status = 200, ...locals } = again ?? {}
    send(ctx, {
      status,
      ...(again?.waitSeconds !== undefined && { retryAfter: again.waitSeconds }),
      view: 'interaction/device-code',
      locals: { ...formOf(ctx), ...(typed !== undefined && { code: typed }), ...locals },
    })
  }

  /** Found by whatever of the request is there: a refusal comes before oidc-provider has looked for the client. */
  const clientOf = async ({ oidc }: KoaContextWithOIDC): Promise<Client | undefined> => {
    const { deviceCode, entities, provider } = oidc
    const id = deviceCode?.clientId ?? entities.Interaction?.params['client_id']
    return oidc.client ?? (typeof id === 'string' ? provider.Client.find(id) : undefined)
  }

  const showOver = async (ctx: KoaContextWithOIDC, reason: Over): Promise<void> => {
    const client = await clientOf(ctx)
    if (reason === 'refused') await note(ctx, 'device-code.refused', client)
    send(ctx, {
      status: reason === 'refused' ? 200 : 400,
      ...(client && { client: describeClient(client) }),
      view: 'interaction/device-over',
      locals: { reason, action: ctx.oidc.urlFor('code_verification') },
    })
  }

  /** The answer stands already: it must not fail because it could not be written down. */
  const note = (
    { oidc }: KoaContextWithOIDC,
    type: 'device-code.approved' | 'device-code.refused',
    client: Client | undefined,
  ): Promise<void> =>
    parts
      .record(type, { accountId: oidc.session?.accountId ?? null, clientId: client?.clientId ?? null })
      .catch((err: unknown) => log.error({ err, type }, 'an answer to a device could not be recorded'))

  const feature: Feature = {
    enabled: true,
    charset,
    mask,
    deviceInfo: ({ req }) => {
      const { address, browser, system, city, country } = parts.sightingOf(req)
      return { address, browser, system, city, country } satisfies Seen
    },

    async userCodeInputSource(ctx, _form, out, error) {
      if (!error || !out) return showCodeField(ctx, undefined)
      const { userCode } = error as { userCode?: string }
      const isKept = forgetUnkept(ctx)
      const over = overBy(error, ctx.oidc.route)
      if (over) return showOver(ctx, over)
      const again = againBy(error)
      if (again && !isKept) return showOver(ctx, 'stale')
      if (again) return showCodeField(ctx, userCode ?? ctx.oidc.params?.['user_code'], again)
      await parts.own.error(ctx, out, error)
    },

    async userCodeConfirmSource(ctx, _form, client: Client, info, code) {
      const { session, params } = ctx.oidc
      const device = info as unknown as Seen
      const here = parts.sightingOf(ctx.req)
      send(ctx, {
        client: describeClient(client),
        view: 'interaction/device-confirm',
        locals: {
          ...formOf(ctx),
          userCode: String(params?.['user_code']),
          code,
          device: { ...device, isFar: isFar(device, here), isNear: isNear(device, here) },
          ...(session?.accountId && { accountName: await parts.accountName(session.accountId) }),
        },
      })
    },

    async successSource(ctx) {
      const { client } = ctx.oidc
      await note(ctx, 'device-code.approved', client)
      send(ctx, {
        ...(client && { client: describeClient(client) }),
        view: 'interaction/device-done',
        locals: {},
      })
    },
  }

  return {
    feature,
    attach(provider) {
      const guesses = createGuesses({
        store,
        clock,
        fromOneAddress: wrongCodes,
        inTotal: wrongCodesInTotal,
      })
      guardUserCodes(provider, guesses, () => ({
        address: Provider.ctx ? clientAddress(Provider.ctx.req, parts.config.proxy) : null,
        accountId: Provider.ctx?.oidc.session?.accountId,
      }))
      pacePolling(provider, { store, clock, log, interval, seconds })
      // oidc-provider would post such a code by itself; here a person reads it, and goes on.
      provider.use(async (ctx, next) => {
        await next()
        const { oidc } = ctx as KoaContextWithOIDC
        if (oidc?.route !== 'code_verification' || ctx.method !== 'GET' || ctx.status !== 200) return
        const code = oidc.params?.['user_code']
        if (code !== undefined) showCodeField(ctx as KoaContextWithOIDC, code)
      })
    },
  }
}

/** Characters: what is longer is no code that anybody read from a screen. */
const longestTyped = 32

/** The errors of oidc-provider that are told by their names alone (helpers/re_render_errors.js). */
const overBy = (error: Error, route: string): Over | undefined => {
  switch (error.name) {
    case 'NotFoundError':
      // Whoever comes back from signing in had a code that was found.
      return route === 'device_resume' ? 'expired' : undefined
    case 'ExpiredError':
      return 'expired'
    case 'AlreadyUsedError':
      return 'used'
    case 'AbortedError':
      return 'refused'
    default:
      return (error as { error_description?: string }).error_description === deviceCodeAnswered
        ? 'used'
        : undefined
  }
}

const againBy = (error: Error): Again | undefined => {
  if (error instanceof TooManyCodes)
    return {
      status: 429,
      error: { key: 'error.device.wait', values: { seconds: error.seconds } },
      waitSeconds: error.seconds,
    }
  if (error.name === 'NoCodeError') return { status: 422, error: { key: 'error.device.missing' } }
  if (error.name === 'NotFoundError') return { status: 422, error: { key: 'error.device.wrong' } }
  // The form of another tab, or of yesterday; or a sign-in that is over.
  const isStale = error instanceof errors.InvalidRequest || error instanceof errors.SessionNotFound
  return isStale ? { status: 400, error: { key: 'error.device.again' } } : undefined
}

const isFar = (device: Seen, here: Seen): boolean =>
  device.country !== null && here.country !== null && device.country !== here.country

const isNear = (device: Seen, here: Seen): boolean =>
  device.address !== null && here.address !== null && networkOf(device.address) === networkOf(here.address)

/**
 * Whether the browser has a session that is kept. oidc-provider has just put a token for the next form into one that is
 * not, and would fail to write it: so it must not try.
 */
const forgetUnkept = ({ oidc }: KoaContextWithOIDC): boolean => {
  const session = oidc.session as { exp?: number; touched?: boolean } | undefined
  const isKept = typeof session?.exp === 'number'
  if (session && !isKept) session.touched = false
  return isKept
}
