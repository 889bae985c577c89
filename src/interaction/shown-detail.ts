import type { ShownDetail, ShownLine } from '../pages/views.ts'

/**
 * As the relying party wrote it, without what would change how the rest is read: controls, directions, the invisible, marks
 * piled up over other lines, and blanks that push the rest out of sight.
 */
const plain = (text: string): string =>
  text
    .replace(/[\p{C}\p{Zl}\p{Zp}\p{DI}\u{2800}]/gu, '\u{fffd}')
    .replace(/(\p{M}{4})\p{M}+/gu, '$1\u{fffd}')
    .replace(/\p{Zs}+/gu, ' ')

const isSimple = (value: unknown): value is string | number | boolean | null =>
  value === null || typeof value !== 'object'

/** What people read for a type of details and for its fields; undefined where nobody has said so. */
export interface DetailWords {
  title: string | undefined
  name(field: string): string | undefined
}

const lineOf = (name: string, value: unknown, words: DetailWords): ShownLine => {
  if (isSimple(value)) return { name, value: typeof value === 'string' ? plain(value) : value }
  if (!Array.isArray(value)) return { name, lines: linesOf(value as object, words) }
  return value.every(isSimple)
    ? { name, value: value.map((one) => plain(String(one))).join(', ') }
    : { name, lines: value.map((one, index) => lineOf(String(index + 1), one, words)) }
}

const linesOf = (fields: object, words: DetailWords): ShownLine[] =>
  Object.entries(fields).map(([name, value]) =>
    lineOf(words.name(name) ?? plain(name).replaceAll('_', ' '), value, words),
  )

/** An authorization detail (RFC 9396) for a person to read, whole. */
export const showDetail = (
  { type, ...fields }: Readonly<Record<string, unknown>>,
  words: DetailWords,
): ShownDetail => ({
  title: words.title ?? plain(String(type)).replaceAll('_', ' '),
  lines: linesOf(fields, words),
})
