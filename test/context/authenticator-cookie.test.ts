import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isAuthenticatorHere, noteAuthenticatorHere } from '../../src/context/authenticator-cookie.ts'
import { accountTag } from '../../src/context/device-cookie.ts'

const asks = (cookie?: string) => ({ headers: { ...(cookie && { cookie }) } }) as IncomingMessage

/** The cookie after a change; `secure`: the address is https. */
const noted = (accountId: string, here: boolean, cookie?: string, secure = false): string => {
  const lines: string[] = []
  const res = { appendHeader: (_: string, line: string) => void lines.push(line) }
  noteAuthenticatorHere(asks(cookie), res as unknown as ServerResponse, accountId, { here, secure })
  assert.equal(lines.length, 1)
  return lines[0] as string
}
const pairOf = (line: string): string => line.split(';')[0] as string

describe('the cookie of a browser that is an authenticator itself', () => {
  it('says for which accounts, without telling who they are', () => {
    const line = noted('maria', true)
    assert.equal(
      line,
      `duepassi-authenticator=${accountTag('maria')}; Path=/; Max-Age=15552000; HttpOnly; SameSite=Lax`,
    )
    assert.ok(!line.includes('maria'))
    assert.ok(isAuthenticatorHere(asks(pairOf(line)), 'maria', false))
    assert.ok(!isAuthenticatorHere(asks(pairOf(line)), 'anna', false))
    assert.ok(!isAuthenticatorHere(asks(), 'maria', false))
  })
  it('belongs to this host alone where it is secure', () => {
    const line = noted('maria', true, undefined, true)
    assert.match(line, /^__Host-duepassi-authenticator=[\w-]{16}; Path=\/; .*; Secure$/)
    assert.doesNotMatch(line, /Domain/i)
    assert.ok(isAuthenticatorHere(asks(`a=b; ${pairOf(line)}; c=d`), 'maria', true))
    // What a neighbouring host could plant, or somebody on the way, counts for nothing there.
    assert.ok(!isAuthenticatorHere(asks(pairOf(noted('maria', true))), 'maria', true))
    assert.ok(!isAuthenticatorHere(asks(pairOf(line)), 'maria', false))
  })
  it('holds several accounts, each once, the newest first, and twenty at most', () => {
    let cookie: string | undefined
    for (let person = 0; person < 25; person++) cookie = pairOf(noted(`person-${person}`, true, cookie))
    cookie = pairOf(noted('person-24', true, cookie))
    const tags = (cookie.split('=')[1] as string).split('.')
    assert.equal(tags.length, 20)
    assert.equal(new Set(tags).size, 20)
    assert.equal(tags[0], accountTag('person-24'))
    assert.ok(isAuthenticatorHere(asks(cookie), 'person-10', false))
    assert.ok(!isAuthenticatorHere(asks(cookie), 'person-4', false))
  })
  it('forgets one account, and itself with the last', () => {
    const both = pairOf(noted('anna', true, pairOf(noted('maria', true))))
    const one = noted('anna', false, both)
    assert.equal(pairOf(one), `duepassi-authenticator=${accountTag('maria')}`)
    assert.match(noted('maria', false, pairOf(one)), /^duepassi-authenticator=; Path=\/; Max-Age=0;/)
  })
  it('is nothing where it was tampered with', () => {
    const tag = accountTag('maria')
    for (const cookie of [
      `duepassi-authenticator=${tag}x`,
      `duepassi-authenticator="${tag}"`,
      `other-duepassi-authenticator=${tag}`,
      `duepassi-authenticator=${tag}, x`,
      `duepassi-authenticator=${'a'.repeat(500)}`,
      'duepassi-authenticator=',
      `duepassi-authenticator=${encodeURIComponent(`${tag}.<script>`)}`,
    ])
      assert.ok(!isAuthenticatorHere(asks(cookie), 'maria', false), cookie)
    const line = noted('maria', true, 'duepassi-authenticator=short.<b>.x')
    assert.equal(pairOf(line), `duepassi-authenticator=${tag}`)
  })
})
