import { ScureBase32Plugin } from 'otplib'
import type { Factor } from '../factor.ts'
import { readCode } from './code.ts'
import { keyUri } from './key-uri.ts'
import { verifyTotp } from './verify.ts'

const base32 = new ScureBase32Plugin()

/** Codes of authenticator apps (RFC 6238). `window`: steps of 30 s accepted on either side of now, 0 is strict. */
export const totp = ({ window = 1 }: { window?: 0 | 1 } = {}): Factor => ({
  name: 'totp',
  selfEnrolled: true,
  accepts: (answer) => readCode(answer) !== undefined,
  async begin(credentials) {
    return { authenticators: credentials.map(({ label }) => label) }
  },
  async verify(answer, _question, credentials, { now }) {
    return verifyTotp(answer, credentials, now, window)
  },
  enrolment: {
    async begin(_own, { random, issuerName, accountName }) {
      const secret = base32.encode(random(20))
      const uri = keyUri({ secret, issuerName, accountName })
      const { default: QRCode } = await import('qrcode')
      const qr = await QRCode.toString(uri, { type: 'svg', margin: 1, errorCorrectionLevel: 'M' })
      return { secret, shown: { uri, qrSvg: qr, secret: secret.replace(/.{4}(?=.)/g, '$& ') } }
    },
    async finish(answer, draft, { now }) {
      const credential = {
        id: 'draft',
        accountId: '',
        factor: 'totp',
        label: '',
        handle: null,
        secret: draft.secret,
        counter: 0,
        createdAt: now,
        lastUsedAt: null,
      }
      const verdict = verifyTotp(answer, [credential], now, window)
      if (verdict.verified)
        return {
          confirmed: true,
          secret: draft.secret,
          counter: verdict.spend.next,
          handle: null,
          amr: verdict.amr,
          used: true,
        }
      const { reason, clockOffset } = verdict
      return { confirmed: false, reason, ...(clockOffset !== undefined && { clockOffset }) }
    },
  },
})
