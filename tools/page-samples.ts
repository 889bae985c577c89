/** Sample data of every page, for the pictures (preview-pages.ts) and for the browser test of the pages. */
import qrcode from 'qrcode'
import type { Page } from '../src/pages/pages.ts'
import type { Language, PageClient, PageError, ViewName, WebAuthnOptions } from '../src/pages/views.ts'
import { accountSamples } from './account-samples.ts'
import { codeSamples } from './code-samples.ts'
import { deviceSamples } from './device-samples.ts'
import { pushSamples } from './push-samples.ts'

export interface Sample {
  name: string
  page: Page<ViewName>
}

/** Makes a sample; `known` is false for a page without a relying party. */
export type MakeSample = <View extends ViewName>(
  name: string,
  view: View,
  locals: Page<View>['locals'],
  known?: boolean,
) => Sample

/** Logo of the relying party of the samples. */
export const sampleLogo =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" fill="#f2c14e"/><circle cx="24" cy="30" r="12" fill="#d1495b"/></svg>'

const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
const uri = `otpauth://totp/Duepassi:maria.rossi?secret=${secret}&issuer=Duepassi`
const codes = '7KQP-2M4X9-TRCH X3VN-J6YB4-FGAQ M8RT-C2HKW-7PD3 5BYF-V9QG6-ZKET R2WX-8DNHJ-5MC7'
  .concat(' G6TA-K3ZVB-9FE2 Q4HJ-Y7CM5-WDP8 N9EB-3XVRZ-6AFM T5PC-W8GY4-HJD6 A7ZK-F2QM9-VEB3')
  .split(' ')

const challenge = 'c2FtcGxlLWNoYWxsZW5nZS1vZi0zMi1ieXRlcy1sb25n'

/** Of a passkey that the samples know: 16 zero bytes. */
export const knownId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** What a passkey sign-in asks for: any passkey of this site. Without `rpId` it is the page's own host. */
export const passkeyOptions: WebAuthnOptions = {
  challenge,
  userVerification: 'required',
  timeout: 3000,
}

export const creationOptions: WebAuthnOptions = {
  challenge,
  rp: { name: 'Duepassi' },
  user: { id: 'bWFyaWE', name: 'maria.rossi', displayName: 'Maria Rossi' },
  pubKeyCredParams: [
    { type: 'public-key', alg: -7 },
    { type: 'public-key', alg: -257 },
  ],
  authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
  timeout: 3000,
}

/**
 * Every view, and the states of it that look different.
 *
 * @param client with a logo that the samples can load; one page shows a relying party without any.
 */
export async function pageSamples(language: Language, client: PageClient): Promise<Sample[]> {
  const qrSvg = await qrcode.toString(uri, { type: 'svg', margin: 0 })
  const accountName = 'maria.rossi'
  const iphone = { id: 'c1', factor: 'totp', label: 'iPhone di Maria' }
  const totp = { name: 'totp', authenticators: ['iPhone'] } as const
  const several = { name: 'totp', authenticators: ['iPhone di Maria', 'Tablet', 'Old Nexus'] } as const
  const draft = { name: 'totp', uri, secret, qrSvg } as const
  const clock: PageError = { key: 'error.code.clock', values: { seconds: 70, direction: 'behind' } }
  const wait: PageError = { key: 'error.code.wait', values: { seconds: 30 } }
  const key = {
    name: 'webauthn',
    options: {
      ...passkeyOptions,
      allowCredentials: [{ id: knownId, type: 'public-key', transports: ['internal', 'hybrid'] }],
    },
  } as const
  const device = { issuer: 'https://id.example', uid: 'sample-interaction' }
  const sample: MakeSample = (name, view, locals, known = true) => ({
    name,
    page: { view, language, locals, ...(known ? { client } : {}) } as Page<ViewName>,
  })
  return [
    sample('login', 'interaction/login', {}),
    sample('login-wrong', 'interaction/login', { username: 'maria', error: { key: 'error.login.wrong' } }),
    sample('login-wait', 'interaction/login', {
      username: 'maria',
      error: { key: 'error.login.wait', values: { seconds: 90 } },
    }),
    sample('login-passkey', 'interaction/login', {
      passkey: { options: passkeyOptions, question: 'sealed.question' },
    }),
    sample('login-passkey-unknown', 'interaction/login', {
      passkey: { options: passkeyOptions, question: 'sealed.question' },
      unknownPasskey: { rpId: 'localhost', credentialId: knownId },
      error: { key: 'error.passkey.unknown' },
    }),
    sample('login-device', 'interaction/login', { device }),
    sample('totp-trust', 'interaction/second-factor', {
      factor: totp,
      others: ['recovery-code'],
      accountName,
      trust: { days: 30 },
    }),
    sample('totp-trust-key', 'interaction/second-factor', {
      factor: several,
      others: [],
      error: { key: 'error.code.wrong' },
      trust: { days: 1, key: { ...device, tag: 'maria' } },
    }),
    sample('webauthn-trust', 'interaction/second-factor', {
      factor: key,
      others: ['totp'],
      accountName,
      trust: { days: 30 },
    }),
    sample('webauthn-trust-key', 'interaction/second-factor', {
      factor: key,
      others: ['totp'],
      accountName,
      trust: { days: 30, key: { ...device, tag: 'maria' } },
    }),
    sample('totp', 'interaction/second-factor', { factor: totp, others: ['recovery-code'], accountName }),
    sample('totp-several', 'interaction/second-factor', { factor: several, others: [], accountName }),
    sample('totp-clock', 'interaction/second-factor', {
      factor: totp,
      others: ['recovery-code'],
      error: clock,
    }),
    sample('totp-wait', 'interaction/second-factor', { factor: totp, others: [], accountName, error: wait }),
    sample('totp-wait-note', 'interaction/second-factor', { factor: totp, others: [], waitSeconds: 3600 }),
    sample('one-second', 'interaction/second-factor', { factor: totp, others: [], waitSeconds: 1 }),
    sample('recovery', 'interaction/second-factor', { factor: { name: 'recovery-code' }, others: ['totp'] }),
    sample('recovery-used', 'interaction/second-factor', {
      factor: { name: 'recovery-code' },
      others: ['totp'],
      error: { key: 'error.recovery.used' },
    }),
    sample('webauthn', 'interaction/second-factor', {
      factor: key,
      others: ['totp', 'recovery-code'],
      accountName,
    }),
    sample('webauthn-alone', 'interaction/second-factor', {
      factor: {
        ...key,
        options: {
          ...key.options,
          allowCredentials: [{ id: knownId, type: 'public-key', transports: ['usb'] }],
        },
      },
      others: [],
      accountName,
    }),
    sample('webauthn-unverified', 'interaction/second-factor', {
      factor: key,
      others: ['totp'],
      accountName,
      error: { key: 'error.webauthn.unverified' },
    }),
    sample('webauthn-wait', 'interaction/second-factor', {
      factor: key,
      others: ['totp'],
      accountName,
      error: { key: 'error.webauthn.wait', values: { seconds: 30 } },
    }),
    ...codeSamples(sample),
    ...(await pushSamples(sample)),
    sample('choose', 'interaction/choose', { factors: ['webauthn', 'totp'], reason: 'first', accountName }),
    sample('choose-demanded', 'interaction/choose', {
      factors: ['webauthn'],
      reason: 'demanded',
      accountName,
    }),
    sample('choose-again', 'interaction/choose', { factors: ['webauthn', 'totp'], reason: 'again' }),
    sample('webauthn-enrol', 'interaction/enrol', {
      factor: { name: 'webauthn', options: creationOptions },
      accountName,
      otherWays: true,
    }),
    sample('webauthn-enrol-only', 'interaction/enrol', {
      factor: { name: 'webauthn', options: creationOptions, label: 'Chiave blu' },
      accountName,
      otherWays: false,
      error: { key: 'error.webauthn.untrusted' },
    }),
    sample('enrol', 'interaction/enrol', { factor: draft, accountName, otherWays: true }),
    sample('enrol-wrong', 'interaction/enrol', {
      otherWays: false,
      factor: { ...draft, label: 'iPhone di Maria' },
      error: { key: 'error.code.wrong' },
    }),
    sample('recovery-codes', 'interaction/recovery-codes', { codes, accountName }),
    sample('recovered', 'interaction/recovered', { left: 9, authenticators: [iphone] }),
    sample('recovered-several', 'interaction/recovered', {
      left: 1,
      authenticators: [
        iphone,
        { id: 'c2', factor: 'webauthn', label: '' },
        { id: 'c3', factor: 'push', label: 'Telefono' },
      ],
    }),
    sample('recovered-last', 'interaction/recovered', { left: 0, authenticators: [] }),
    sample('locked', 'interaction/locked', {}),
    sample('turned-away', 'interaction/turned-away', {}),
    sample('new-password', 'interaction/new-password', {
      accountName,
      because: 'reported',
      least: 8,
      most: 128,
    }),
    sample('new-password-same', 'interaction/new-password', {
      accountName,
      because: 'administrator',
      least: 8,
      most: 128,
      error: { key: 'error.password.same' },
    }),
    sample('consent', 'interaction/consent', {
      scopes: ['openid', 'profile', 'email', 'offline_access', 'orders:read'],
      accountName,
    }),
    sample('expired', 'interaction/expired', { reason: 'expired', restartUrl: '/auth?client_id=shop' }),
    sample('done', 'interaction/expired', { reason: 'done' }),
    sample('expired-nowhere', 'interaction/expired', { reason: 'expired' }, false),
    sample('logout', 'interaction/logout', {
      form: '<form id="op.logoutForm" method="post" action="/session/end/confirm"><input type="hidden" name="xsrf" value="x"/></form>',
    }),
    sample('signed-out', 'interaction/signed-out', {}),
    sample('signing-out', 'interaction/signing-out', { frames: [], next: '#', seconds: 3 }),
    sample(
      'error',
      'interaction/error',
      {
        error: { key: 'error.request' },
        requestId: '7Hq2kLx9',
        technical: { code: 'invalid_client', description: 'client is invalid' },
      },
      false,
    ),
    sample('error-store', 'interaction/error', {
      error: { key: 'error.store' },
      restartUrl: '/auth?client_id=shop',
    }),
    sample('busy', 'interaction/busy', { seconds: 5 }),
    ...deviceSamples(sample),
    ...accountSamples(sample, codes),
  ]
}
