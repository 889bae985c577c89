import type { JSONWebKeySet } from 'jose'
import type { Provider } from 'oidc-provider'

/** What a provider publishes, asked over HTTP. */
export const publishedBy = async (provider: Provider): Promise<JSONWebKeySet> => {
  const server = provider.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const answer = await fetch(`http://127.0.0.1:${port}/jwks`)
  const published = (await answer.json()) as JSONWebKeySet
  await new Promise((resolve) => server.close(resolve))
  return published
}
