import assert from 'node:assert/strict'
import { certificatesComeFromProxy } from '../../src/config/mtls-rules.ts'
import { type Config, schema } from '../../src/config/schema.ts'

const breachesOf = (proxy: boolean, mtls: Config['protocol']['mtls']) =>
  certificatesComeFromProxy(
    schema.parse({ issuer: 'https://id.example.org', proxy, protocol: { mtls } }),
  ).map(({ path }) => path.join('.'))

describe('client certificates in the configuration', () => {
  it('may be left out, or come from a proxy', () => {
    assert.deepEqual(breachesOf(false, {}), [])
    assert.deepEqual(
      breachesOf(true, {
        certificateHeader: 'Client-Cert',
        verifiedHeader: 'X-Client-Verify',
        origin: 'https://mtls.example.org',
      }),
      [],
    )
  })
  it('are not believed of everybody', () =>
    assert.deepEqual(breachesOf(false, { certificateHeader: 'Client-Cert' }), [
      'protocol.mtls.certificateHeader',
    ]))
  it('do not come in a header that means something else', () => {
    for (const header of ['Authorization', 'cookie', 'DPoP', 'X-Forwarded-For', 'Content-Type'])
      assert.deepEqual(breachesOf(true, { certificateHeader: header }), ['protocol.mtls.certificateHeader'])
    assert.deepEqual(breachesOf(true, { certificateHeader: 'Client-Cert', verifiedHeader: 'Host' }), [
      'protocol.mtls.verifiedHeader',
    ])
    assert.deepEqual(breachesOf(true, { certificateHeader: 'Client-Cert', verifiedHeader: 'client-cert' }), [
      'protocol.mtls.verifiedHeader',
    ])
    assert.throws(() => breachesOf(true, { certificateHeader: 'two words' }))
  })
  it('need the header for the rest to mean anything', () =>
    assert.deepEqual(breachesOf(true, { verifiedHeader: 'X-Verify', origin: 'https://mtls.example.org' }), [
      'protocol.mtls.verifiedHeader',
      'protocol.mtls.origin',
    ]))
})
