/** What PSKC calls a UserId is often a distinguished name (RFC 6030 §4.2.1): `UID=jsmith,DC=example,DC=net`. */
const attribute = /^\s*(?:OID\.)?([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*(.*?)\s*$/s

/** RFC 4519 §2.39 and §2.3, by name and by number; the first that there is names the person. */
const naming = [
  ['UID', '0.9.2342.19200300.100.1.1'],
  ['CN', '2.5.4.3'],
] as const

export const isDistinguishedName = (owner: string): boolean => attribute.test(owner)

/**
 * The name by which an owner is looked up: of a distinguished name (RFC 4514) its UID, otherwise its CN; anything else is a
 * name as it stands. Undefined for a distinguished name with neither.
 */
export function nameOfOwner(owner: string): string | undefined {
  if (!isDistinguishedName(owner)) return owner
  const values = new Map<string, string>()
  for (const part of splitUnescaped(owner)) {
    const [, type = '', value = ''] = attribute.exec(part) ?? []
    // The first is the most specific one, which is the person's own.
    if (value !== '' && !values.has(type.toUpperCase())) values.set(type.toUpperCase(), unescaped(value))
  }
  for (const names of naming) {
    const name = names.map((type) => values.get(type)).find((value) => value !== undefined)
    if (name !== undefined) return name
  }
  return undefined
}

/** The parts between commas, and between the plus signs of an RDN with several values. */
const splitUnescaped = (text: string): string[] => text.match(/(?:"(?:\\.|[^"\\])*"|\\.|[^,+\\])+/gs) ?? []

/** RFC 4514 §2.4: `\,` and, by bytes of UTF-8, `\C3\A8`; quotes are of RFC 2253's forerunner. */
const unescaped = (value: string): string =>
  value
    .replace(/^"(.*)"$/s, '$1')
    .replace(/(?:\\[0-9a-f]{2})+/gi, (bytes) => Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString())
    .replace(/\\(.)/gs, '$1')
