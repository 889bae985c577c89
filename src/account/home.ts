import type { AccountViews, KnownDevice } from '../pages/views.ts'
import { createShowMethod } from './methods.ts'
import type { Flash, PageSessions } from './page-sessions.ts'
import type { AccountParts } from './parts.ts'
import type { Addresses } from './places.ts'
import type { Screen } from './screen.ts'
import type { AccountVisit } from './visits.ts'

type HomeView = AccountViews['account/home']

/** The state of the second step, each method, and what can be done about them. */
export const createHome = (
  parts: Pick<AccountParts, 'pages' | 'describe' | 'rpId' | 'devices'> & {
    ownSessions: AccountParts['sessions']
    sessions: PageSessions
    addresses: Addresses
  },
) => {
  const showMethod = createShowMethod(parts)

  /** Of parallel requests one gets it. */
  const takeFlash = async ({ req, session, sessionId }: AccountVisit): Promise<Flash | undefined> => {
    if (!session.flash || req.method === 'HEAD') return undefined
    let taken: Flash | undefined
    const updated = await parts.sessions.update(sessionId, ({ flash, ...rest }) => {
      taken = flash
      return flash && rest
    })
    return updated && taken
  }

  const signalOf = (userHandle: string | undefined, { overview }: AccountVisit): HomeView['signal'] =>
    userHandle === undefined || parts.rpId === undefined
      ? undefined
      : {
          rpId: parts.rpId,
          userId: userHandle,
          credentialIds: overview.methods.flatMap(({ factor, handle }) =>
            factor === 'webauthn' && handle !== null ? [handle] : [],
          ),
        }

  /** Nothing of their secrets and keys. */
  const showDevices = async ({ req, owner: { accountId } }: AccountVisit): Promise<KnownDevice[]> => {
    const here = parts.devices.ofRequest(req, accountId)
    return (await parts.devices.list(accountId)).map(({ id, seen, lastUsedAt, trustedUntil }) => ({
      id,
      browser: seen.browser,
      system: seen.system,
      city: seen.city,
      country: seen.country,
      address: seen.address,
      lastUsedAt,
      trustedUntil,
      here: id === here,
    }))
  }

  const render = async (visit: AccountVisit, status: number): Promise<void> => {
    const { req, res, language, person, overview, session } = visit
    const [devices, openSessions] = await Promise.all([
      showDevices(visit),
      parts.ownSessions.list(session.sub, session.accessToken),
    ])
    const flash = await takeFlash(visit)
    const signal = signalOf(flash?.userHandle, visit)
    parts.pages.send(req, res, {
      status,
      language,
      view: 'account/home',
      locals: {
        base: parts.addresses.base,
        person: {
          name: person.name,
          username: person.username,
          ...(person.email !== null && { email: person.email }),
        },
        state: overview.state,
        methods: overview.methods.map(showMethod),
        recoveryCodes: overview.recoveryCodes,
        addable: overview.addable as HomeView['addable'],
        devices,
        sessions: openSessions,
        ...(flash?.done && { done: flash.done }),
        ...(flash?.error && { error: flash.error }),
        ...(signal && { signal }),
      },
    })
  }

  return {
    show: (visit: AccountVisit) => render(visit, 200),
    /** Instead of any page that would change something: a locked account's can only be looked at. */
    showLocked: (visit: AccountVisit) => render(visit, 403),
  } satisfies Screen & { showLocked(visit: AccountVisit): Promise<void> }
}
