import { type Answer, Browser } from '../support/browser.ts'
import type { Settings } from '../support/provider.ts'

/** Addresses of test/support/places.mmdb. */
export const rome = '192.0.2.10'
export const milan = '198.51.100.10'
export const tokyo = '203.0.113.10'
export const nowhere = '233.252.0.10'
export const aroundTokyo = '203.0.113.0/24'

export const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'

/** A browser that is somewhere: behind our proxy, which says where each request comes from. */
export class Traveller extends Browser {
  address: string

  constructor(address: string) {
    super()
    this.address = address
  }

  override once(url: string | URL, init: RequestInit = {}): Promise<Answer> {
    const headers = {
      'user-agent': firefox,
      'x-forwarded-for': this.address,
      ...(init.headers as Record<string, string>),
    }
    return super.once(url, { ...init, headers })
  }

  goTo(address: string): this {
    this.address = address
    return this
  }

  /** With some of its cookies: those of devices alone unless told otherwise. */
  restarted(keeps = (name: string): boolean => name.includes('duepassi-device-')): Traveller {
    const other = new Traveller(this.address)
    const held = other.cookies() as Array<ReturnType<Browser['cookies']>[number]>
    held.push(...this.cookies().filter(({ name }) => keeps(name)))
    return other
  }
}

type Policy = NonNullable<NonNullable<Settings['config']>['policy']>

/** A provider that knows the places, behind a proxy. */
export const watching = (policy: Policy, over: Settings['config'] = {}): Settings => ({
  config: { proxy: true, places: { file: 'test/support/places.mmdb' }, ...over, policy },
})
