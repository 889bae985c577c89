const entryForm = /^(?<any>\*\.)?(?<name>[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:(?<port>[1-9]\d{0,4}))?$/

/**
 * Which hosts are meant: `push.example`, or `*.push.example` for all that is below it, but not itself; on port 443, or on
 * the one that is named (`push.example:8443`).
 *
 * @throws Error for an entry that is no such name, or that would mean a whole top-level domain
 */
export function hostList(entries: readonly string[]): (url: URL) => boolean {
  const rules = entries.map((entry) => {
    const { any, name = '', port = '443' } = entryForm.exec(entry)?.groups ?? {}
    if (name === '' || (any && !name.includes('.')))
      throw new Error(`${entry} is not a host that can be listed`)
    return { below: any !== undefined, name, port }
  })
  return ({ hostname, port, protocol }) => {
    const asked = port || (protocol === 'https:' ? '443' : '80')
    return rules.some(
      ({ below, name, port }) =>
        port === asked && (below ? hostname.endsWith(`.${name}`) : hostname === name),
    )
  }
}
