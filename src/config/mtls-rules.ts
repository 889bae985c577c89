import type { Breach } from './fault.ts'
import type { Config } from './schema.ts'

/** Headers that anybody may send, or that mean something else. */
const taken =
  /^(authorization|cookie|host|origin|referer|dpop|forwarded|user-agent|accept.*|content-.*|x-forwarded-.*)$/i

/** A certificate in a header is worth what the proxy is that writes it (RFC 9440 §3.1). */
export const certificatesComeFromProxy = ({ proxy, protocol: { mtls } }: Config): Breach[] => {
  const breaches: Breach[] = []
  const { certificateHeader, verifiedHeader, origin } = mtls
  if (certificateHeader !== undefined && !proxy)
    breaches.push({
      path: ['protocol', 'mtls', 'certificateHeader'],
      message: 'is believed only behind a trusted proxy, and `proxy` is false.',
      fix: 'Put a TLS proxy before Duepassi that sets this header and removes it from what others send, and set `proxy: true`.',
    })
  for (const [name, value] of Object.entries({ certificateHeader, verifiedHeader }))
    if (value !== undefined && taken.test(value))
      breaches.push({
        path: ['protocol', 'mtls', name],
        message: 'is a header that has another meaning.',
        fix: 'Take one of its own, such as `Client-Cert`.',
      })
  for (const [name, value] of Object.entries({ verifiedHeader, origin }))
    if (value !== undefined && certificateHeader === undefined)
      breaches.push({
        path: ['protocol', 'mtls', name],
        message: 'has no effect without `protocol.mtls.certificateHeader`.',
        fix: 'Set that header, or remove this key.',
      })
  if (verifiedHeader !== undefined && verifiedHeader.toLowerCase() === certificateHeader?.toLowerCase())
    breaches.push({
      path: ['protocol', 'mtls', 'verifiedHeader'],
      message: 'is the header of the certificate itself.',
      fix: 'Name the header in which the proxy says that it verified the certificate.',
    })
  return breaches
}
