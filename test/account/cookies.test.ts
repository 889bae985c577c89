import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { createSecretCookie } from '../../src/account/cookies.ts'

const secret = 'a'.repeat(43)
const requestWith = (cookie?: string) =>
  Object.assign(new IncomingMessage(new Socket()), { headers: { ...(cookie !== undefined && { cookie }) } })
const written = (write: (res: ServerResponse) => void) => {
  const res = new ServerResponse(requestWith())
  write(res)
  return res.getHeader('set-cookie')
}

describe('a cookie of the security page', () => {
  it('is bound to this very host over TLS, and out of reach of scripts', () => {
    const cookie = createSecretCookie('duepassi-account', true)
    const attributes = 'Path=/; HttpOnly; SameSite=Lax; Secure'
    assert.equal(
      written((res) => cookie.write(res, secret)),
      `__Host-duepassi-account=${secret}; ${attributes}`,
    )
    assert.equal(
      written((res) => cookie.write(res, secret, 60)),
      `__Host-duepassi-account=${secret}; ${attributes}; Max-Age=60`,
    )
    assert.equal(
      written((res) => cookie.clear(res)),
      `__Host-duepassi-account=; ${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
    )
    assert.equal(cookie.read(requestWith(`__Host-duepassi-account=${secret}`)), secret)
    // What a page without TLS could have set.
    assert.equal(cookie.read(requestWith(`duepassi-account=${secret}`)), undefined)
  })

  it('has a plain name without TLS', () => {
    const cookie = createSecretCookie('duepassi-account', false)
    assert.equal(
      written((res) => cookie.write(res, secret)),
      `duepassi-account=${secret}; Path=/; HttpOnly; SameSite=Lax`,
    )
    assert.equal(cookie.read(requestWith(`a=b; duepassi-account=${secret};c=d`)), secret)
  })

  it('is read only where it is one of ours', () => {
    const cookie = createSecretCookie('duepassi-account', false)
    for (const header of [
      undefined,
      '',
      'duepassi-account=',
      `duepassi-account=${secret}x`,
      `duepassi-account=${secret.slice(1)}.`,
      `duepassi-account-sign-in=${secret}`,
      `xduepassi-account=${secret}`,
    ])
      assert.equal(cookie.read(requestWith(header)), undefined, header)
  })
})
