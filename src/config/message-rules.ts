import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'

const missing = (path: readonly string[], needed: string): Breach => ({
  path,
  message: `needs \`${needed}\` beside it.`,
  fix: `Set \`${needed}\`.`,
})

/** A message is sent one way, and that way is whole. */
export const oneWayOfTexting = ({ sms: { webhook, smpp } }: Config): Breach[] => [
  ...(webhook.url && smpp.url
    ? [
        {
          path: ['sms'],
          message: 'names both a webhook and an SMSC.',
          fix: 'Leave one of them out: a message is sent one way.',
        },
      ]
    : []),
  ...(webhook.url && !webhook.secret ? [missing(['sms', 'webhook', 'url'], 'sms.webhook.secret')] : []),
  ...(smpp.url && !smpp.from ? [missing(['sms', 'smpp', 'url'], 'sms.smpp.from')] : []),
]

/** The demo has an inbox of its own. */
export const codesCanBeMailed = ({ mail, mode }: Config): Breach[] =>
  mail.codes && !mail.url && mode !== 'demo' ? [missing(['mail', 'codes'], 'mail.url')] : []
