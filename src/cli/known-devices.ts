import { systemClock } from '../clock.ts'
import { createDevices, type Devices } from '../context/devices.ts'
import { systemRandom } from '../crypto/random.ts'
import type { Directory } from '../directory/directory.ts'
import type { PolicySettings } from '../plugin/facts.ts'

export type KnownDevice = Awaited<ReturnType<Devices['list']>>[number]

/** The browsers of an account, and until when each is trusted, judged as the running provider judges it. Changes nothing. */
export const knownDevices = (
  directory: Directory,
  { trustedDevices, context }: PolicySettings,
  accountId: string,
): Promise<KnownDevice[]> =>
  createDevices({
    directory,
    clock: systemClock,
    random: systemRandom,
    trust: trustedDevices,
    context,
    // No request is looked at.
    sightingOf: () => nowhere,
    networks: { includes: () => false },
    issuer: () => '',
    record: async () => {},
    notify: async () => {},
  }).list(accountId)

const nowhere = {
  address: null,
  country: null,
  city: null,
  latitude: null,
  longitude: null,
  browser: null,
  system: null,
}
