import { isIP } from 'node:net'
import type { Reader, Response } from 'maxmind'
import type { Sighting } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import { canonicalAddress } from './address.ts'
import { createNetworks } from './networks.ts'
import { placeIn } from './place-record.ts'

export type Place = Pick<Sighting, 'country' | 'city' | 'latitude' | 'longitude'>

export interface Places {
  /** Where an address is used, as far as the file knows; undefined for one that it does not know. Never throws. */
  of(address: string | null): Place | undefined
}

/** Without a file every place is unknown. */
export const noPlaces: Places = { of: () => undefined }

/** Networks that are in many places at once, whatever a file says (IANA special-purpose address registries). */
const nowhere = createNetworks([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.168.0.0/16', '::', '::1', 'fc00::/7', 'fe80::/10'],
])

/** By their names: databases in the same format that hold no places, so that each address would be unknown for ever. */
const placeless = /-(ASN|ISP|Domain|Connection-Type|Anonymous-IP)\b/i

const refusal = (file: string, what: string, cause?: unknown): DuepassiError =>
  new DuepassiError('not_configured', `The place database ${file} cannot be used: ${what}`, { cause })

const read = async (file: string): Promise<Reader<Response>> => {
  try {
    // Only where a file is configured: nobody else pays for it at the start.
    const { open } = await import('maxmind')
    return await open(file)
  } catch (error) {
    throw refusal(file, error instanceof Error ? error.message : String(error), error)
  }
}

/**
 * Reads a database in MaxMind's format into memory: GeoLite2 or GeoIP2 City and Country, DB-IP, IPinfo, and what else carries
 * a country code (place-record.ts says where it is looked for). The file is not watched: a new one is read at the next start.
 * Rejects with `not_configured`, naming the file, when it is missing, broken, or of a kind that holds no places.
 */
export const openPlaces = async (file: string): Promise<Places> => {
  const reader = await read(file)
  const { databaseType, ipVersion } = reader.metadata
  if (placeless.test(databaseType)) throw refusal(file, `it is a ${databaseType}, which holds no countries`)
  return {
    of(address) {
      const known = address === null ? null : canonicalAddress(address)
      if (known === null || nowhere.includes(known)) return undefined
      // The library would walk an IPv4 tree by the first four bytes of an IPv6 address, and answer another's place.
      if (ipVersion === 4 && isIP(known) === 6) return undefined
      try {
        return placeIn(reader.get(known))
      } catch {
        // A damaged record is no reason to keep a person out.
        return undefined
      }
    },
  }
}
