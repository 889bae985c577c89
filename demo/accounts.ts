import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '../src/clock.ts'
import type { Duepassi } from '../src/compose.ts'

/** The one account of the demo: without any factor, as on a person's first day. */
export const person = {
  username: 'maria',
  password: 'due passi avanti',
  name: 'Maria Rossi',
  email: 'maria@example.org',
}

export const prepareAccount = async ({ directory, hasher }: Duepassi, clock: Clock): Promise<void> => {
  if (await directory.accountByName(person.username)) return
  const { username, name, email, password } = person
  await directory.addAccount({
    id: randomUUID(),
    username,
    name,
    email,
    passwordHash: await hasher.hash(password),
    passwordDue: null,
    locale: null,
    claims: {},
    groups: [],
    minimum: null,
    disabledAt: null,
    createdAt: clock.now(),
  })
}

/** Registers the relying party at the address it has today, with the secret it got the first time. */
export const prepareClient = async ({ directory }: Duepassi, url: string): Promise<string> => {
  const known = await directory.clientById('demo')
  const secret =
    typeof known?.client_secret === 'string' ? known.client_secret : randomBytes(32).toString('base64url')
  if (known) await directory.removeClient('demo')
  await directory.addClient({
    client_id: 'demo',
    client_secret: secret,
    client_name: 'Demo application',
    client_uri: url,
    logo_uri: `${url}/logo.svg`,
    redirect_uris: [`${url}/callback`],
    post_logout_redirect_uris: [`${url}/`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  })
  return secret
}
