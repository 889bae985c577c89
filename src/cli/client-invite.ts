import { createTrail } from '../audit/trail.ts'
import { systemClock } from '../clock.ts'
import { systemRandom } from '../crypto/random.ts'
import { addInvitation, dropInvitation } from '../stores/invitations.ts'
import { type CommonOptions, configurationOf } from './configuration.ts'
import { type Io, print, Refusal } from './io.ts'
import { withDirectory, withStore } from './parts.ts'

export interface InviteOptions {
  days: string
  uses: string
  revoke?: string
}

const most = { days: 365, uses: 1_000 }
const secondsOfDay = 86_400

const countOf = (option: 'days' | 'uses', text: string): number => {
  const count = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0
  if (count < 1 || count > most[option])
    throw new Refusal(`The --${option} must be a whole number from 1 to ${most[option]}.`)
  return count
}

/** Prints an initial access token, with which somebody may register a relying party; or ends one. */
export const inviteClient = async (io: Io, options: InviteOptions & CommonOptions): Promise<void> => {
  const config = configurationOf(io, options)
  const { enabled, initialAccessToken } = config.protocol.registration
  const { revoke } = options
  if (revoke !== undefined) {
    if (!(await withStore(io, config, (store) => dropInvitation(store, revoke))))
      throw new Refusal('There is no such invitation: it was used up or is over, or this is another token.')
    return print(io, 'The invitation is good for nothing any more. What was registered with it stays.')
  }
  const [days, uses] = [countOf('days', options.days), countOf('uses', options.uses)]
  if (!enabled)
    throw new Refusal('Nobody can register here: set `protocol.registration.enabled` in the configuration.')
  if (!initialAccessToken)
    throw new Refusal('Everybody can register here without one: `protocol.registration.initialAccessToken`.')
  const parts = { clock: systemClock, random: systemRandom }
  // First the record: no invitation without it.
  await withDirectory(io, config, (directory) => createTrail({ directory, ...parts })('client.invited', {}))
  const token = await withStore(io, config, (store) =>
    addInvitation({ store, ...parts }, { seconds: days * secondsOfDay, uses }),
  )
  print(io, `initial_access_token: ${token}`)
  const registrations = uses === 1 ? 'one registration' : `${uses} registrations`
  io.stderr.write(
    `Good for ${registrations} within ${days === 1 ? 'a day' : `${days} days`}, at the registration_endpoint. It is shown this once.\n`,
  )
}
