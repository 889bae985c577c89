import { printFaults } from '../config/fault.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { type Io, Refusal } from './io.ts'

/** The options that every command has. */
export interface CommonOptions {
  config?: string
}

/** The configuration, or a refusal that lists every fault. */
export const configurationOf = (io: Io, { config: file }: CommonOptions): Config => {
  const loaded = loadConfig({ file, env: io.env })
  if ('faults' in loaded) throw new Refusal(printFaults(loaded.faults).trimEnd())
  return loaded.config
}
