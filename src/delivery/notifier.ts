import type { Clock } from '../clock.ts'
import type { Directory } from '../directory/directory.ts'
import type { MailDelivery } from './delivery.ts'
import { composeNotice, type Notice } from './notices.ts'

interface NotifierParts {
  directory: Pick<Directory, 'accountById'>
  /** Absent: nobody is told by mail. */
  mail: MailDelivery | undefined
  clock: Clock
  brand: { name: string }
  /** Of the provider, whose security page the mails name. */
  issuer: string
}

/** Tells the person behind an account what happened to it, in their language, at the address of the account. */
export const createNotifier =
  ({ directory, mail, clock, brand, issuer }: NotifierParts) =>
  async (notice: Notice & { accountId: string }): Promise<void> => {
    const account = mail && (await directory.accountById(notice.accountId))
    if (!account || account.email === null) return
    const language = account.locale?.toLowerCase().startsWith('it') ? 'it' : 'en'
    const { subject, text } = composeNotice(notice, {
      language,
      brand: brand.name,
      name: account.name,
      account: account.username,
      at: clock.now(),
      securityPage: `${issuer}/account`,
    })
    await mail.send({ to: { name: account.name, address: account.email }, subject, text })
  }
