import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { type Key, rootKey, settableKeys, variableOf } from '../src/config/key.ts'

/**
 * Writes what people read about the configuration from the schema: the table in docs/configuration.md between its two marks, and
 * config/duepassi.example.yaml. `--check` only compares, for `npm run check`.
 */
const begin = '<!-- config:begin -->'
const end = '<!-- config:end -->'

/** Shown where there is no default, or another one is better for production. */
const examples: Record<string, unknown> = {
  issuer: 'https://id.example.org',
  proxy: true,
  'redis.url': 'redis://localhost:6379',
  'redis.sentinels': [{ host: 'sentinel.example.org', port: 26379 }],
  'redis.master': 'mymaster',
  'redis.cluster': [{ host: 'node.example.org', port: 6379 }],
  'redis.username': 'duepassi',
  'redis.password': 'secret',
  'keys.signing': [{ kty: 'EC', kid: '…', crv: 'P-256', x: '…', y: '…', d: '…' }],
  'keys.cookies': ['…'],
  'keys.algorithms': ['ES256', 'RS256'],
  'keys.signers': [
    {
      kind: 'http',
      kid: '…',
      alg: 'ES256',
      publicKey: { kty: 'EC', crv: 'P-256', x: '…', y: '…' },
      url: 'https://kms.example.org/sign',
      secret: 'sixteen characters at least',
    },
  ],
  'keys.sealing': [{ id: '…', key: '…' }],
  'keys.pairwise': '…',
  'protocol.mtls.certificateHeader': 'Client-Cert',
  'protocol.mtls.verifiedHeader': 'Client-Cert-Verify',
  'protocol.mtls.origin': 'https://mtls.example.org',
  'keys.push': { kty: 'EC', crv: 'P-256', x: '…', y: '…', d: '…' },
  'webauthn.rpId': 'example.org',
  'webauthn.authenticators': ['fa2b99dc-9e39-4257-8f92-4a30d23c4118'],
  'webauthn.metadata': '/etc/duepassi/fido-mds.jwt',
  'webauthn.metadataRoot': '/etc/duepassi/fido-mds-root.pem',
  'places.file': '/usr/share/GeoIP/GeoLite2-City.mmdb',
  'sms.webhook.url': 'https://sms.example.org/send',
  'sms.webhook.secret': 'sixteen characters at least',
  'sms.smpp.url': 'smpp://user:password@smsc.example.org:2775',
  'sms.smpp.from': 'Example',
  'mail.url': 'smtp://user:password@mail.example.org:587',
  'mail.from': 'id@example.org',
  'push.contact': 'mailto:id@example.org',
  'push.fcm.account': 'firebase.json',
  'push.apns.key': 'AuthKey.p8',
  'push.apns.keyId': 'ABC123DEFG',
  'push.apns.teamId': 'DEF123GHIJ',
  'push.apns.topic': 'org.example.app',
  'push.ntfy.url': 'https://ntfy.example.org',
  'push.ntfy.token': 'tk_example',
  'push.webhook.url': 'https://push.example.org/send',
  'push.webhook.secret': 'sixteen characters at least',
}

const wrap = (text: string, width: number): string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

const isShown = (key: Key): boolean =>
  key.kind === 'section'
    ? key.required || (key.default !== undefined && key.children.some(isShown))
    : key.required || key.default !== undefined

/** What the schema says of no single key. */
const notes: Record<string, string> = {
  redis:
    'The short-lived store, for more than one process: one of `url`, `sentinels` with `master`, `cluster`.',
  keys: 'What `duepassi keys generate` prints goes here, or into a file that DUEPASSI_KEYS_FILE names.',
}

const yamlOf = (key: Key, depth: number, used = true): string[] => {
  const indent = '  '.repeat(depth)
  const text = key.description || notes[key.path.join('.')] || ''
  const comment = text ? wrap(text, 98 - indent.length).map((line) => `${indent}# ${line}`) : []
  if (key.kind === 'section') {
    const shown = used && isShown(key)
    const lines = [
      `${indent}${key.name}:`,
      ...key.children.flatMap((child) => yamlOf(child, depth + 1, shown)),
    ]
    return [
      ...(depth === 0 ? [''] : []),
      ...comment,
      ...(shown || !used ? lines : lines.map((line) => `# ${line}`)),
    ]
  }
  const value = JSON.stringify(examples[key.path.join('.')] ?? key.default)
  const mark = used && !isShown(key) ? '# ' : ''
  return [...(depth === 0 ? [''] : []), ...comment, `${indent}${mark}${key.name}: ${plainYaml(value)}`]
}

/** Without quotes where YAML needs none. */
const plainYaml = (json: string): string =>
  stringify(JSON.parse(json), { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()

export const exampleFile = (): string =>
  `${[
    '# The configuration of Duepassi: every key with its default. Copy it to config/duepassi.yaml.',
    '# Generated from src/config/schema.ts by tools/config-reference.ts; edit there.',
    '#',
    '# Any key can come from the environment instead, which wins: `policy.secondFactor` is',
    '# DUEPASSI_POLICY__SECOND_FACTOR, lists and sections are written as JSON. With _FILE at the end the',
    '# variable names a file that holds the value, such as a Docker secret.',
    '# `duepassi config check` says what is wrong; `duepassi keys generate` prints the `keys` section.',
    ...rootKey.children.flatMap((key) => yamlOf(key, 0)),
  ].join('\n')}\n`

const fallbackOf = (key: Key): string => {
  if (key.required) return '*required*'
  if (key.default === undefined || key.default === '') return ''
  return `\`${JSON.stringify(key.default).replaceAll('"', '')}\``
}

const row = (key: Key): string => {
  const cells = [`\`${key.path.join('.')}\``, `\`${variableOf(key.path)}\``, fallbackOf(key), key.description]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

export const referenceTable = (): string =>
  [
    '| Key | Variable | Default | |',
    '| --- | --- | --- | --- |',
    ...settableKeys()
      .filter((key) => key.kind !== 'section')
      .map(row),
  ].join('\n')

/** The page with a fresh table, or undefined when it lacks the marks. */
export const withTable = (page: string): string | undefined => {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) return undefined
  return `${page.slice(0, from + begin.length)}\n${referenceTable()}\n${page.slice(to)}`
}

const root = new URL('../', import.meta.url)
const read = (name: string): string =>
  existsSync(new URL(name, root)) ? readFileSync(new URL(name, root), 'utf8') : ''

const run = (mode: string | undefined): number => {
  if (mode !== '--check' && mode !== '--write') {
    console.error('Usage: node tools/config-reference.ts --check | --write')
    return 1
  }
  const wanted: Record<string, string | undefined> = {
    'docs/configuration.md': withTable(read('docs/configuration.md')),
    'config/duepassi.example.yaml': exampleFile(),
  }
  let status = 0
  for (const [name, text] of Object.entries(wanted)) {
    if (text === undefined) {
      console.error(`${name} lacks the marks ${begin} and ${end}.`)
      status = 1
    } else if (text !== read(name) && mode === '--write') {
      writeFileSync(new URL(name, root), text)
      console.log(`${name} is written.`)
    } else if (text !== read(name)) {
      console.error(`${name} is stale: run \`node tools/config-reference.ts --write\`.`)
      status = 1
    }
  }
  return status
}

if (import.meta.main) process.exitCode = run(process.argv[2])
