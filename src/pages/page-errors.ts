/** What went wrong, as a page says it: keys of `views/messages/<language>/errors.json`. */

/** Errors whose text needs no values. */
export const plainErrorKeys = [
  'error.login.wrong',
  'error.code.wrong',
  'error.code.replayed',
  'error.code.malformed',
  'error.code.another-tab',
  'error.recovery.wrong',
  'error.recovery.used',
  'error.recovery.malformed',
  'error.message.wrong',
  'error.message.replayed',
  'error.message.malformed',
  'error.message.undelivered',
  'error.message.unsent',
  'error.message.expired',
  'error.message.address',
  'error.message.number',
  'error.message.not-allowed',
  'error.message.known',
  'error.token.unknown',
  'error.token.wrong',
  'error.token.replayed',
  'error.token.malformed',
  'error.token.clock',
  'error.token.expired',
  'error.push.wrong',
  'error.push.over',
  'error.push.malformed',
  'error.push.unsent',
  'error.push.unverified',
  'error.push.untrusted',
  'error.push.known',
  'error.webauthn.failed',
  'error.webauthn.unverified',
  'error.webauthn.cloned',
  'error.webauthn.untrusted',
  'error.webauthn.known',
  'error.passkey.unknown',
  'error.passkey.failed',
  'error.passkey.forbidden',
  'error.passkey.expired',
  'error.turned-away',
  'error.password.short',
  'error.password.long',
  'error.password.name',
  'error.password.same',
  'error.password.differ',
  'error.device.missing',
  'error.device.wrong',
  'error.device.again',
  'error.account.demanded',
  'error.account.gone',
  'error.policy.unreachable',
  'error.request',
  'error.store',
  'error.busy',
  'error.cross_site',
  'error.bad_form',
  'error.interaction_gone',
  'error.unexpected',
] as const

/** Errors that name a wait: the text says it in words. */
export const waitErrorKeys = [
  'error.login.wait',
  'error.code.wait',
  'error.webauthn.wait',
  'error.message.pause',
  'error.push.wait',
  'error.push.pause',
  'error.device.wait',
] as const

/** Errors about where codes are to go, not about a code. */
export const addressErrorKeys: readonly PlainErrorKey[] = [
  'error.message.address',
  'error.message.number',
  'error.message.not-allowed',
  'error.message.known',
]

export type PlainErrorKey = (typeof plainErrorKeys)[number]

export type PageError =
  | { key: PlainErrorKey }
  | { key: (typeof waitErrorKeys)[number]; values: { seconds: number } }
  | { key: 'error.code.clock'; values: { seconds: number; direction: 'ahead' | 'behind' } }
