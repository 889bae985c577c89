import { randomBytes, randomUUID } from 'node:crypto'
import type { Duepassi } from '../../src/compose.ts'
import { systemRandom } from '../../src/crypto/random.ts'
import type { Account, Directory } from '../../src/directory/directory.ts'
import { codeOf } from '../../src/factors/hardware-token/code.ts'
import { type HotpToken, writeToken } from '../../src/factors/hardware-token/credential.ts'

import { recoveryCodes } from '../../src/factors/recovery-code/recovery-code.ts'

/** Somebody in the suite: an account with every standard claim, and a hardware token in hand. */
export interface Person {
  account: Account
  password: string
  /** Presses the token's button: its next code. */
  press(): Promise<string>
}

const named = [
  { username: 'maria', given_name: 'Maria', family_name: 'Rossi', gender: 'female', phone: '+390612345678' },
  { username: 'paolo', given_name: 'Paolo', family_name: 'Verdi', gender: 'male', phone: '+390287654321' },
] as const

const password = 'due passi avanti'

const accountOf = async (
  { username, phone, ...name }: (typeof named)[number],
  hash: Duepassi['hasher']['hash'],
): Promise<Account> => ({
  id: randomUUID(),
  username,
  email: `${username}@example.org`,
  name: `${name.given_name} ${name.family_name}`,
  passwordHash: await hash(password),
  passwordDue: null,
  locale: 'it-IT',
  claims: {
    ...name,
    middle_name: 'Luce',
    nickname: username,
    profile: `https://people.example.org/${username}`,
    picture: `https://people.example.org/${username}.png`,
    website: `https://${username}.example.org/`,
    birthdate: '1985-03-08',
    zoneinfo: 'Europe/Rome',
    phone_number: phone,
    phone_number_verified: true,
    address: {
      formatted: 'Via Roma 1\n47121 Forlì FC\nItalia',
      street_address: 'Via Roma 1',
      locality: 'Forlì',
      region: 'FC',
      postal_code: '47121',
      country: 'IT',
    },
    updated_at: Math.floor(Date.now() / 1000),
  },
  groups: [],
  minimum: null,
  disabledAt: null,
  createdAt: Date.now(),
})

/** How far ahead of the last accepted code a token may be (src/factors/hardware-token), with one to spare. */
const lookAhead = 9

/** A token of the kind that counts how often it was pressed; one that was pressed in vain too often is set back. */
const handOut = async (directory: Directory, { id, username }: Account): Promise<Person['press']> => {
  const token: HotpToken = {
    v: 1,
    kind: 'hotp',
    serial: `conformance-${username}`,
    algorithm: 'sha1',
    digits: 6,
    key: randomBytes(20).toString('base64'),
    notBefore: null,
    notAfter: null,
  }
  await directory.addCredential({
    id: randomUUID(),
    accountId: id,
    factor: 'hardware-token',
    label: 'Token of the suite',
    handle: token.serial,
    secret: writeToken(token),
    counter: 0,
    createdAt: Date.now(),
    lastUsedAt: null,
  })
  let pressed = -1
  return async () => {
    const all = await directory.credentials(id)
    const { counter = 0 } = all.find(({ handle }) => handle === token.serial) ?? {}
    pressed = pressed + 1 < counter || pressed + 1 > counter + lookAhead ? counter : pressed + 1
    return codeOf(token, pressed)
  }
}

/** They have a sheet of recovery codes in a drawer, so no page asks them to save any. */
const keepRecoveryCodes = async (
  { directory, hasher }: Duepassi,
  { id: accountId, username }: Account,
): Promise<void> => {
  const { enrolment } = recoveryCodes({ hasher })
  const now = Date.now()
  const { secret } = await enrolment.begin([], {
    now,
    random: systemRandom,
    issuerName: 'Duepassi',
    accountName: username,
  })
  await directory.addCredential({
    id: randomUUID(),
    accountId,
    factor: 'recovery-code',
    label: 'Recovery codes',
    handle: null,
    secret,
    counter: 0,
    createdAt: now,
    lastUsedAt: null,
  })
}

export const addPeople = (duepassi: Duepassi): Promise<Person[]> =>
  Promise.all(
    named.map(async (name) => {
      const account = await accountOf(name, duepassi.hasher.hash)
      await duepassi.directory.addAccount(account)
      await keepRecoveryCodes(duepassi, account)
      return { account, password, press: await handOut(duepassi.directory, account) }
    }),
  )
