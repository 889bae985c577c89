import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import * as oidc from 'openid-client'
import type { ClientMetadata } from '../../src/directory/directory.ts'
import { type Answer, Browser } from '../support/browser.ts'
import { password, type TestProvider } from '../support/provider.ts'
import { codeNow } from '../support/steps.ts'

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** A program on a device without a keyboard (RFC 8628), public as most are, by openid-client. */
export interface Device {
  clientId: string
  config: oidc.Configuration
  begin(parameters?: Record<string, string>): Promise<oidc.DeviceAuthorizationResponse>
  /** Asks once; answers what was said. */
  ask(
    deviceCode: string,
    more?: Record<string, string>,
  ): Promise<{ status: number; body: Record<string, unknown> }>
}

export const addDevice = async (
  op: TestProvider,
  metadata: Partial<ClientMetadata> = {},
): Promise<Device> => {
  const clientId = metadata.client_id ?? `tv-${randomUUID().slice(0, 8)}`
  await op.duepassi.directory.addClient({
    client_id: clientId,
    client_name: 'Living room',
    redirect_uris: [],
    response_types: [],
    grant_types: [deviceGrant, 'refresh_token'],
    token_endpoint_auth_method: 'none',
    ...metadata,
  })
  const config = await oidc.discovery(new URL(op.issuer), clientId, undefined, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
  return {
    clientId,
    config,
    begin: (parameters = {}) =>
      oidc.initiateDeviceAuthorization(config, { scope: 'openid profile offline_access', ...parameters }),
    async ask(deviceCode, more = {}) {
      const response = await fetch(`${op.issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: deviceGrant,
          device_code: deviceCode,
          client_id: clientId,
          ...more,
        }),
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    },
  }
}

export const fieldOf = ({ body }: Answer, name: string): string => {
  const found = new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1]
  assert.notEqual(found, undefined, `a field ${name} on ${body.slice(-800)}`)
  return found as string
}

/** Enters a code; answers the page that follows. */
export const enterCode = async (op: TestProvider, code: string, browser: Browser): Promise<Answer> => {
  const page = await browser.get(`${op.issuer}/device`)
  return browser.post(`${op.issuer}/device`, { xsrf: fieldOf(page, 'xsrf'), user_code: code })
}

/** Presses a button of the page that asks. */
export const decide = (
  op: TestProvider,
  page: Answer,
  what: 'confirm' | 'abort',
  browser: Browser,
): Promise<Answer> =>
  browser.post(`${op.issuer}/device`, {
    xsrf: fieldOf(page, 'xsrf'),
    user_code: fieldOf(page, 'user_code'),
    [what]: 'yes',
  })

/** From the code to the end, by password and app where they are asked for. */
export const approve = async (
  op: TestProvider,
  code: string,
  { browser = new Browser(), secret }: { browser?: Browser; secret?: string } = {},
): Promise<Answer> => {
  let page = await decide(op, await enterCode(op, code, browser), 'confirm', browser)
  if (page.body.includes('name="password"'))
    page = await browser.post(page.url, { intent: 'sign-in', username: 'maria', password })
  if (page.url.pathname.endsWith('/second-factor') && secret !== undefined) {
    op.clock.advance(30)
    page = await browser.post(page.url, { intent: 'answer', code: codeNow(secret, op.clock) })
  }
  return page
}
