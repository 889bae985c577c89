import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import { startProvider } from '../../support/provider.ts'

const algorithms = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const

describe('the keys of tokens', () => {
  it('sign with ES256 unless a relying party asks for another of the configured algorithms', async () => {
    const signing = await Promise.all(
      algorithms.map(async (alg) => {
        const { privateKey } = await generateKeyPair(alg, { extractable: true })
        return { ...(await exportJWK(privateKey)), kid: alg, alg, use: 'sig' } as { kty: string }
      }),
    )
    const secret = () => randomBytes(32).toString('base64')
    const provider = await startProvider({
      config: { keys: { signing, cookies: [secret()], sealing: [{ id: 'k', key: secret() }] } },
    })
    const discovery = (await (await fetch(`${provider.issuer}/.well-known/openid-configuration`)).json()) as {
      id_token_signing_alg_values_supported: string[]
      jwks_uri: string
    }
    assert.deepEqual(discovery.id_token_signing_alg_values_supported.toSorted(), [...algorithms].toSorted())
    const { keys } = (await (await fetch(discovery.jwks_uri)).json()) as {
      keys: Array<Record<string, unknown>>
    }
    assert.deepEqual(
      keys.map(({ kid }) => kid),
      [...algorithms],
    )
    for (const key of keys)
      assert.equal(
        ['d', 'p', 'q', 'dp', 'dq', 'qi'].some((part) => part in key),
        false,
      )

    const { secret: seed, tokens } = await provider.enrol()
    assert.equal(decodeProtectedHeader(tokens.id_token as string).alg, 'ES256')
    for (const alg of algorithms) {
      const rp = await provider.addClient({ client_id: alg, id_token_signed_response_alg: alg })
      const at = await provider.atSecondStep({}, undefined, rp)
      const done = await provider.submit(at, { intent: 'answer', code: provider.nextCode(seed) })
      const { id_token } = (await provider.redeem(done)).tokens
      const header = decodeProtectedHeader(id_token as string)
      assert.deepEqual([header.alg, header.kid], [alg, alg])
    }
    await provider.close()
  })
})
