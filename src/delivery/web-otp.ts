/** One name in ASCII, as `URL.hostname` gives it. */
const hostName = /^(?=.{1,253}$)[a-z0-9-]+(\.[a-z0-9-]+)*$/

/**
 * The last line of a text message with a code, by which browsers and phones fill it in, and on the pages of this host
 * alone: `@idp.example #123456`, https://wicg.github.io/sms-one-time-codes/ (origin-bound one-time codes). It must be
 * the last line, with nothing after it.
 *
 * @param host name of the host alone, as `new URL(issuer).hostname` gives it: the format has no port
 * @throws Error when host or code would make another line of it
 */
export function lastLine(host: string, code: string): string {
  if (!hostName.test(host)) throw new Error('this is not the name of a host')
  if (!/^[A-Za-z0-9]+$/.test(code)) throw new Error('this is not a code')
  return `@${host} #${code}`
}
