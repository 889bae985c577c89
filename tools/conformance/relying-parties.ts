import { randomBytes } from 'node:crypto'
import type { Directory } from '../../src/directory/directory.ts'

/** A relying party that the suite is told of, with its secret. */
export interface StaticClient {
  client_id: string
  client_secret: string
}

export interface StaticClients {
  /** Sends its secret in the header, as `client2` does. */
  client: StaticClient
  client2: StaticClient
  /** Sends it in the body. */
  client_secret_post: StaticClient
}

const everyFlow = {
  grant_types: ['authorization_code', 'implicit', 'refresh_token'],
  response_types: [
    'code',
    'id_token',
    'id_token token',
    'code id_token',
    'code token',
    'code id_token token',
    'none',
  ],
}

/** @param base where the suite's answers go, without a slash at the end */
export const addStaticClients = async (directory: Directory, base: string): Promise<StaticClients> => {
  const add = async (name: string, method: string): Promise<StaticClient> => {
    const client = {
      client_id: `conformance-${name}`,
      client_secret: randomBytes(32).toString('base64url'),
    }
    await directory.addClient({
      ...client,
      client_name: `Conformance suite (${name})`,
      redirect_uris: [`${base}/callback`, `${base}/callback?dummy1=lorem&dummy2=ipsum`],
      post_logout_redirect_uris: [`${base}/post_logout_redirect`],
      token_endpoint_auth_method: method,
      // OIDC Registration §2: what a client gets that asks for nothing else.
      id_token_signed_response_alg: 'RS256',
      ...everyFlow,
    })
    return client
  }
  return {
    client: await add('basic', 'client_secret_basic'),
    client2: await add('basic-2', 'client_secret_basic'),
    client_secret_post: await add('post', 'client_secret_post'),
  }
}
