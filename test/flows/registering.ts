import type { AuditEvent } from '../../src/audit/events.ts'
import { systemRandom } from '../../src/crypto/random.ts'
import { addInvitation } from '../../src/stores/invitations.ts'
import { type Settings, startProvider, type TestProvider } from '../support/provider.ts'

/** A provider at which relying parties register, and the endpoints for it by hand (RFC 7591, RFC 7592). */
export interface Registering {
  op: TestProvider
  /** What the audit has of relying parties: type, client_id and reason. */
  audited: string[]
  /** An initial access token. */
  invite(uses?: number, seconds?: number): Promise<string>
  register(metadata: object, token?: string | undefined): Promise<Registered>
  /** With a registration access token, at the address that came with it. */
  manage(
    method: 'GET' | 'PUT' | 'DELETE',
    uri: string,
    token: string | undefined,
    metadata?: object,
  ): Promise<Registered>
}

export interface Registered {
  status: number
  body: Record<string, unknown>
  challenge: string | null
}

export const callback = 'https://shop.example/callback'

const answerOf = async (response: Response): Promise<Registered> => {
  const text = await response.text()
  return {
    status: response.status,
    body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
    challenge: response.headers.get('www-authenticate'),
  }
}

const headersOf = (token: string | undefined) => ({
  'content-type': 'application/json',
  ...(token !== undefined && { authorization: `Bearer ${token}` }),
})

type Protocol = NonNullable<NonNullable<Settings['config']>['protocol']>

export const startRegistering = async (
  registration: NonNullable<Protocol['registration']> = {},
  settings: Settings = {},
): Promise<Registering> => {
  const { protocol, ...config } = settings.config ?? {}
  const audited: string[] = []
  const op = await startProvider({
    ...settings,
    parts: {
      wrapDirectory: (directory) =>
        new Proxy(directory, {
          get(target, property) {
            if (property !== 'appendAudit') return Reflect.get(target, property)
            return async (event: AuditEvent) => {
              if (event.type.startsWith('client.'))
                audited.push([event.type, event.clientId, event.reason].join(' '))
              return target.appendAudit(event)
            }
          },
        }),
    },
    config: { ...config, protocol: { ...protocol, registration: { enabled: true, ...registration } } },
  })
  return {
    op,
    audited,
    invite: (uses = 1, seconds = 3600) =>
      addInvitation({ store: op.duepassi.store, clock: op.clock, random: systemRandom }, { seconds, uses }),
    async register(metadata, token) {
      const response = await fetch(`${op.issuer}/reg`, {
        method: 'POST',
        headers: headersOf(token),
        body: JSON.stringify({ redirect_uris: [callback], ...metadata }),
      })
      return answerOf(response)
    },
    async manage(method, uri, token, metadata) {
      const response = await fetch(uri, {
        method,
        headers: headersOf(token),
        ...(metadata && { body: JSON.stringify(metadata) }),
      })
      return answerOf(response)
    },
  }
}
