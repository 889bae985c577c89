import type { IncomingMessage, ServerResponse } from 'node:http'

/** A cookie that holds 32 random bytes, as base64url. */
export interface SecretCookie {
  read(req: IncomingMessage): string | undefined
  /** @param seconds until it expires; without, with the browser */
  write(res: ServerResponse, value: string, seconds?: number): void
  clear(res: ServerResponse): void
}

const wellFormed = /^[\w-]{43}$/

/** `__Host-` (RFC 6265bis §4.1.3.2) keeps neighbouring hosts from setting it; without TLS there is no such thing. */
export const createSecretCookie = (plainName: string, secure: boolean): SecretCookie => {
  const name = secure ? `__Host-${plainName}` : plainName
  const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  return {
    read(req) {
      const pairs = (req.headers.cookie ?? '').split(';').map((pair) => pair.trim())
      const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
      return value !== undefined && wellFormed.test(value) ? value : undefined
    },
    write(res, value, seconds) {
      const life = seconds === undefined ? '' : `; Max-Age=${seconds}`
      res.appendHeader('Set-Cookie', `${name}=${value}; ${attributes}${life}`)
    },
    clear(res) {
      const over = 'Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT'
      res.appendHeader('Set-Cookie', `${name}=; ${attributes}; ${over}`)
    },
  }
}
