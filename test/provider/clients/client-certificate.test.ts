import assert from 'node:assert/strict'
import { certificateNames } from '../../../src/provider/clients/certificate-names.ts'
import { readCertificate } from '../../../src/provider/clients/client-certificate.ts'

/**
 * CN=bank "x"é/emailAddress=a@b.c, with names of every kind: two for DNS (one a wildcard), two URIs (one with what looks
 * like another name), two addresses, a mailbox. Good until 2126; its key is gone.
 */
const pem = `-----BEGIN CERTIFICATE-----
MIICjjCCAjSgAwIBAgIUPAv1GFb25t4zJYPcc7zn2zbWu5AwCgYIKoZIzj0EAwIw
ZTELMAkGA1UEBhMCSVQxGDAWBgNVBAoMD0R1ZSwgUGFzc2kgKyBDbzEUMAgGA1UE
CwwBYTAIBgNVBGEMAWIxJjAkBgNVBAMMHWJhbmsgIngiw6kvZW1haWxBZGRyZXNz
PWFAYi5jMCAXDTI2MTEyMzA1MDg1OFoYDzIxMjYxMDMwMDUwODU4WjBlMQswCQYD
VQQGEwJJVDEYMBYGA1UECgwPRHVlLCBQYXNzaSArIENvMRQwCAYDVQQLDAFhMAgG
A1UEYQwBYjEmMCQGA1UEAwwdYmFuayAieCLDqS9lbWFpbEFkZHJlc3M9YUBiLmMw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARsCQhDc93nJVvm4SBFE+CItGuAl2MD
BVXxYkFfzz5ZyYNL2kzmxa5IqVzU9q2PSXYdKcXvi/sjYQf9J45sIjZjo4G/MIG8
MIGaBgNVHREEgZIwgY+CEGJhbmsuZXhhbXBsZS5vcmeCEioud2lsZC5leGFtcGxl
Lm9yZ4YeaHR0cHM6Ly9iYW5rLmV4YW1wbGUub3JnL2ElMkNihh11cm46eCx5LCBE
TlM6ZXZpbC5leGFtcGxlLm9yZ4cEwAACAYcQIAENuAAAAAAAAAAAAAAAAYEQYmFu
a0BleGFtcGxlLm9yZzAdBgNVHQ4EFgQUpJ1JbGN47E84hmQQLHeR9AS3ItAwCgYI
KoZIzj0EAwIDSAAwRQIhAOXZ4MixBA0gGv46c0LnOY7+QgvzgCzQBkfLhsuqqxpj
AiB45Fc3Cp3neIbPinMSk1chdRfEbEiXUpAfOphiWoDkUg==
-----END CERTIFICATE-----
`

describe('a client certificate', () => {
  const certificate = readCertificate(encodeURIComponent(pem))
  assert.ok(certificate)

  for (const [what, text] of Object.entries({
    'PEM, escaped': encodeURIComponent(pem),
    'PEM, with blanks for its lines': pem.trim().replaceAll('\n', ' '),
    'RFC 9440': `:${certificate.raw.toString('base64')}:`,
  }))
    it(`is read as ${what}`, () =>
      assert.equal(readCertificate(text)?.fingerprint256, certificate.fingerprint256))

  for (const [property, name, does] of [
    ['tls_client_auth_san_dns', 'bank.example.org', true],
    ['tls_client_auth_san_dns', 'BANK.example.org', true],
    ['tls_client_auth_san_dns', 'any.wild.example.org', false],
    ['tls_client_auth_san_dns', '.example.org', false],
    ['tls_client_auth_san_dns', 'example.org', false],
    ['tls_client_auth_san_dns', 'evil.example.org', false],
    ['tls_client_auth_san_dns', '', false],
    ['tls_client_auth_san_uri', 'https://bank.example.org/a%2Cb', true],
    ['tls_client_auth_san_uri', 'urn:x,y, DNS:evil.example.org', true],
    ['tls_client_auth_san_uri', 'https://bank.example.org/', false],
    ['tls_client_auth_san_ip', '192.0.2.1', true],
    ['tls_client_auth_san_ip', '2001:db8:0::1', true],
    ['tls_client_auth_san_ip', '192.0.2.2', false],
    ['tls_client_auth_san_email', 'bank@example.org', true],
    ['tls_client_auth_san_email', 'a@b.c', false],
    [
      'tls_client_auth_subject_dn',
      'CN=bank \\"x\\"é/emailAddress=a@b.c,2.5.4.97=b+OU=a,O=Due\\, Passi \\+ Co,C=IT',
      true,
    ],
    ['tls_client_auth_subject_dn', 'CN=bank,C=IT', false],
  ] as const)
    it(`${does ? 'carries' : 'does not carry'} ${property.slice(16)} ${name}`, () =>
      assert.equal(certificateNames.carries(certificate, property, name), does))
})
