import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider'

/**
 * Whether a script of another origin may read an answer (CORS). An application that runs in browsers redeems its codes there,
 * and is known by where it is redirected to; what may be shown to a client with a secret is no script's business. Userinfo
 * is asked with a token, which whoever holds it could send from anywhere.
 */
export const clientBasedCORS: NonNullable<Configuration['clientBasedCORS']> = (
  { oidc }: KoaContextWithOIDC,
  origin: string,
  client: Client,
) =>
  origin !== 'null' &&
  (oidc.route === 'userinfo' || client.clientAuthMethod === 'none') &&
  (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin)
