import type { Config } from '../config/schema.ts'
import { mailAddress, maskMailAddress, smsAddress } from '../delivery/code-addresses.ts'
import { composeCodeMail, composeCodeText } from '../delivery/code-message.ts'
import type { MailDelivery, TextDelivery } from '../delivery/delivery.ts'
import { maskNumber } from '../delivery/phone-number.ts'
import type { Directory } from '../directory/directory.ts'
import { DuepassiError } from '../errors.ts'
import type { CodeMessage, Factor } from '../factors/factor.ts'
import { messageCode } from '../factors/message-code/message-code.ts'

interface Parts {
  config: Config
  directory: Pick<Directory, 'accountById'>
  texts: TextDelivery | undefined
  mail: MailDelivery | undefined
}

/** Codes by text message and by mail, as far as there is a way to send them: in the person's language, and never a link. */
export const messageFactors = ({ config, directory, texts, mail }: Parts): Factor[] => {
  const { sms, messages, issuer, brand } = config
  const seconds = { enrolmentSeconds: messages.enrolment }

  const wordsFor = async (accountId: string, { code, seconds: life }: CodeMessage) => {
    const account = await directory.accountById(accountId)
    if (!account) throw new DuepassiError('account_unknown', 'there is no account with this id')
    const language = account.locale?.toLowerCase().startsWith('it') ? ('it' as const) : ('en' as const)
    return { language, brand: brand.name, code, minutes: Math.floor(life / 60), name: account.name }
  }

  const bySms = (delivery: TextDelivery): Factor =>
    messageCode({
      channel: 'sms',
      readAddress: smsAddress({ country: sms.country, allowed: sms.countries }),
      mask: maskNumber,
      async send(accountId, message) {
        const words = await wordsFor(accountId, message)
        const text = composeCodeText({ ...words, host: new URL(issuer).hostname })
        await delivery.send({ id: message.id, to: message.to, text })
      },
      ...(sms.retire && { retiredBy: ['push', 'totp', 'hardware-token'] as const }),
      ...seconds,
    })

  const byMail = (delivery: MailDelivery): Factor =>
    messageCode({
      channel: 'email',
      readAddress: mailAddress(),
      mask: maskMailAddress,
      async send(accountId, message) {
        const words = await wordsFor(accountId, message)
        await delivery.send({ to: { name: words.name, address: message.to }, ...composeCodeMail(words) })
      },
      ...seconds,
    })

  return [...(texts ? [bySms(texts)] : []), ...(mail && config.mail.codes ? [byMail(mail)] : [])]
}
