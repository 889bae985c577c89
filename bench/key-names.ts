import { isKept, keyOf } from '../src/stores/record-keys.ts'

const records = [
  ...[
    'AccessToken',
    'AuthorizationCode',
    'BackchannelAuthenticationRequest',
    'ClientCredentials',
    'DeviceCode',
  ],
  ...[
    'Grant',
    'InitialAccessToken',
    'Interaction',
    'PreAuthorizedCode',
    'PushedAuthorizationRequest',
    'RefreshToken',
  ],
  ...['RegistrationAccessToken', 'ReplayDetection', 'Session', 'uid', 'userCode', 'account'],
].filter(isKept)

const byLetter = new Map(records.map((name) => [keyOf(name, '').charAt(0), name]))

/** What a Redis key is about, without what makes it unique: Duepassi's compact keys by their letter, others by their text. */
export const nameOfKey = (key: string): string => {
  const letter = /^([a-z])(?:[\w-]{22}|[0-9a-z]{9,13})$/.exec(key)?.[1]
  const record = letter === undefined ? undefined : byLetter.get(letter)
  // The index of what is under way has the account's id, however short, after its prefix.
  return record ?? key.replace(/^sa:.*/, 'sa:*').replace(/[\w-]{20,}/g, '*')
}
