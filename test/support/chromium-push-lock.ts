/** The screen lock of a phone: Chromium's virtual authenticator, which by itself belongs to one page and ends with it. */
import type { CDPSession, Page } from 'playwright-core'

/** As CDP's `WebAuthn.Credential`, whose other fields are carried along. */
export interface Credential {
  credentialId: string
  isResidentCredential: boolean
  privateKey: string
  signCount: number
  rpId?: string
}

export interface ScreenLock {
  /** Before the page asks for the lock; a page that opened by itself has none until then. */
  plugIn(page: Page): Promise<void>
  /** Whether the person passes it (PIN, finger) from now on; at first yes. */
  passes(yes: boolean): Promise<void>
  /** What it holds, with private keys: for a later phone with the same profile, or for a thief. */
  credentials(): readonly Credential[]
}

interface Plugged {
  session: CDPSession
  authenticatorId: string
  /** What we took out ourselves, until CDP has told of it. */
  taken: Set<string>
}

export const createScreenLock = (before: readonly Credential[]): ScreenLock => {
  const held = new Map(before.map((credential) => [credential.credentialId, credential]))
  const counted = new Map(before.map(({ credentialId, signCount }) => [credentialId, signCount]))
  const plugged = new Map<Page, Plugged>()
  let verified = true

  const take = async ({ session, authenticatorId, taken }: Plugged, credentialId: string) => {
    taken.add(credentialId)
    await session.send('WebAuthn.removeCredential', { authenticatorId, credentialId }).catch(() => {
      taken.delete(credentialId)
    })
  }
  const put = async (lock: Plugged, credential: Credential) => {
    await take(lock, credential.credentialId)
    const { session, authenticatorId } = lock
    await session.send('WebAuthn.addCredential', { authenticatorId, credential })
  }
  /** Keys and counters are the phone's, whichever page used them; CDP tells of our own additions too. */
  const share = async (from: Plugged, credential: Credential) => {
    const { credentialId, signCount } = credential
    if (signCount <= (counted.get(credentialId) ?? -1)) return
    counted.set(credentialId, signCount)
    const others = [...plugged.values()].filter((one) => one !== from)
    // A page that closes meanwhile needs it no more.
    await Promise.all(others.map((other) => put(other, credential).catch(() => {})))
    held.set(credentialId, credential)
  }

  /** The page was told that nobody knows the key any more (`signalUnknownCredential`). */
  const forget = async (from: Plugged, credentialId: string) => {
    if (from.taken.delete(credentialId)) return
    held.delete(credentialId)
    counted.delete(credentialId)
    for (const other of plugged.values()) if (other !== from) await take(other, credentialId)
  }

  const addTo = async (lock: Plugged) => {
    const { authenticatorId } = await lock.session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: verified,
        automaticPresenceSimulation: true,
      },
    })
    lock.authenticatorId = authenticatorId
    for (const credential of held.values()) await put(lock, credential)
  }

  return {
    async plugIn(page) {
      if (plugged.has(page)) return
      const session = await page.context().newCDPSession(page)
      const lock: Plugged = { session, authenticatorId: '', taken: new Set() }
      plugged.set(page, lock)
      page.once('close', () => plugged.delete(page))
      await session.send('WebAuthn.enable')
      await addTo(lock)
      session.on('WebAuthn.credentialAdded', ({ credential }) => void share(lock, credential))
      session.on('WebAuthn.credentialAsserted', ({ credential }) => void share(lock, credential))
      session.on('WebAuthn.credentialDeleted', ({ credentialId }) => void forget(lock, credentialId))
    },
    async passes(yes) {
      verified = yes
      // A new one each time: one that refused too often is blocked for good.
      for (const lock of plugged.values()) {
        const { session, authenticatorId } = lock
        await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
        await addTo(lock)
      }
    },
    credentials: () => [...held.values()],
  }
}
