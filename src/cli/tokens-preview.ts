import { basename } from 'node:path'
import type { Account } from '../directory/directory.ts'
import { describeFault } from '../tokens/fault.ts'
import { isDistinguishedName, nameOfOwner } from '../tokens/owner.ts'
import type { TokenFault, TokenFile } from '../tokens/token.ts'
import { printable } from './account-show.ts'

const formats: Record<TokenFile['format'], string> = {
  pskc: 'PSKC (RFC 6030)',
  'csv-generic': 'CSV',
  'csv-two-columns': 'CSV of serial numbers and keys',
  'csv-entra': 'CSV as for Microsoft Entra',
  'csv-yubico': 'CSV of Yubico',
  'csv-yubico-traditional': 'CSV of Yubico (traditional)',
}

const protections: Record<TokenFile['protection'], string> = {
  plain: 'the keys in the clear',
  password: 'the keys encrypted with a password',
  'pre-shared-key': 'the keys encrypted with a pre-shared key',
}

export const kinds = { hotp: 'HOTP', totp: 'TOTP', yubico: 'Yubico OTP' } as const

export const counted = (count: number, what: string): string => `${count} ${count === 1 ? what : `${what}s`}`

/** What a file holds, and what nobody vouches for. */
export const describeFile = (
  file: string,
  { format, protection, signed, rows, faults }: TokenFile,
): string[] => {
  const byKind = Object.entries(kinds).flatMap(([kind, word]) => {
    const count = rows.filter(({ token }) => token.kind === kind).length
    return count > 0 ? [`${count} ${word}`] : []
  })
  const owned = rows.filter(({ token }) => token.owner !== null).length
  const faulty = new Set(faults.map(({ ordinal }) => ordinal)).size
  return [
    `${printable(basename(file))}: ${formats[format]}, ${protections[protection]}.`,
    [
      `${counted(rows.length, 'token')}${byKind.length > 0 ? `: ${byKind.join(', ')}` : ''}.`,
      `${owned === 0 ? 'None' : owned} with an owner.`,
      ...(faulty > 0 ? [`${counted(faulty, 'row')} cannot be used.`] : []),
    ].join(' '),
    protection === 'plain'
      ? 'Nothing in the file is protected: whoever has seen it knows the keys. Delete it once it is imported.'
      : 'The MAC protects the keys alone: serial numbers, counters and owners could have been changed.',
    ...(signed ? ['The file carries a signature, which was not checked.'] : []),
  ]
}

/** Whom the distinguished names of a file were taken for, by one example. */
export const describeOwners = ({ rows }: TokenFile, accounts: ReadonlyMap<string, Account>): string[] => {
  for (const { token } of rows) {
    const owner = token.owner ?? ''
    const account = accounts.get(nameOfOwner(owner) ?? '')
    if (account && isDistinguishedName(owner))
      return [`Distinguished names are read by UID, or CN: ${printable(owner)} is ${account.username}.`]
  }
  return []
}

/** Everything but the keys. */
export const fileAsJson = (
  { format, protection, signed, rows }: TokenFile,
  faults: readonly TokenFault[],
  accounts: ReadonlyMap<string, Account>,
) => ({
  format,
  protection,
  signed,
  signatureChecked: false,
  tokens: rows.map(({ line, token: { serial, kind, manufacturer, model, owner } }) => ({
    line,
    serial,
    kind,
    manufacturer,
    model,
    owner,
    account: (owner === null ? undefined : accounts.get(nameOfOwner(owner) ?? '')?.username) ?? null,
  })),
  faults: faults.map((fault) => ({
    line: fault.line,
    serial: fault.serial,
    reason: fault.reason,
    text: describeFault(fault),
  })),
})
