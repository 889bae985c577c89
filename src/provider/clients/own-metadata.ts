import type { ClientMetadata } from 'oidc-provider'

/** A property of client metadata that no standard knows. */
export interface OwnProperty {
  name: string
  /**
   * Asked each time a client is read, whether it has the property or not. `client` has the defaults in it.
   * @throws InvalidClientMetadata: what is misspelt must not count as absent
   */
  check(value: unknown, client: Readonly<ClientMetadata>): void
}

/** Properties of several files as oidc-provider takes them. */
export const ownMetadata = (...properties: OwnProperty[]) => ({
  properties: properties.map(({ name }) => name),
  validator(_ctx: unknown, key: string, value: unknown, client: ClientMetadata): void {
    for (const { name, check } of properties) if (name === key) check(value, client)
  },
})
