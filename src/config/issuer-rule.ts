import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'

const isLoopback = (host: string): boolean => /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(host)

/** OpenID Connect Discovery §3: an https URL without query or fragment; relying parties compare it letter by letter. */
export const issuerFits = ({ mode, issuer }: Config): Breach[] => {
  const url = new URL(issuer)
  const breach = (message: string, fix: string): Breach[] => [{ path: ['issuer'], message, fix }]
  const loopback = isLoopback(url.hostname)
  return [
    ...(mode === 'production' && url.protocol !== 'https:'
      ? breach('must be https in production.', 'Put Duepassi behind a TLS proxy and write `https://…`.')
      : []),
    ...(mode === 'production' && url.protocol === 'https:' && loopback
      ? breach(
          'names this machine only, which is no address in production.',
          'Write the public name, such as `https://id.example.org`.',
        )
      : []),
    ...(mode === 'demo' && !loopback
      ? breach(
          'must be a loopback address in demo mode.',
          'Write `http://localhost:3000`, or set `mode: production`.',
        )
      : []),
    ...(mode === 'demo' && loopback && !['http:', 'https:'].includes(url.protocol)
      ? breach('must be http or https.', 'Write `http://localhost:3000`.')
      : []),
    ...(issuer.includes('?') || issuer.includes('#')
      ? breach('must have neither query nor fragment.', 'Remove what follows the path.')
      : []),
    ...(issuer.endsWith('/')
      ? breach(
          'must not end with a slash.',
          'Remove the slash: relying parties compare the issuer letter by letter.',
        )
      : []),
    ...(url.username || url.password
      ? breach('must hold no user name or password.', 'Remove what stands before the `@`.')
      : []),
  ]
}
