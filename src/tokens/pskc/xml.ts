import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { TokenFileError } from '../token-file-error.ts'

/** An element as the parser leaves it: its text where it has nothing else; names are without their prefix. */
export type XmlNode = string | XmlElement
export interface XmlElement {
  readonly [name: string]: unknown
}

/** An element is where or as it must not be: a fault of its key, or of the file, as the caller sees it. */
export class StructureError extends Error {}

const parser = new XMLParser({
  ignoreAttributes: false,
  removeNSPrefix: true,
  processEntities: false,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // PSKC itself nests 8 deep; XML signatures and extensions some more.
  maxNestedTags: 32,
  captureMetaData: true,
})

const place = XMLParser.getMetaDataSymbol() as symbol

/**
 * The root element of an XML text. Document types and entities are refused before anything is parsed, wherever they
 * stand; what XML itself defines (`&amp;`, `&#13;`) is not.
 *
 * @throws TokenFileError
 */
export function parseXml(text: string, root: string): XmlElement {
  if (
    /<!(?!--|\[CDATA\[)/.test(text) ||
    /&(?!(?:amp|lt|gt|quot|apos|#\d{1,6}|#x[0-9A-Fa-f]{1,5});)/.test(text)
  )
    throw new TokenFileError('markup_forbidden')
  const verdict = XMLValidator.validate(text)
  if (verdict !== true) throw new TokenFileError('malformed', `line ${verdict.err.line}`)
  let tree: unknown
  try {
    tree = parser.parse(text)
  } catch {
    // Nested too deep, or a name that JavaScript reserves. The parser's message may quote the file.
    throw new TokenFileError('malformed')
  }
  const element = isElement(tree) ? tree[root] : undefined
  if (!isElement(element)) throw new TokenFileError('not_a_token_file')
  return element
}

const isElement = (node: unknown): node is XmlElement =>
  typeof node === 'object' && node !== null && !Array.isArray(node)

/** All children of that name. */
export function children(node: XmlNode | undefined, name: string): XmlNode[] {
  if (typeof node !== 'object' || !Object.hasOwn(node, name)) return []
  const found = node[name]
  return (Array.isArray(found) ? found : [found]) as XmlNode[]
}

/** The child at the end of a path. @throws StructureError where there are two of one name. */
export function child(node: XmlNode | undefined, ...path: string[]): XmlNode | undefined {
  return path.reduce<XmlNode | undefined>((parent, name) => {
    const [first, second] = children(parent, name)
    if (second !== undefined) throw new StructureError()
    return first
  }, node)
}

/** The names of an element's children, each once. */
export const childNames = (node: XmlNode | undefined): string[] =>
  typeof node === 'object' ? Object.keys(node).filter((name) => !/^(?:@_|#text$)/.test(name)) : []

/** The text at the end of a path; undefined where there is none. */
export function textOf(node: XmlNode | undefined, ...path: string[]): string | undefined {
  const end = child(node, ...path)
  const text = typeof end === 'object' ? end['#text'] : end
  return typeof text === 'string' && text !== '' ? resolve(text) : undefined
}

export function attributeOf(node: XmlNode | undefined, name: string): string | undefined {
  const value = typeof node === 'object' ? node[`@_${name}`] : undefined
  return typeof value === 'string' ? resolve(value.trim()) : undefined
}

const predefined: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Some writers put a `&#13;` at the end of each line of base64. */
const resolve = (text: string): string =>
  text.replace(
    /&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|([a-z]+));/gi,
    (_, decimal?: string, hex?: string, name?: string) =>
      name === undefined
        ? String.fromCodePoint(decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal))
        : (predefined[name] ?? ''),
  )

/** Tells in which line of the text an element begins; elements have to be asked for in their order. */
export function lineCounter(text: string): (node: XmlNode) => number {
  let line = 1
  let at = 0
  return (node) => {
    const start = typeof node === 'object' ? startOf(node) : undefined
    for (; at < (start ?? 0); at++) if (text[at] === '\n') line++
    return line
  }
}

const startOf = (node: XmlElement): number | undefined =>
  (node as Record<symbol, { startIndex?: number } | undefined>)[place]?.startIndex
