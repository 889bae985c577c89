import type { AuditEvent } from '../../src/audit/events.ts'
import {
  type AttemptState,
  type Credential,
  type Device,
  noAttempts,
  type SecondFactorDirectory,
} from '../../src/directory/directory.ts'
import { markOf } from '../../src/directory/mark.ts'
import { DuepassiError } from '../../src/errors.ts'

/** A directory in memory, which is fast enough for a hundred thousand steps. What is true of an account can be looked up. */
export interface MemoryDirectory extends SecondFactorDirectory {
  /** The least `acr` of an account. */
  readonly minimums: Map<string, string>
  credentialsNow(accountId: string): readonly Credential[]
  credentialNow(id: string): Credential
  devicesNow(accountId: string): readonly Device[]
  attemptsNow(accountId: string, authenticator: string): AttemptState
  lockedNow(accountId: string): boolean
}

/** As a database orders them: by bytes. */
const byText = (one: string, other: string): number => (one === other ? 0 : one < other ? -1 : 1)

const latestFirst = (one: Device, other: Device): number =>
  other.lastUsedAt - one.lastUsedAt || other.createdAt - one.createdAt || byText(one.id, other.id)

/** Every verb runs to its end before the next one begins, which makes each of them atomic. */
export const memoryDirectory = (): MemoryDirectory => {
  const minimums = new Map<string, string>()
  const credentials = new Map<string, Credential>()
  const devices = new Map<string, Device>()
  const attempts = new Map<string, Map<string, AttemptState>>()
  const trail: AuditEvent[] = []

  const credentialsNow = (accountId: string): Credential[] =>
    [...credentials.values()]
      .filter((one) => one.accountId === accountId)
      .sort((a, b) => a.createdAt - b.createdAt || byText(a.id, b.id))
  const devicesNow = (accountId: string): Device[] =>
    [...devices.values()].filter((one) => one.accountId === accountId).sort(latestFirst)
  const attemptsNow = (accountId: string, authenticator: string): AttemptState =>
    attempts.get(accountId)?.get(authenticator) ?? noAttempts
  const lockedAt = (accountId: string): number | null => {
    const times = [...(attempts.get(accountId)?.values() ?? [])].flatMap((state) => state.lockedAt ?? [])
    return times.length > 0 ? Math.min(...times) : null
  }

  return {
    minimums,
    credentialsNow,
    credentialNow: (id) => credentials.get(id) as Credential,
    devicesNow,
    attemptsNow,
    lockedNow: (accountId) => lockedAt(accountId) !== null,

    async standing(accountId) {
      const own = credentialsNow(accountId)
      const factors = [...new Set(own.map(({ factor }) => factor))].sort(byText)
      const minimum = minimums.get(accountId) ?? null
      return { factors, lockedAt: lockedAt(accountId), marks: own.map(markOf), minimum }
    },
    async credentials(accountId) {
      return credentialsNow(accountId).map((one) => ({ ...one }))
    },
    async addCredential(credential) {
      const isTaken = [...credentials.values()].some(
        ({ id, factor, handle }) =>
          id === credential.id ||
          (handle !== null && factor === credential.factor && handle === credential.handle),
      )
      if (isTaken) throw new DuepassiError('credential_exists', 'a credential with this id or handle exists')
      credentials.set(credential.id, { ...credential })
    },
    async spend(id, expected, next, at) {
      const credential = credentials.get(id)
      if (credential?.counter !== expected) return false
      credentials.set(id, { ...credential, counter: next, lastUsedAt: at })
      return true
    },
    async credentialByHandle(factor, handle) {
      const found = [...credentials.values()].find((one) => one.factor === factor && one.handle === handle)
      return found && { ...found }
    },
    async changeCredential(accountId, id, change) {
      const credential = credentials.get(id)
      if (credential?.accountId !== accountId) return false
      credentials.set(id, { ...credential, ...change })
      return true
    },
    async removeCredentials(accountId, ids, mayRemain) {
      const all = credentialsNow(accountId)
      const removed = all.filter(({ id }) => ids?.includes(id) ?? true)
      const left = all.filter((one) => !removed.includes(one))
      if (removed.length === 0 || mayRemain?.(left) === false) return 0
      for (const { id } of removed) credentials.delete(id)
      return removed.length
    },

    async changeAttempts(accountId, authenticator, change) {
      const before = attemptsNow(accountId, authenticator)
      const after = change(before)
      const own = attempts.get(accountId) ?? new Map<string, AttemptState>()
      attempts.set(accountId, own.set(authenticator, after))
      return { before, after }
    },
    async clearAttempts(accountId) {
      attempts.delete(accountId)
    },

    async devices(accountId) {
      return devicesNow(accountId).map((one) => ({ ...one }))
    },
    async addDevice(device, most) {
      if (devices.has(device.id)) throw new DuepassiError('credential_exists', 'a device with this id exists')
      devices.set(device.id, { ...device })
      const others = devicesNow(device.accountId).filter(({ id }) => id !== device.id)
      const later = others.filter(({ lastUsedAt }) => lastUsedAt > device.lastUsedAt)
      const inOrder = [...later, device, ...others.slice(later.length)]
      for (const { id } of inOrder.slice(most)) devices.delete(id)
    },
    async changeDevice(accountId, id, expectedHash, change) {
      const device = devices.get(id)
      if (device?.accountId !== accountId || device.secretHash !== expectedHash) return false
      devices.set(id, { ...device, ...change })
      return true
    },
    async removeDevices(accountId, ids) {
      const removed = devicesNow(accountId).filter(({ id }) => ids?.includes(id) ?? true)
      for (const { id } of removed) devices.delete(id)
      return removed.length
    },
    async endTrust(accountId) {
      const trusted = devicesNow(accountId).filter(({ trust }) => trust !== null)
      for (const device of trusted) devices.set(device.id, { ...device, trust: null })
      return trusted.length
    },

    async appendAudit(event) {
      trail.push(event)
    },
    async audit(accountId, limit) {
      const latest = trail.filter((event) => event.accountId === accountId).reverse()
      return latest.sort((a, b) => b.at - a.at).slice(0, limit)
    },
    async ping() {},
    async close() {},
  }
}
