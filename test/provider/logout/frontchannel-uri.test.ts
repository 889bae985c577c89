import assert from 'node:assert/strict'
import { errors } from 'oidc-provider'
import {
  frontchannelFault,
  logoutFrame,
  mustBeFrontchannel,
} from '../../../src/provider/logout/frontchannel-uri.ts'

const redirects = ['https://shop.example/cb', 'http://127.0.0.1:3000/cb', 'com.example.app:/cb']

describe('frontchannel_logout_uri', () => {
  for (const uri of [
    'https://shop.example/out',
    'https://shop.example:443/out?own=1',
    'HTTPS://SHOP.example/out',
    'http://127.0.0.1:3000/',
  ])
    it(`may be ${uri}`, () => assert.equal(frontchannelFault(uri, redirects), undefined))

  for (const [uri, fault] of [
    ['javascript:alert(1)', /must be https/],
    ['data:text/html,<script>alert(1)</script>', /must be https/],
    ['http://shop.example/out', /must be https/],
    ['com.example.app:/cb', /must be https/],
    ['//shop.example/out', /must be https/],
    ['https:shop.example', /must be https/],
    ['', /must be https/],
    [['https://shop.example/out'], /must be https/],
    [7, /must be https/],
    [null, /must be https/],
    ['https://a:b@shop.example/out', /no credentials/],
    ['https://shop.example/out#x', /no fragment/],
    ['https://shop.example/out#', /no fragment/],
    ['https://[::1]/out', /must name its host/],
    ["https://shop.example;script-src'unsafe-inline'/", /must be https|must name its host/],
    ['https://shop.example,evil.example/', /must name its host/],
    ['https://shop.example/out?sid=1', /`iss` or `sid`/],
    ['https://shop.example/out?i%73s=x', /`iss` or `sid`/],
    ['https://evil.example/out', /of a redirect URI/],
    ['https://shop.example:8443/out', /of a redirect URI/],
    ['https://www.shop.example/out', /of a redirect URI/],
    ['http://127.0.0.1:3001/', /of a redirect URI/],
    ['http://localhost:3000/', /of a redirect URI/],
  ] as const)
    it(`must not be ${JSON.stringify(uri)}`, () =>
      assert.match(frontchannelFault(uri, redirects) ?? 'nothing is wrong', fault))

  it('is nothing without redirect URIs', () => {
    for (const none of [undefined, [], 'https://shop.example/cb', [null]])
      assert.match(frontchannelFault('https://shop.example/out', none) ?? '', /of a redirect URI/)
  })

  it('is judged with the client’s metadata, and so is its twin', () => {
    const judge = (key: string, value: unknown) =>
      mustBeFrontchannel(undefined, key, value, { redirect_uris: redirects })
    judge('frontchannel_logout_uri', 'https://shop.example/out')
    judge('frontchannel_logout_uri', undefined)
    judge('frontchannel_logout_session_required', false)
    judge('another', 'javascript:alert(1)')
    assert.throws(() => judge('frontchannel_logout_uri', 'javascript:alert(1)'), errors.InvalidClientMetadata)
    for (const value of ['true', 1, null])
      assert.throws(() => judge('frontchannel_logout_session_required', value), errors.InvalidClientMetadata)
  })
})

describe('the frame of a relying party', () => {
  const said = { iss: 'https://id.example/a&b', sid: 'x+y' }
  const frame = (uri: string, required?: boolean, sid: string | undefined = said.sid) =>
    logoutFrame(
      {
        frontchannel_logout_uri: uri,
        ...(required !== undefined && { frontchannel_logout_session_required: required }),
      },
      { ...said, sid },
    )

  it('says iss and sid where they are asked for, both or none', () => {
    const url = new URL(frame('https://shop.example/out', true) ?? '')
    assert.deepEqual([...url.searchParams], Object.entries(said))
    for (const required of [undefined, false])
      assert.equal(frame('https://shop.example/out', required), 'https://shop.example/out')
    assert.equal(
      logoutFrame(
        { frontchannel_logout_uri: 'https://shop.example/', frontchannel_logout_session_required: true },
        { iss: said.iss, sid: undefined },
      ),
      'https://shop.example/',
    )
  })
  it('keeps the query of the client letter by letter', () => {
    const address = 'https://shop.example/out?do=sign%20out&x&y=a+b'
    assert.equal(frame(address), address)
    assert.equal(
      frame(address, true),
      `${address}&${new URLSearchParams({ iss: said.iss, sid: said.sid }).toString()}`,
    )
  })
  it('is none where there is no address', () => {
    assert.equal(logoutFrame({}, said), undefined)
    assert.equal(logoutFrame({ frontchannel_logout_session_required: true }, said), undefined)
  })
})
