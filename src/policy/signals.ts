/** What may be remarkable in where a sign-in comes from. */
export const signalNames = [
  'forbidden-network',
  'impossible-travel',
  'new-country',
  'new-device',
  'many-failures',
] as const
export type Signal = (typeof signalNames)[number]

/** What may be done about it, weakest first. */
export const reactions = ['record', 'step-up', 'refuse'] as const
export type Reaction = (typeof reactions)[number]

/** Where somebody was seen; null: unknown. Country: ISO 3166-1 alpha-2; coordinates: degrees. */
export interface SeenPlace {
  country: string | null
  latitude: number | null
  longitude: number | null
}

/** Everything the signals rest on; nothing else may influence them. */
export interface ContextFacts {
  /** Milliseconds since the Unix epoch, as is `lastUsedAt`. */
  now: number
  /** The request comes from a forbidden network. */
  network: boolean
  sighting: SeenPlace
  /** In this very browser the account signed in before. */
  known: boolean
  /** Every browser in which the account signed in: where it was seen last, and all its countries. */
  before: ReadonlyArray<{ seen: SeenPlace; countries: readonly string[]; lastUsedAt: number }>
  /** Consecutive failures of the account. */
  failures: number
  limits: {
    /** That many failures are many. */
    failures: number
    /** Nobody travels faster; airliners do about 900. */
    kilometresPerHour: number
  }
}

export interface Point {
  latitude: number
  longitude: number
}

/** The mean radius of the Earth (IUGG), in kilometres. */
const radius = 6371.0088

/**
 * Nearer than that nobody travelled: place databases are wrong by tens of kilometres, and a telephone that changes from Wi-Fi
 * to its mobile network appears where its operator has a gateway.
 */
const leastKilometres = 100

/** Two sign-ins of one moment, or a clock that went back, must not divide by zero nor by less. */
const leastMilliseconds = 1_000

const hour = 3_600_000

const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** Length of the great circle between two points in kilometres, by the haversine formula on a sphere (error below 0.6 %). */
export const kilometresBetween = (from: Point, to: Point): number => {
  const haversine =
    Math.sin(radians(to.latitude - from.latitude) / 2) ** 2 +
    Math.cos(radians(from.latitude)) *
      Math.cos(radians(to.latitude)) *
      Math.sin(radians(to.longitude - from.longitude) / 2) ** 2
  // Rounding may pass 1 for opposite points, of which there is no arc sine.
  return 2 * radius * Math.asin(Math.sqrt(Math.min(1, haversine)))
}

const pointOf = ({ latitude, longitude }: SeenPlace): Point | undefined =>
  latitude === null || longitude === null ? undefined : { latitude, longitude }

/** From where the account was seen last, as far as that is known, nobody could have come here since. */
const isImpossibleTravel = ({ now, sighting, before, limits }: ContextFacts): boolean => {
  const here = pointOf(sighting)
  const last = before
    .flatMap(({ seen, lastUsedAt }) => {
      const point = pointOf(seen)
      return point ? [{ point, lastUsedAt }] : []
    })
    .reduce<{ point: Point; lastUsedAt: number } | undefined>(
      (latest, one) => (latest && latest.lastUsedAt >= one.lastUsedAt ? latest : one),
      undefined,
    )
  if (!here || !last) return false
  const kilometres = kilometresBetween(last.point, here)
  const hours = Math.max(now - last.lastUsedAt, leastMilliseconds) / hour
  return kilometres >= leastKilometres && kilometres / hours > limits.kilometresPerHour
}

const isNewCountry = ({ sighting: { country }, before }: ContextFacts): boolean => {
  const earlier = new Set(before.flatMap(({ seen, countries }) => [seen.country, ...countries]))
  earlier.delete(null)
  return country !== null && earlier.size > 0 && !earlier.has(country)
}

const isGiven: Readonly<Record<Signal, (facts: ContextFacts) => boolean>> = {
  'forbidden-network': ({ network }) => network,
  'impossible-travel': isImpossibleTravel,
  'new-country': isNewCountry,
  // The first browser of an account is not a new one: there is nothing that it could be compared with.
  'new-device': ({ known, before }) => !known && before.length > 0,
  'many-failures': ({ failures, limits }) => failures >= limits.failures,
}

/**
 * What is remarkable in a sign-in, in the order of `signalNames`. Pure. What is unknown is no signal, and neither is
 * anything but network and failures for an account that never signed in anywhere.
 */
export const signalsOf = (facts: ContextFacts): Signal[] =>
  signalNames.filter((signal) => isGiven[signal](facts))
