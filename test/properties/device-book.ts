/** Which browsers are trusted, by what was seen of their cookies: kept beside the directory, to hold it to. */

interface Booked {
  account: string
  /** What its cookie says now. */
  cookie: string
  /** And said before. */
  before: string | undefined
  usedAt: number
  trust: Trust | undefined
}

interface Trust {
  at: number
  /** The credentials that the account had. */
  set: string
  /** The browser whose key was shown, and will have to sign. */
  signer: string | undefined
  factors: readonly string[]
}

export interface DeviceBook {
  /** A sign-in begins with this cookie; a copy is the end of the device. */
  shown(account: string, cookie: string | undefined): void
  /** A sign-in has ended, and the browser got this cookie. */
  noted(account: string, cookie: string, wish?: Pick<Trust, 'signer' | 'factors'>): void
  /** The device of a cookie that is the latest one, and trusted. */
  trusted(account: string, cookie: string | undefined): { id: string; signer: string | undefined } | undefined
  /** By what a device was trusted, as long as it is. */
  trustedFor(id: string): readonly string[] | undefined
  isKnown(account: string, cookie: string | undefined): boolean
  endTrust(account: string): void
  forget(id: string): void
}

/** Milliseconds in which the secret before is one that was under way. */
const grace = 60_000

const idOf = (cookie: string): string => cookie.split('.')[0] as string

export const deviceBook = (world: {
  now(): number
  /** Tells the credentials of an account from any others. */
  setOf(account: string): string
  /** A device that is forgotten is a new one, when it comes again. */
  isThere(account: string, id: string): boolean
  policy(): { trust: 'off' | 'cookie' | 'bound'; days: number }
}): DeviceBook => {
  const devices = new Map<string, Booked>()

  const isUnderWay = ({ before, usedAt }: Booked, cookie: string) =>
    before === cookie && world.now() - usedAt < grace

  const ofCookie = (account: string, cookie: string | undefined) => {
    const booked = cookie === undefined ? undefined : devices.get(idOf(cookie))
    return booked?.account === account ? booked : undefined
  }

  const trustedFor = (id: string) => {
    const { account, trust } = devices.get(id) ?? {}
    const { trust: kind, days } = world.policy()
    if (account === undefined || !trust || kind === 'off' || (kind === 'bound' && trust.signer === undefined))
      return undefined
    return trust.at + days * 86_400_000 > world.now() && trust.set === world.setOf(account)
      ? trust.factors
      : undefined
  }

  return {
    trustedFor,
    shown(account, cookie) {
      const booked = ofCookie(account, cookie)
      if (!booked || cookie === undefined || booked.cookie === cookie) return
      if (!isUnderWay(booked, cookie)) booked.trust = undefined
    },
    noted(account, cookie, wish) {
      const id = idOf(cookie)
      const known = devices.get(id)
      const trust = wish && {
        at: world.now(),
        set: world.setOf(account),
        ...wish,
      }
      devices.set(id, {
        account,
        cookie,
        before: known?.cookie,
        usedAt: world.now(),
        trust: trust ?? known?.trust,
      })
    },
    trusted(account, cookie) {
      const booked = ofCookie(account, cookie)
      if (cookie === undefined || booked?.cookie !== cookie) return undefined
      const id = idOf(cookie)
      return trustedFor(id) ? { id, signer: booked.trust?.signer } : undefined
    },
    isKnown(account, cookie) {
      const booked = ofCookie(account, cookie)
      return (
        booked !== undefined &&
        cookie !== undefined &&
        world.isThere(account, idOf(cookie)) &&
        (booked.cookie === cookie || isUnderWay(booked, cookie))
      )
    },
    endTrust(account) {
      for (const booked of devices.values()) if (booked.account === account) booked.trust = undefined
    },
    forget: (id) => void devices.delete(id),
  }
}
