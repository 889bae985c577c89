import { generateURI } from 'otplib'

/**
 * The `otpauth://` URI that authenticator apps read (Key URI format). Algorithm, digits and period are left at their
 * defaults and so out of the URI: many apps ignore them, silently.
 */
export const keyUri = ({
  secret,
  issuerName,
  accountName,
}: {
  secret: string
  issuerName: string
  accountName: string
}): string =>
  // A colon separates issuer and account in the label, so neither may contain one.
  generateURI({ secret, issuer: issuerName.replaceAll(':', ' '), label: accountName.replaceAll(':', ' ') })
