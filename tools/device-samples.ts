import type { MakeSample, Sample } from './page-samples.ts'

const form = { action: '/device', xsrf: 'sample' }
const accountName = 'maria.rossi'
const code = 'WDJB-MJHT'
const nowhere = { browser: null, system: null, city: null, country: null, isFar: false, isNear: false }

/** The pages of devices without a keyboard, and of what an application asks for in detail. */
export function deviceSamples(sample: MakeSample): Sample[] {
  return [
    sample('device-code', 'interaction/device-code', form, false),
    sample('device-code-filled', 'interaction/device-code', { ...form, code }, false),
    sample(
      'device-code-wrong',
      'interaction/device-code',
      { ...form, code: 'ABCD-EFGH', error: { key: 'error.device.wrong' } },
      false,
    ),
    sample(
      'device-code-wait',
      'interaction/device-code',
      { ...form, code, error: { key: 'error.device.wait', values: { seconds: 420 } }, waitSeconds: 420 },
      false,
    ),
    sample('device-confirm', 'interaction/device-confirm', {
      ...form,
      userCode: code,
      code,
      accountName,
      device: {
        browser: 'Chrome',
        system: 'Linux',
        city: 'Rome',
        country: 'IT',
        isFar: false,
        isNear: true,
      },
    }),
    sample('device-confirm-unknown', 'interaction/device-confirm', {
      ...form,
      userCode: code,
      code,
      device: nowhere,
    }),
    sample('device-confirm-far', 'interaction/device-confirm', {
      ...form,
      userCode: code,
      code,
      accountName,
      device: { ...nowhere, country: 'BR', isFar: true },
    }),
    sample('device-done', 'interaction/device-done', {}),
    sample('device-refused', 'interaction/device-over', { reason: 'refused', action: '/device' }),
    sample('device-expired', 'interaction/device-over', { reason: 'expired', action: '/device' }),
    sample('device-used', 'interaction/device-over', { reason: 'used', action: '/device' }),
    sample('device-stale', 'interaction/device-over', { reason: 'stale', action: '/device' }, false),
    sample('consent-details', 'interaction/consent', {
      scopes: ['profile'],
      accountName,
      details: [
        {
          title: 'Pay once',
          lines: [
            {
              name: 'amount',
              lines: [
                { name: 'value', value: '120.00' },
                { name: 'currency', value: 'EUR' },
              ],
            },
            { name: 'creditor', value: 'Bottega Aurora' },
            { name: 'iban', value: 'IT60X0542811101000000123456' },
            { name: 'recurring', value: false },
            { name: 'reference', value: null },
          ],
        },
      ],
    }),
  ]
}
