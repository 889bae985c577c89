import type { Command } from 'commander'
import { rotations } from '../provider/clients/refresh-rotation.ts'
import { keyEncryptions } from '../provider/keys/enabled-algorithms.ts'
import { authenticationMethods } from './client-authentication.ts'
import { signatures } from './client-protection.ts'
import { collect } from './collect.ts'

/** Options of `duepassi client add` for relying parties that speak more than codes and secrets. */
export const addProtocolOptions = (command: Command): Command =>
  command
    .option('--auth <method>', `how it proves who it is: ${authenticationMethods.join(', ')}`)
    .option('--jwks <file>', 'its public keys: a JWK Set, or a certificate as PEM')
    .option('--jwks-uri <uri>', 'where its public keys are')
    .option(
      '--tls-subject <name>',
      'for --auth tls_client_auth: a distinguished name, or dns:, uri:, ip:, email:',
    )
    .option('--bound-tokens <how>', 'access tokens of use only with a key of its own: dpop, mtls')
    .option('--profile <profile>', 'fapi2: hold it to the FAPI 2.0 Security Profile')
    .option('--require-par', 'only requests that it pushed (PAR)', false)
    .option('--require-signed-request', 'only requests that it signed (JAR)', false)
    .option('--pkce <rule>', 'required, optional: an exception for a client that cannot do PKCE')
    .option('--refresh-rotation <rule>', `a new refresh token at each use: ${rotations.join(', ')}`)
    .option('--userinfo-alg <alg>', `signed answers of userinfo: ${signatures.join(', ')}`)
    .option('--introspection-alg <alg>', 'for signed answers of introspection')
    .option('--response-alg <alg>', 'for signed authorization responses (JARM)')
    .option(
      '--encrypt <what>',
      'id-token, userinfo, introspection, response: to its key; may be given several times',
      collect,
      [],
    )
    .option('--encryption-alg <alg>', `ECDH-ES (default), or ${keyEncryptions.slice(1).join(', ')}`)
