import { createRequire } from 'node:module'

type Library = typeof import('libphonenumber-js/max')

const load = createRequire(import.meta.url)
let library: Library | undefined

/**
 * Google's metadata of all countries, with every pattern (`max`). Loaded with the first number: it takes time and memory to be
 * there, and many a provider never sees one.
 */
export const phoneLibrary = (): Library => {
  library ??= load('libphonenumber-js/max') as Library
  return library
}
