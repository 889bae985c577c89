import { accountClient, accountClientId } from '../account/account-client.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { describeBrowser } from '../context/browser.ts'
import { createNetworks } from '../context/networks.ts'
import { noPlaces, openPlaces } from '../context/place.ts'
import type { ClientMetadata, Device, Directory, Sighting } from '../directory/directory.ts'
import { describeCredential } from '../factors/webauthn/credential.ts'
import { createGroupPolicies } from '../plugin/judge.ts'
import { type Signal, signalsOf } from '../policy/signals.ts'
import { findAccount } from './account.ts'
import type { Situation } from './explanation.ts'
import { Refusal } from './io.ts'
import { knownDevices } from './known-devices.ts'
import type { Policy } from './policy-settings.ts'

/** What an administrator asks about; checked already. */
export interface Asked {
  account: string
  client: string
  address: string | null
  userAgent: string | undefined
  request: Situation['request']
  newDevice: boolean
  trustedDevice: boolean
  /** Wrong passwords in a row before the right one. */
  failures: number
  proven: readonly string[] | undefined
}

/**
 * Gathers what the judge would at such a sign-in. Changes nothing.
 * @throws Refusal for an account or client that is not there
 */
export const gatherSituation = async (
  config: Config,
  { settings, factors }: Policy,
  directory: Directory,
  asked: Asked,
): Promise<Situation> => {
  const account = await findAccount(directory, asked.account)
  const client = await findClient(config, directory, asked.client)
  const [standing, all, groups, place] = await Promise.all([
    directory.standing(account.id),
    directory.devices(account.id),
    createGroupPolicies(settings.groups, async () => account.groups)(account.id),
    sightingFrom(config, asked),
  ])
  const browser = all.length === 0 ? 'first' : asked.newDevice ? 'new' : 'known'
  return {
    account: {
      id: account.id,
      username: account.username,
      groups: account.groups,
      disabled: account.disabledAt !== null,
    },
    standing,
    client,
    request: withDefaults(asked.request, client),
    groups,
    settings,
    factors,
    passkeys: config.webauthn.passkeys,
    place,
    browser,
    signals: signalsAt({ settings, place, known: browser === 'known', all, failures: asked.failures }),
    ways: await waysOf(directory, account.id, offeredOf(factors, standing.factors)),
    trust: asked.trustedDevice
      ? await trustNow(directory, settings, account.id, standing.factors)
      : undefined,
    proven: asked.proven,
  }
}

/** The security page is a client as well, which the configuration brings along. */
const findClient = async (config: Config, directory: Directory, id: string): Promise<ClientMetadata> => {
  const client =
    id === accountClientId ? accountClient(config.issuer, config.brand) : await directory.clientById(id)
  if (!client) throw new Refusal(`There is no client "${id}". Its client_id names one.`)
  return client
}

/** As oidc-provider fills a request up (OIDC Dynamic Registration 1.0 §2). */
const withDefaults = (request: Situation['request'], client: ClientMetadata): Situation['request'] => {
  const { default_acr_values: acrs, default_max_age: age } = client
  return {
    ...request,
    ...(request.acr_values === undefined && Array.isArray(acrs) && { acr_values: acrs.join(' ') }),
    ...(request.max_age === undefined && age !== undefined && { max_age: age }),
  }
}

const sightingFrom = async (
  { places: { file } }: Config,
  { address, userAgent }: Asked,
): Promise<Sighting> => {
  const places = file === undefined ? noPlaces : await openPlaces(file)
  const { country, city, latitude, longitude } = places.of(address) ?? {
    country: null,
    city: null,
    latitude: null,
    longitude: null,
  }
  return { address, country, city, latitude, longitude, ...describeBrowser(userAgent) }
}

const signalsAt = ({
  settings: { networks, context },
  place,
  known,
  all,
  failures,
}: {
  settings: Policy['settings']
  place: Sighting
  known: boolean
  all: readonly Device[]
  failures: number
}): Situation['signals'] =>
  signalsOf({
    now: systemClock.now(),
    network: createNetworks(networks).includes(place.address),
    sighting: place,
    known,
    before: all,
    failures,
    limits: context,
  }).map((signal: Signal) => ({ signal, reaction: context.reactions[signal] }))

/** What an account has of the factors that are offered, best first. */
const offeredOf = (factors: Policy['factors'], own: readonly string[]): string[] =>
  factors.all.map(({ name }) => name).filter((name) => own.includes(name))

/** The factors of an account, by what they earn: a key whose hardware is attested is worth more. */
const waysOf = async (
  directory: Directory,
  accountId: string,
  factors: readonly string[],
): Promise<string[]> => {
  if (!factors.includes('webauthn')) return [...factors]
  const keys = (await directory.credentials(accountId)).filter(({ factor }) => factor === 'webauthn')
  const described = keys.map(describeCredential)
  const isHardware = ({ attested, synced }: (typeof described)[number]) => attested && !synced
  return [
    ...(described.some((key) => !isHardware(key)) ? ['webauthn'] : []),
    ...(described.some(isHardware) ? ['webauthn-hardware'] : []),
    ...factors.filter((name) => name !== 'webauthn'),
  ]
}

/** What the browser of the account that was used last is trusted for; where none is, what one would be that was trusted now. */
const trustNow = async (
  directory: Directory,
  settings: Policy['settings'],
  accountId: string,
  factors: readonly string[],
): Promise<NonNullable<Situation['trust']>> => {
  const trusted = (await knownDevices(directory, settings, accountId)).find(
    ({ trustedUntil }) => trustedUntil !== null,
  )
  return trusted?.trust
    ? { factors: trusted.trust.factors, supposed: false }
    : { factors: factors.filter((name) => name !== 'recovery-code'), supposed: true }
}
