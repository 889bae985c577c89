import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AuthenticatorParts, createApi } from './api.ts'
import { createAppFiles } from './files.ts'

/** Answers; false, having done nothing, for an address that is not the app's. */
export type AuthenticatorPages = (req: IncomingMessage, res: ServerResponse) => Promise<boolean>

/** The authenticator app and its API, beneath the issuer. */
export const createAuthenticatorPages = (
  parts: AuthenticatorParts & { brand: { name: string } },
): AuthenticatorPages => {
  const api = createApi(parts)
  const files = createAppFiles(parts)
  return async (req, res) => (await api(req, res)) || files(req, res)
}
