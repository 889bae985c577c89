import { BROWSER_MAP, getParser, OS_MAP } from 'bowser'
import type { Sighting } from '../directory/directory.ts'

/** Characters of a User-Agent that are looked at: those of real browsers have about 200. */
const longest = 512

/**
 * The names that the library knows; two browsers are missing in its own list. For what it does not know it answers a piece
 * of the header, which would be a text that a stranger wrote, in a mail that we send to a person whose password they try.
 */
const browsers = new Set([...Object.values(BROWSER_MAP), 'Miui', 'Opera Touch'])
const systems = new Set(Object.values(OS_MAP))

const nameIn = (names: ReadonlySet<string>, name: string | undefined): string | null =>
  name !== undefined && names.has(name) ? name : null

/**
 * Names of the browser and its operating system ("Firefox", "Windows"), without versions: those change every month, and a
 * browser that was updated is not another one. Null when unknown. Never throws.
 */
export const describeBrowser = (userAgent: string | undefined): Pick<Sighting, 'browser' | 'system'> => {
  const seen = userAgent?.slice(0, longest)
  // The parser throws without a text.
  if (!seen) return { browser: null, system: null }
  const parser = getParser(seen, true)
  return {
    browser: nameIn(browsers, parser.getBrowserName()),
    system: nameIn(systems, parser.getOSName()),
  }
}
