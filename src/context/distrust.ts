import type { Device, SecondFactorDirectory } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'

/** How often a lost race is tried again: the browser's own requests change its secret meanwhile. */
const attempts = 5

/** The browsers that are meant stay known, and are trusted no more; those of one account. */
export const endTrustIn = async (
  directory: Pick<SecondFactorDirectory, 'devices' | 'changeDevice'>,
  accountId: string,
  isMeant: (device: Device) => boolean,
): Promise<void> => {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const trusted = (await directory.devices(accountId)).filter(
      (device) => device.trust !== null && isMeant(device),
    )
    const ended = await Promise.all(
      trusted.map(({ id, secretHash }) => directory.changeDevice(accountId, id, secretHash, { trust: null })),
    )
    if (ended.every(Boolean)) return
  }
  throw new DuepassiError('busy', 'a browser is used by too many requests at once', { retryAfter: 1 })
}
