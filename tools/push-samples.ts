import qrcode from 'qrcode'
import type { FactorDraft, FactorQuestion, Method, Views } from '../src/pages/views.ts'
import type { MakeSample, Sample } from './page-samples.ts'

const accountName = 'maria.rossi'
/** As long as the narrowest screen has to take. */
const uri = `https://accesso.amministrazione-centrale.example/idp/authenticator/#e=${'k7Qp2m9Xrt'.repeat(5).slice(0, 43)}`
const watch = 'a-state-of-the-sign-in'

type Question = Extract<FactorQuestion, { name: 'push' }>
type Asked = Partial<Views['interaction/second-factor']>

/** The pages of approving on a phone, in each of their states. */
export async function pushSamples(sample: MakeSample): Promise<Sample[]> {
  const qrSvg = await qrcode.toString(uri, { type: 'svg', margin: 0 })
  // Far enough ahead that no timer ends while somebody looks.
  const expiresAt = Date.now() + 300_000
  const asking = (name: string, factor: Partial<Question>, more: Asked = {}): Sample =>
    sample(name, 'interaction/second-factor', {
      factor: {
        name: 'push',
        state: 'pending',
        devices: ['iPhone di Maria'],
        resendIn: 0,
        ...(factor.state === undefined && { number: '427', secondsLeft: 58, watch }),
        seen: false,
        reached: null,
        ...factor,
      },
      others: ['totp', 'recovery-code'],
      accountName,
      ...more,
    })
  const enrolling = (
    name: string,
    factor: FactorDraft & { name: 'push' },
    more: Partial<Views['interaction/enrol']> = {},
  ) =>
    sample(name, 'interaction/enrol', {
      factor: { ...factor, watch },
      accountName,
      otherWays: true,
      ...more,
    })
  const method: Method = {
    id: 'push',
    factor: 'push',
    label: 'iPhone di Maria',
    createdAt: Date.UTC(2026, 2, 3, 9, 30),
    lastUsedAt: null,
    removable: true,
  }
  const scan = { name: 'push', step: 'scan', uri, qrSvg, code: 'K7QP-2M9X-RT', expiresAt } as const
  return [
    asking('push', { resendIn: 14, byCode: { open: false, url: '?typing=on' } }, { trust: { days: 30 } }),
    asking('push-six-digits', {
      number: '427190',
      devices: ['iPhone di Maria', 'Pixel 9 Pro, ufficio di via Garibaldi', ''],
      seen: true,
    }),
    asking('push-untold', { number: '07', devices: [''], reached: 0 }, { others: [] }),
    asking('push-typing', { byCode: { open: true, url: '?typing=on' } }),
    asking('push-code-wrong', {}, { error: { key: 'error.push.wrong' }, waitSeconds: 30 }),
    asking('push-here', {
      here: { id: 'a', nonce: 'b', shown: '{}', issuer: 'https://id.example', tag: 'maria' },
      resendIn: 15,
    }),
    asking('push-unsent', { state: 'unsent' }),
    asking(
      'push-pause',
      { state: 'unsent' },
      { error: { key: 'error.push.pause', values: { seconds: 80 } }, others: ['totp'] },
    ),
    asking('push-expired', { state: 'expired' }, { trust: { days: 30 } }),
    asking('push-denied', { state: 'denied', resendIn: 9 }),
    asking('push-wrong', { state: 'wrong' }),
    asking('push-superseded', { state: 'superseded' }),
    sample('push-no-more', 'interaction/second-factor', {
      factor: { name: 'push', state: 'expired', devices: ['iPhone'] },
      others: ['totp'],
    }),
    enrolling('push-enrol', scan),
    enrolling('push-enrol-over', { ...scan, expiresAt: 0 }, { otherWays: false }),
    enrolling('push-enrol-number', { name: 'push', step: 'confirm', label: 'iPhone' }),
    enrolling(
      'push-enrol-number-wrong',
      { name: 'push', step: 'confirm', label: 'iPhone di Maria' },
      { error: { key: 'error.push.wrong' }, onAccount: true },
    ),
    enrolling('push-enrol-test', { name: 'push', step: 'test', number: '427', expiresAt }),
    enrolling('push-enrol-test-over', { name: 'push', step: 'test', number: '', expiresAt: 0 }),
    sample('reported', 'interaction/reported', {}),
    sample('reported-nowhere', 'interaction/reported', {}, false),
    sample('choose-push', 'interaction/choose', {
      factors: ['webauthn', 'push', 'totp'],
      reason: 'first',
      accountName,
    }),
    sample(
      'account-push',
      'account/home',
      {
        base: '/account',
        person: { name: 'Maria Rossi', username: 'maria.rossi' },
        state: 'on',
        methods: [method, { ...method, id: 'other', label: '' }],
        recoveryCodes: null,
        addable: ['webauthn', 'push', 'totp'],
        devices: [],
        sessions: [],
      },
      false,
    ),
    sample('account-remove-push', 'account/remove', { base: '/account', method }, false),
  ]
}
