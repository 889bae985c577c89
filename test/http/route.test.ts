import assert from 'node:assert/strict'
import { maskedPath, routeClass, routes } from '../../src/http/route.ts'

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

  it('is the same however often it is asked for, and nothing but plain words is remembered', () => {
    const routeOf = routes()
    for (let time = 0; time < 2; time += 1) {
      assert.deepEqual(routeOf('/token?code=hunter2'), { path: '/token', route: '/token' })
      assert.deepEqual(routeOf('/auth/V1StGXR8_Z5jdHi6B-myT'), { path: '/auth/:id', route: '/auth' })
    }
    assert.equal(routeOf('/token'), routeOf('/token?again'))
    assert.notEqual(routeOf('/auth/V1StGXR8_Z5jdHi6B-myT'), routeOf('/auth/V1StGXR8_Z5jdHi6B-myT'))
    const first = routeOf('/token')
    for (let word = 0; word < 300; word += 1)
      routeOf(
        `/${'abcdefghij'[word % 10]}${'klmnopqrst'[Math.floor(word / 10) % 10]}${'uvw'[Math.floor(word / 100)]}`,
      )
    assert.notEqual(routeOf('/token'), first, 'what callers make up is not remembered for ever')
  })
})
