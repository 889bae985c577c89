/** A word of a route; whatever has digits, capitals or escapes may be an identifier or a secret. */
const isWord = (segment: string): boolean => /^\.?[a-z]+([.-][a-z]+)*$/.test(segment) && segment.length <= 30

const mostSegments = 8

/** The path of a request target, without query, and with everything masked that is not a plain word of a route. */
export const maskedPath = (target: string): string => {
  const [path = ''] = target.replace(/^[a-z]+:\/\/[^/?#]*/i, '').split(/[?#]/)
  const segments = path.split('/').filter(Boolean)
  const masked = segments.slice(0, mostSegments).map((segment) => (isWord(segment) ? segment : ':id'))
  return `/${masked.join('/')}${segments.length > mostSegments ? '/:id' : ''}`
}

/** Measured one by one: endpoints of their own below the first part of a path. */
const endpoints = new Set([
  '/token/introspection',
  '/token/revocation',
  '/session/end',
  '/health/live',
  '/health/ready',
])

/** Measured by the first part of the path. */
const areas = new Set([
  'account',
  '.well-known',
  'assets',
  'auth',
  'health',
  'interaction',
  'jwks',
  'me',
  'request',
  'second-factor',
  'session',
  'token',
])

/**
 * The class of a masked path for metrics: from a closed list, because callers choose the paths and every label costs
 * memory. `base` is the issuer's own path.
 */
export const routeClass = (masked: string, base = ''): string => {
  const path = base && masked.startsWith(`${base}/`) ? masked.slice(base.length) : masked
  if (endpoints.has(path)) return path
  const area = path.split('/')[1] ?? ''
  if (area === '') return '/'
  return areas.has(area) ? `/${area}` : 'other'
}

/** A request's path as it may be logged, and its class. */
export interface Route {
  path: string
  route: string
}

/** Callers choose the paths: so many are remembered, then it begins anew. */
const mostRemembered = 200

/**
 * `maskedPath` and `routeClass` of a request target, remembered for paths that are short plain words already (the
 * endpoints), which are most requests. `base` is the issuer's own path.
 */
export const routes = (base = ''): ((target: string) => Route) => {
  const known = new Map<string, Route>()
  return (target) => {
    const query = target.indexOf('?')
    const plain = query < 0 ? target : target.slice(0, query)
    const found = known.get(plain)
    if (found) return found
    const path = maskedPath(plain)
    const route = { path, route: routeClass(path, base) }
    if (path === plain) {
      if (known.size >= mostRemembered) known.clear()
      known.set(plain, route)
    }
    return route
  }
}
