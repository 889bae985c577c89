import assert from 'node:assert/strict'
import { createHash, createPublicKey } from 'node:crypto'
import { request } from 'node:http'
import * as oidc from 'openid-client'
import { issueAuthority, issueCertificate, type TestCertificate } from '../../support/certificates.ts'
import { freePort } from '../../support/machine.ts'
import { type Enrolled, mfa, startProvider, type TestProvider } from '../../support/provider.ts'
import { testClient } from '../../support/relying-party.ts'
import { ask, basic, joinParty, type Party, passBoth } from './parties.ts'
import { certificateHeader, inHeader, keyOf, openTlsEntrance, verifiedHeader } from './tls-entrance.ts'

const jwkOf = ({ der, privateKey }: TestCertificate) => ({
  ...createPublicKey(privateKey).export({ format: 'jwk' }),
  kid: 'certificate',
  x5c: [der.toString('base64')],
})
const subject = (name: string) => `CN=${name},OU=Clients,O=Duepassi tests,C=IT`
const machineGrants = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }
const noSecret = { client_secret: undefined }

describe('client certificates (RFC 8705)', () => {
  let op: TestProvider
  let maria: Enrolled
  let entrance: Awaited<ReturnType<typeof openTlsEntrance>>
  let bank: Party
  const authority = issueAuthority('Clients of the house')
  const own = issueCertificate({ commonName: 'bank', unit: 'Clients' })
  const stranger = issueCertificate({ commonName: 'bank', unit: 'Clients' })
  const issued = issueCertificate({ commonName: 'shop', unit: 'Clients', issuer: authority })
  const ofAnother = issueCertificate({ commonName: 'other', unit: 'Clients', issuer: authority })
  const bySomebody = issueCertificate({
    commonName: 'shop',
    unit: 'Clients',
    issuer: issueAuthority('Somebody'),
  })

  const bound = { tls_client_certificate_bound_access_tokens: true, use_mtls_endpoint_aliases: true }

  before(async () => {
    const port = await freePort()
    entrance = await openTlsEntrance(port, authority)
    op = await startProvider({
      config: {
        listen: { port },
        issuer: `http://127.0.0.1:${port}`,
        proxy: true,
        protocol: { mtls: { certificateHeader, verifiedHeader, origin: entrance.origin } },
      },
    })
    maria = await op.enrol()
    bank = await joinParty(
      op,
      {
        client_id: 'bank',
        token_endpoint_auth_method: 'self_signed_tls_client_auth',
        ...noSecret,
        ...bound,
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        jwks: { keys: [jwkOf(own)] },
      },
      { auth: oidc.TlsClientAuth(), customFetch: entrance.fetchWith(own) },
    )
    await op.duepassi.directory.addClient({
      ...testClient,
      ...machineGrants,
      client_id: 'shop',
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: subject('shop'),
      client_secret: undefined as never,
    })
  })
  after(async () => {
    await entrance?.close()
    await op?.close()
  })

  const signIn = async (party: Party) => {
    const { parameters, redeem } = await party.prepare()
    const url = oidc.buildAuthorizationUrl(party.config, parameters)
    return redeem((await passBoth(op, maria.secret, url)).url)
  }
  /** At the entrance with TLS, by whoever holds that certificate. */
  const asking = async (
    path: string,
    fields: Record<string, string>,
    by?: TestCertificate,
    headers: Record<string, string> = {},
  ) => {
    const answer = await entrance.fetchWith(by)(`${entrance.origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(fields).toString(),
      redirect: 'manual',
    })
    const text = await answer.text()
    return { status: answer.status, body: (text ? JSON.parse(text) : {}) as Record<string, unknown> }
  }
  const credentials = (client_id: string) => ({ grant_type: 'client_credentials', client_id })

  it('prove a client, and bind its tokens to them', async () => {
    const aliases = bank.config.serverMetadata().mtls_endpoint_aliases as unknown as Record<string, string>
    assert.equal(aliases['token_endpoint'], `${entrance.origin}/token`)
    const tokens = await signIn(bank)
    assert.equal(tokens.claims()?.['acr'], mfa)
    const seen = await oidc.tokenIntrospection(bank.config, tokens.access_token)
    const thumbprint = createHash('sha256').update(own.der).digest('base64url')
    assert.deepEqual(seen.cnf, { 'x5t#S256': thumbprint })
    assert.deepEqual(seen['amr'], ['pwd', 'otp', 'mfa'])
    const info = await oidc.fetchUserInfo(bank.config, tokens.access_token, op.maria.id)
    assert.equal(info.email, 'maria@example.org')
    const refreshed = await oidc.refreshTokenGrant(bank.config, tokens.refresh_token as string)
    assert.equal(refreshed.claims()?.['acr'], mfa)
    assert.equal(refreshed.refresh_token, tokens.refresh_token, 'bound tokens stay')
  })

  it('make a stolen token worthless', async () => {
    const { access_token, refresh_token } = await signIn(bank)
    const bearer = { authorization: `Bearer ${access_token}` }
    for (const [what, by] of [
      ['nobody', undefined],
      ['another with the same name', stranger],
      ['another client', issued],
    ] as const) {
      const { status, body } = await asking('/me', {}, by, bearer)
      assert.deepEqual([status, body['email']], [401, undefined], what)
      const refreshing = await asking(
        '/token',
        { grant_type: 'refresh_token', refresh_token: refresh_token as string, client_id: 'bank' },
        by,
      )
      assert.deepEqual([refreshing.status, refreshing.body['error']], [401, 'invalid_client'], what)
    }
    assert.equal((await asking('/me', {}, own, bearer)).status, 200)
  })

  it('bind the tokens of clients that prove themselves otherwise, at every use', async () => {
    const mixed = await joinParty(
      op,
      { client_id: 'mixed', ...bound },
      {
        auth: oidc.ClientSecretBasic(testClient.client_secret),
        customFetch: entrance.fetchWith(stranger),
      },
    )
    const { refresh_token } = await signIn(mixed)
    const fields = { grant_type: 'refresh_token', refresh_token: refresh_token as string }
    const without = await asking('/token', fields, undefined, basic('mixed'))
    assert.deepEqual([without.status, without.body['error']], [400, 'invalid_grant'])
    assert.equal((await asking('/token', fields, stranger, basic('mixed'))).status, 200)
    const app = await joinParty(
      op,
      { client_id: 'app', token_endpoint_auth_method: 'none', ...noSecret, ...bound },
      { auth: oidc.None(), customFetch: entrance.fetchWith(stranger) },
    )
    const ofApp = await signIn(app)
    const stolen = {
      grant_type: 'refresh_token',
      refresh_token: ofApp.refresh_token as string,
      client_id: 'app',
    }
    const byThief = await asking('/token', stolen, own)
    assert.deepEqual([byThief.status, byThief.body['error']], [400, 'invalid_grant'])
    assert.equal((await asking('/token', stolen, stranger)).status, 200)
  })

  it('prove a client by its name where an authority vouches for it', async () => {
    assert.equal((await asking('/token', credentials('shop'), issued)).status, 200)
    for (const [what, by] of [
      ['nobody', undefined],
      ['another client of that authority', ofAnother],
      ['the name without the authority', bySomebody],
      ['a self-signed one', own],
    ] as const) {
      const { status, body } = await asking('/token', credentials('shop'), by)
      assert.deepEqual([status, body['error']], [401, 'invalid_client'], what)
    }
  })

  it('need a name that can be read', async () => {
    for (const [at, [name, why]] of (
      [
        ['CN=shop,nickname=x', /name is not known/],
        ['CN = shop', /is not written like CN=bank/],
        ['shop', /is not written like CN=bank/],
      ] as const
    ).entries()) {
      await op.duepassi.directory.addClient({
        ...testClient,
        ...machineGrants,
        client_id: `unreadable-${at}`,
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_subject_dn: name,
        client_secret: undefined as never,
      })
      await assert.rejects(op.duepassi.provider.Client.find(`unreadable-${at}`), {
        error: 'invalid_client_metadata',
        error_description: why,
      })
    }
  })

  it('are believed from the connection, never from a header of the request', async () => {
    for (const by of [undefined, stranger]) {
      const forged = { [certificateHeader]: inHeader(own), [verifiedHeader]: 'SUCCESS' }
      const { status } = await asking('/token', credentials('bank'), by, forged)
      assert.equal(status, 401)
      const asShop = { [certificateHeader]: inHeader(issued), [verifiedHeader]: 'SUCCESS' }
      assert.equal((await asking('/token', credentials('shop'), by, asShop)).status, 401)
    }
  })

  it('are one, whole, and in the form that was agreed', async () => {
    const by = (value: string | string[], verified?: string | string[]) =>
      new Promise<number>((resolve, reject) => {
        const headers = {
          'content-type': 'application/x-www-form-urlencoded',
          [certificateHeader]: value,
          ...(verified !== undefined && { [verifiedHeader]: verified }),
        }
        request(`${op.issuer}/token`, { method: 'POST', headers })
          .on('response', (answer) => resolve(answer.resume().statusCode ?? 0))
          .on('error', reject)
          .end(new URLSearchParams(credentials(verified === undefined ? 'bank' : 'shop')).toString())
      })
    const escaped = encodeURIComponent(own.pem)
    assert.equal(await by(inHeader(own)), 200)
    assert.equal(await by(escaped), 200, 'as nginx writes it')
    for (const [what, value] of Object.entries({
      two: [inHeader(own), inHeader(own)],
      'two, the first of another': [inHeader(stranger), inHeader(own)],
      'two in one': `${inHeader(own)}, ${inHeader(own)}`,
      'a chain': encodeURIComponent(own.pem + stranger.pem),
      garbage: ':bm90IGEgY2VydGlmaWNhdGU=:',
      nothing: '',
      'half of it': inHeader(own).slice(0, 300),
      'without its colons': own.der.toString('base64'),
      'a key': encodeURIComponent(keyOf(own)),
      'broken escapes': `%${escaped}`,
      'something long': `:${'A'.repeat(12_000)}:`,
    }))
      assert.notEqual(await by(value), 200, what)
    assert.equal(await by(inHeader(issued), 'SUCCESS'), 200)
    for (const verified of ['FAILED', 'NONE', '', 'success', 'SUCCESS, SUCCESS'])
      assert.equal(await by(inHeader(issued), verified), 401, verified)
    assert.equal(await by(inHeader(issued), ['SUCCESS', 'SUCCESS']), 401, 'twice')
    assert.equal(await by(inHeader(issued), ['FAILED', 'SUCCESS']), 401, 'both')
  })

  it('are nothing where no proxy is trusted to hand them over', async () => {
    const headers = { [certificateHeader]: inHeader(own), [verifiedHeader]: 'SUCCESS' }
    for (const config of [
      {},
      { proxy: true },
      { protocol: { mtls: { certificateHeader, verifiedHeader } } },
    ]) {
      await using bare = await startProvider({ config })
      const clients: Array<Record<string, unknown>> = [
        {
          token_endpoint_auth_method: 'self_signed_tls_client_auth',
          ...noSecret,
          jwks: { keys: [jwkOf(own)] },
        },
        {
          token_endpoint_auth_method: 'tls_client_auth',
          ...noSecret,
          tls_client_auth_subject_dn: subject('bank'),
        },
        { tls_client_certificate_bound_access_tokens: true },
      ]
      for (const [at, metadata] of clients.entries()) {
        const client_id = `client-${at}`
        await bare.duepassi.directory.addClient({
          ...testClient,
          ...machineGrants,
          client_id,
          ...metadata,
        } as never)
        const { status, body } = await ask(`${bare.issuer}/token`, credentials(client_id), {
          ...headers,
          ...(at === 2 && basic(client_id)),
        })
        assert.equal(status, 400)
        assert.equal(body['access_token'], undefined)
      }
      const metadata = (await (
        await fetch(`${bare.issuer}/.well-known/openid-configuration`)
      ).json()) as Record<string, unknown>
      assert.equal(metadata['mtls_endpoint_aliases'], undefined)
      assert.doesNotMatch(String(metadata['token_endpoint_auth_methods_supported']), /tls/)
    }
  })
})
