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

const lineOf = (name: string, value: unknown): ShownLine => {
  const shown = plain(name).replaceAll('_', ' ')
  if (isSimple(value)) return { name: shown, value: typeof value === 'string' ? plain(value) : value }
  if (Array.isArray(value) && value.every(isSimple))
    return { name: shown, value: value.map((one) => plain(String(one))).join(', ') }
  const lines = Object.entries(value as object).map(([key, one]) =>
    lineOf(Array.isArray(value) ? String(Number(key) + 1) : key, one),
  )
  return { name: shown, lines }
}

/** An authorization detail (RFC 9396) for a person to read, whole. */
export const showDetail = (
  { type, ...fields }: Readonly<Record<string, unknown>>,
  titleOf: (type: string) => string | undefined,
): ShownDetail => ({
  title: titleOf(String(type)) ?? plain(String(type)).replaceAll('_', ' '),
  lines: Object.entries(fields).map(([name, value]) => lineOf(name, value)),
})
