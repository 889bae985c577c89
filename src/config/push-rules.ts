import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'

const needs = (path: readonly string[], needed: string): Breach => ({
  path,
  message: `needs \`${needed}\` beside it.`,
  fix: `Set \`${needed}\`.`,
})

/** What tells a phone is whole. */
export const waysOfTellingAreWhole = ({ push: { apns, webhook } }: Config): Breach[] => [
  ...(['keyId', 'teamId', 'topic'] as const).flatMap((name) =>
    apns.key !== undefined && apns[name] === undefined
      ? [needs(['push', 'apns', 'key'], `push.apns.${name}`)]
      : [],
  ),
  ...(webhook.url !== undefined && webhook.secret === undefined
    ? [needs(['push', 'webhook', 'url'], 'push.webhook.secret')]
    : []),
]
