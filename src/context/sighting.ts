import type { IncomingMessage } from 'node:http'
import type { Sighting } from '../directory/directory.ts'
import { clientAddress } from './address.ts'
import { describeBrowser } from './browser.ts'
import type { Places } from './place.ts'

/**
 * Tells of a request where it comes from, as far as anybody can tell. Nothing waits: the places are in memory.
 * @param proxy one proxy of ours stands before us (see `clientAddress`)
 */
export const createSightings =
  ({ places, proxy }: { places: Places; proxy: boolean }) =>
  (req: IncomingMessage): Sighting => {
    const address = clientAddress(req, proxy)
    const { country, city, latitude, longitude } = places.of(address) ?? unknownPlace
    return {
      address,
      country,
      city,
      latitude,
      longitude,
      ...describeBrowser(req.headers['user-agent']),
    }
  }

const unknownPlace = { country: null, city: null, latitude: null, longitude: null }
