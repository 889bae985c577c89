import { systemClock } from '../clock.ts'
import { ladderOf } from '../config/policy-rules.ts'
import type { Config } from '../config/schema.ts'
import { systemRandom } from '../crypto/random.ts'
import type { PushDelivery } from '../delivery/delivery.ts'
import { type Factors, registerFactors } from '../factors/registry.ts'
import { createHasher } from '../passwords/hashing.ts'
import type { PolicySettings } from '../plugin/facts.ts'
import { checkOptions } from '../plugin/options.ts'
import type { Io } from './io.ts'
import { partsOf } from './parts.ts'

export interface Policy {
  settings: PolicySettings
  factors: Factors
}

/** What the factors would ask while somebody signs in; here they are only named. */
const empty = {
  accountById: async () => undefined,
  tokens: async () => [],
  tokenBySerial: async () => undefined,
  assignToken: async () => false,
}

const unsent = { send: async () => {}, close: async () => {} }

const untold: PushDelivery = {
  applicationServerKey: null,
  readAddress: () => undefined,
  send: async () => 'failed',
  close: async () => {},
}

/** The policy as the running provider takes it from the same configuration. */
export const policyOf = async (io: Io, config: Config): Promise<Policy> => {
  const { openFactors } = await partsOf(io)
  const hasher = createHasher({ concurrency: 1, queue: 1, random: systemRandom })
  const factors = await openFactors(config, {
    clock: systemClock,
    hasher,
    directory: empty,
    // Nothing is sent: what counts is whether there is a way.
    mail: config.mail.codes ? unsent : undefined,
    texts: config.sms.webhook.url || config.sms.smpp.url ? unsent : undefined,
    push: config.push.enabled ? untold : undefined,
  })
  const { policy } = checkOptions({
    policy: { ...config.policy, ladder: ladderOf(config) },
    attempts: config.attempts,
    factors,
  })
  return { settings: policy, factors: registerFactors(factors) }
}
