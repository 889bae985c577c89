import assert from 'node:assert/strict'
import { maskedPath, routeClass } from '../../src/http/route.ts'

describe('route', () => {
  for (const [target, masked] of [
    ['/', '/'],
    ['/auth?client_id=x&code=y', '/auth'],
    ['/token/introspection', '/token/introspection'],
    ['/.well-known/openid-configuration', '/.well-known/openid-configuration'],
    ['/interaction/V1StGXR8_Z5jdHi6B-myT/second-factor', '/interaction/:id/second-factor'],
    ['/interaction/abc%20def', '/interaction/:id'],
    ['/x/123456', '/x/:id'],
    ['/x/abandonabilityzoologyabandonability', '/x/:id'],
    ['/a/b/c/d/e/f/g/h/i/j', '/a/b/c/d/e/f/g/h/:id'],
    ['http://evil.example/auth?x', '/auth'],
    ['/auth#code=1', '/auth'],
    ['*', '/:id'],
  ] as const) {
    it(`masks ${target}`, () => assert.equal(maskedPath(target), masked))
  }

  it('has a closed list of classes', () => {
    assert.equal(routeClass('/token'), '/token')
    assert.equal(routeClass('/token/introspection'), '/token/introspection')
    assert.equal(routeClass('/interaction/:id/second-factor'), '/interaction')
    assert.equal(routeClass('/'), '/')
    assert.equal(routeClass('/anything/else'), 'other')
    assert.equal(routeClass('/id/token', '/id'), '/token')
    assert.equal(routeClass('/idtoken', '/id'), 'other')
  })
})
