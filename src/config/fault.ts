/** One thing wrong with the configuration. No field ever holds the configured value. */
export interface Fault {
  /** The key, such as `keys.cookies[0]`; empty when it is about the whole file. */
  place: string
  /** Where it was written: `config/duepassi.yaml:12` or `DUEPASSI_KEYS__COOKIES`. */
  source?: string
  /** What is wrong, as the rest of a sentence that begins with the place. */
  message: string
  /** What to do, as a sentence. */
  fix: string
}

export type KeyPath = readonly (string | number)[]

/** What a rule finds: as a Fault, with the path still in parts. */
export interface Breach {
  path: KeyPath
  message: string
  fix: string
}

/** `['keys', 'cookies', 0]` → `keys.cookies[0]`. */
export const placeOf = (path: KeyPath): string =>
  path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`)).join('')

/** For people: one block per fault, and a first line that counts them. */
export const printFaults = (faults: readonly Fault[]): string => {
  const title = `The configuration has ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}:`
  const blocks = faults.map(({ place, source, message, fix }) => {
    const where = [place, source && (place ? `(${source})` : source)].filter(Boolean).join(' ')
    return `\n- ${where} ${message}\n  ${fix}\n`
  })
  return `${title}\n${blocks.join('')}`
}
