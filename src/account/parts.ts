import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Challenge } from '../challenge/challenge.ts'
import type { Changes } from '../challenge/changes.ts'
import type { Watch } from '../challenge/watch.ts'
import type { Clock } from '../clock.ts'
import type { Devices } from '../context/devices.ts'
import type { RandomBytes } from '../crypto/random.ts'
import type { Sealer } from '../crypto/sealing.ts'
import type { Credential } from '../directory/directory.ts'
import type { Log } from '../log.ts'
import type { Pages } from '../pages/pages.ts'
import type { FactorRules } from '../policy/factor-rules.ts'
import type { Store } from '../stores/store.ts'
import type { OwnSessions } from './own-sessions.ts'

/** What the security page shows of a person. */
export interface Person {
  name: string
  username: string
  email: string | null
  disabledAt: number | null
}

/** What the plugin offers for a security page. */
export type AccountChanges = Pick<
  Changes,
  'overview' | 'beginAdding' | 'beginCodes' | 'end' | 'rename' | 'remove'
> &
  Pick<
    Challenge,
    'find' | 'choices' | 'choose' | 'chooseAgain' | 'provideAddress' | 'send' | 'confirm' | 'codesSaved'
  > & {
    /** Whether a factor is answered on another device. */
    isRemote(factor: string): boolean
    watch: Watch
  }

export interface AccountParts {
  issuer: string
  /** The provider's handler: the page asks it as any relying party would. */
  handler(req: IncomingMessage, res: ServerResponse): void
  store: Store
  sealer: Sealer
  clock: Clock
  random: RandomBytes
  log: Log
  requestId?: (() => string | undefined) | undefined
  pages: Pages
  account(id: string): Promise<Person | undefined>
  changes: AccountChanges
  /** Browsers that the person signed in with. */
  devices: Pick<Devices, 'list' | 'ofRequest' | 'remove'>
  /** Where the person is signed in. */
  sessions: OwnSessions
  /** Rules and demand of an account, apart from any relying party. */
  policyOf(accountId: string): Promise<{ rules: FactorRules; demanded: boolean }>
  /** The `acr` values that two factors at least are worth. */
  strongAcrs: readonly string[]
  /** What a factor says of a credential beyond its record: whether other devices have it too, and a passkey's user handle. */
  describe(credential: Credential): { synced?: boolean; userHandle?: string }
  /** Without it no browser is told which passkeys remain. */
  rpId?: string | undefined
}
