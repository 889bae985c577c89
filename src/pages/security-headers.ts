export interface SecurityContext {
  nonce: string
  /** Origin of the relying party's logo, when the page shows one. */
  logoOrigin: string | undefined
  /** Origins of the frames that the page loads. */
  frameOrigins?: readonly string[]
  /** The issuer is https. */
  secure: boolean
}

/**
 * Headers of every page.
 *
 * There is no `form-action` on purpose: Chrome applies it to the redirects that follow a POST, so it would block the
 * 303 that carries the person back to the relying party. What it guards against is injected markup, which
 * `default-src 'none'`, the nonces and escaping already keep out.
 *
 * Referrer-Policy is `same-origin`, not `no-referrer`: with the latter Chrome sends `Origin: null` even to ourselves
 * (Fetch §3.2.5 "append a request Origin header"), and `guardCrossSite` would refuse our own forms wherever
 * Sec-Fetch-Site is missing. Nothing is told to other sites either way.
 */
export function securityHeaders({
  nonce,
  logoOrigin,
  frameOrigins = [],
  secure,
}: SecurityContext): Record<string, string> {
  const images = ["'self'", 'data:', ...(logoOrigin ? [logoOrigin] : [])]
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    `img-src ${images.join(' ')}`,
    "connect-src 'self'",
    ...(frameOrigins.length > 0 ? [`frame-src ${frameSources(frameOrigins)}`] : []),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    ...(secure ? { 'strict-transport-security': 'max-age=63072000' } : {}),
  }
}

/** Characters: proxies refuse an answer whose headers are larger than a few kB, and the session would be over all the same. */
const longest = 2000

/** The origins; of so many that no header holds them, their schemes. */
const frameSources = (origins: readonly string[]): string => {
  const all = origins.join(' ')
  return all.length <= longest
    ? all
    : [...new Set(origins.map((origin) => new URL(origin).protocol))].join(' ')
}
