import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RecordEvent } from '../audit/trail.ts'
import type { Clock } from '../clock.ts'
import { type RandomBytes, randomId } from '../crypto/random.ts'
import type { Device, SecondFactorDirectory, Sighting, Trust } from '../directory/directory.ts'
import { markOfSet } from '../directory/mark.ts'
import { type Reaction, type Signal, signalsOf } from '../policy/signals.ts'
import {
  accountTag,
  type DeviceCookie,
  hashOf,
  readDeviceCookie,
  rememberedSeconds,
  writeDeviceCookie,
} from './device-cookie.ts'
import { provesDevice } from './device-key.ts'
import type { Origin } from './origin.ts'

/**
 * `cookie`: whoever holds the cookie is not asked, and tokens say one factor. `bound`: the browser signs with a key that it
 * cannot give away, which counts as possession.
 */
export interface TrustSettings {
  kind: 'off' | 'cookie' | 'bound'
  days: number
}

export interface ContextSettings {
  reactions: Readonly<Record<Signal, Reaction>>
  /** Wrong answers in a row from which on a right one is unusual. */
  failures: number
  kilometresPerHour: number
}

export type DeviceNotice =
  | {
      kind: 'new-device'
      accountId: string
      browser: string | null
      system: string | null
      city: string | null
      country: string | null
      address: string | null
    }
  | { kind: 'device-copied'; accountId: string }

export interface DevicesParts {
  directory: Pick<
    SecondFactorDirectory,
    'devices' | 'addDevice' | 'changeDevice' | 'removeDevices' | 'endTrust' | 'credentials'
  >
  sightingOf(req: IncomingMessage): Sighting
  /** Networks from which the policy wants nobody, or more than usual. */
  networks: { includes(address: string | null): boolean }
  clock: Clock
  random: RandomBytes
  record: RecordEvent
  /** Must not reject. */
  notify(notice: DeviceNotice): Promise<void>
  issuer(): string
  trust: TrustSettings
  context: ContextSettings
}

/** Who came, and the device that may stand for their second factor. */
export interface Recognised {
  origin: Origin
  /** Trusted, and proven to be this very browser. */
  trusted: { id: string; trust: Trust } | undefined
}

/** What a person asks for by "do not ask again here": the public key of the browser, where the policy wants one. */
export interface TrustWish {
  key: string | null
}

/** Browsers of one account that are remembered. */
const most = 20

/** Countries of one device that are remembered. */
const mostCountries = 30

/** Milliseconds in which a request with the secret before is one that was under way, and no copy. */
const grace = 60_000

export type Devices = ReturnType<typeof createDevices>

/** The browsers that people sign in with: known or new, trusted or not, and whether one was copied. */
export const createDevices = (parts: DevicesParts) => {
  const { directory, clock, random, record, notify, trust: settings } = parts
  const secure = () => parts.issuer().startsWith('https:')

  /** As long as the policy lets it hold now: fewer days count for what was given before as well. */
  const untilOf = ({ at }: Trust): number => at + settings.days * 86_400_000

  const isGood = (trust: Trust, mark: string): boolean =>
    settings.kind !== 'off' &&
    untilOf(trust) > clock.now() &&
    trust.mark === mark &&
    (settings.kind === 'cookie' || trust.key !== null)

  const markNow = async (accountId: string): Promise<string> =>
    markOfSet(await directory.credentials(accountId))

  /** A secret that was good long ago: the cookie exists twice, and nobody can tell which one is the person's. */
  const endCopied = async (accountId: string, id: string): Promise<void> => {
    if ((await directory.removeDevices(accountId, [id])) === 0) return
    await record('device.copied', { accountId })
    await notify({ kind: 'device-copied', accountId })
  }

  const find = async (
    accountId: string,
    all: readonly Device[],
    cookie: DeviceCookie | undefined,
  ): Promise<{ device: Device | undefined; known: boolean }> => {
    const device = cookie && all.find(({ id }) => id === cookie.id)
    if (!cookie || !device) return { device: undefined, known: false }
    const hash = hashOf(cookie.secret)
    if (same(hash, device.secretHash)) return { device, known: true }
    const isUnderWay =
      device.previousHash !== null &&
      same(hash, device.previousHash) &&
      clock.now() - device.lastUsedAt < grace
    if (!isUnderWay && device.trust) await endCopied(accountId, device.id)
    return { device: undefined, known: isUnderWay }
  }

  return {
    /** False where nobody can be offered not to be asked again. */
    offersTrust: settings.kind !== 'off',
    trust: settings,
    tagOf: accountTag,

    /**
     * What is known of the browser and the place that a sign-in comes from. Changes nothing, unless the cookie is a copy.
     * `proof`: what the login page signed; `failures`: wrong answers before this one.
     */
    async recognise(
      req: IncomingMessage,
      accountId: string,
      { uid, proof = '', failures = 0 }: { uid: string; proof?: string; failures?: number },
    ): Promise<Recognised> {
      const all = await directory.devices(accountId)
      const { device, known } = await find(accountId, all, readDeviceCookie(req, accountId, secure()))
      const sighting = parts.sightingOf(req)
      const signals = signalsOf({
        now: clock.now(),
        network: parts.networks.includes(sighting.address),
        sighting,
        known,
        before: all,
        failures,
        limits: parts.context,
      }).map((signal) => ({ signal, reaction: parts.context.reactions[signal] }))
      const origin: Origin = {
        sighting,
        known,
        device: device ? { id: device.id, secretHash: device.secretHash, countries: device.countries } : null,
        first: all.length === 0,
        signals,
      }
      const { trust } = device ?? {}
      if (!device || !trust || !isGood(trust, await markNow(accountId))) return { origin, trusted: undefined }
      const isProven =
        settings.kind === 'cookie' ||
        (trust.key !== null && (await provesDevice(proof, trust.key, { issuer: parts.issuer(), uid })))
      return { origin, trusted: isProven ? { id: device.id, trust } : undefined }
    },

    /** What is unusual about a request of somebody who is signed in already: its network alone, which costs nothing. */
    signalsOfRequest(req: IncomingMessage): Origin['signals'] {
      const isInside = parts.networks.includes(parts.sightingOf(req).address)
      return isInside
        ? [{ signal: 'forbidden-network', reaction: parts.context.reactions['forbidden-network'] }]
        : []
    },

    /**
     * A sign-in comes to its end in this browser: it gets a new secret in the place of the one it showed, or its first one.
     * Answers which device it is; undefined when another request was faster with that secret: then this one proves nothing by
     * it.
     */
    async note(
      res: ServerResponse,
      { accountId, clientId, origin }: { accountId: string; clientId: string | null; origin: Origin },
      wish?: { key: string | null; factors: readonly string[] },
    ): Promise<string | undefined> {
      const { sighting, device, known, first } = origin
      const now = clock.now()
      const secret = random(32).toString('base64url')
      const trust: Trust | undefined = wish && {
        at: now,
        mark: await markNow(accountId),
        ...wish,
      }
      const latest = { seen: sighting, lastUsedAt: now, secretHash: hashOf(secret) }
      let id = device?.id
      if (device) {
        const changed = await directory.changeDevice(accountId, device.id, device.secretHash, {
          ...latest,
          previousHash: device.secretHash,
          countries: withCountry(device.countries, sighting.country),
          ...(trust && { trust }),
        })
        if (!changed) return undefined
      } else {
        // Another request of this browser has just got the next secret; two would overwrite one another.
        if (known) return undefined
        id = randomId(random)
        await directory.addDevice(
          {
            ...latest,
            id,
            accountId,
            previousHash: null,
            countries: withCountry([], sighting.country),
            trust: trust ?? null,
            createdAt: now,
          },
          most,
        )
        await record('device.added', { accountId, clientId })
        if (!first) {
          const { browser, system, city, country, address } = sighting
          await notify({ kind: 'new-device', accountId, browser, system, city, country, address })
        }
      }
      if (trust) await record('device.trusted', { accountId, clientId })
      writeDeviceCookie(res, accountId, { id: id as string, secret }, secure())
      return id
    },

    /** The trust that a session rests on, as long as it holds. */
    async trustOf(accountId: string, id: string): Promise<Trust | undefined> {
      if (settings.kind === 'off') return undefined
      const [all, mark] = await Promise.all([directory.devices(accountId), markNow(accountId)])
      const trust = all.find((device) => device.id === id)?.trust
      return trust && isGood(trust, mark) ? trust : undefined
    },

    /** Browsers that are remembered still, latest use first; `trusted`: until when (milliseconds), as long as it holds. */
    async list(accountId: string): Promise<Array<Device & { trustedUntil: number | null }>> {
      const [all, mark] = await Promise.all([directory.devices(accountId), markNow(accountId)])
      return all
        .filter((device) => isShown(device) && device.lastUsedAt + rememberedSeconds * 1000 > clock.now())
        .map((device) => ({
          ...device,
          trustedUntil: device.trust && isGood(device.trust, mark) ? untilOf(device.trust) : null,
        }))
    },

    /** The device of this very browser, if the account has it. */
    ofRequest(req: IncomingMessage, accountId: string): string | undefined {
      return readDeviceCookie(req, accountId, secure())?.id
    },

    /** Forgets a device: nothing that it vouched for counts any more. */
    async remove(accountId: string, ids: readonly string[] | undefined, reason: string): Promise<number> {
      const all = await directory.devices(accountId)
      const [shown, others] = [all.filter(isShown), all.filter((device) => !isShown(device))]
      const meant = shown.filter(({ id }) => !ids || ids.includes(id))
      const [latest] = meant
      if (!latest) return 0
      // The last one leaves its place behind: whoever has stolen a page could otherwise make the next place a first one.
      if (meant.length === shown.length && others.length === 0)
        await directory.addDevice(forgottenOf(latest, shown, randomId(random)), most)
      const removed = await directory.removeDevices(
        accountId,
        meant.map(({ id }) => id),
      )
      if (removed > 0) await record('device.removed', { accountId, reason })
      return removed
    },
  }
}

/** Begins the id of a record that is no browser any more, and is shown nowhere. */
const forgotten = 'forgotten-'

const isShown = ({ id }: Device): boolean => !id.startsWith(forgotten)

const forgottenOf = (latest: Device, all: readonly Device[], id: string): Device => ({
  ...latest,
  id: `${forgotten}${id}`,
  // No secret has this hash.
  secretHash: id,
  previousHash: null,
  countries: [...new Set(all.flatMap(({ countries }) => countries))].slice(-mostCountries),
  trust: null,
})

const same = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const withCountry = (countries: readonly string[], country: string | null): string[] =>
  country === null
    ? [...countries]
    : [...countries.filter((one) => one !== country), country].slice(-mostCountries)
