import { type Adapter, type AdapterFactory, type AdapterPayload, errors, Provider } from 'oidc-provider'
import type { Clock } from '../clock.ts'
import { indexFinished, indexGrant, longestLife } from './account-index.ts'
import { isUsed, markUsed, type Payload, read, readGrant, write, writeGrant } from './record.ts'
import { aliasOf, isAlias, isKept, type Kept, keyOf, numberedKey, numberOf } from './record-keys.ts'
import { type Memory, sessionRecords } from './session-records.ts'
import type { Store } from './store.ts'

export {
  endSession,
  grantsOf,
  revokeAccount,
  sessionOf,
  sessionsOf,
} from './account-index.ts'

export interface StoreAdapterOptions {
  store: Store
  clock: Clock
  /** Where the relying parties come from, as client metadata; without it there are only the configured ones. */
  clients?: RelyingParties
  /**
   * Lengths of the ids of some models, each a length that no other model has: an id of such a length is looked for
   * where it belongs only. Introspection asks for a token of unknown kind in three places at once.
   */
  lengths?: Readonly<Record<string, number>>
}

/** `save` and `remove`: for relying parties that register themselves; without them nothing is changed from here. */
export interface RelyingParties {
  find(id: string): Promise<Payload | undefined>
  save?(metadata: Payload & { client_id: string }): Promise<void>
  remove?(id: string): Promise<void>
}

/** What oidc-provider calls no lifetime, in seconds. */
const tenYears = 10 * 365 * 86_400

/** Milliseconds for which a relying party is taken as it was found; one that was changed or removed is so from then on. */
const clientLife = 2_000
const mostClients = 1_000

/**
 * Seconds for which a used proof is remembered beyond what oidc-provider asks: a DPoP proof may be dated 300 s ahead, and is
 * then good for longer than it is remembered.
 */
const proofsAhead = 300

/**
 * Seconds: a pushed request is used up when its sign-in ends, and by then it may be over. Were it gone, two browsers that
 * began with it would both end with a code (RFC 9126 §7.3).
 */
const longSignIn = 1_800

const lifetime = (expiresIn: number | undefined, longest = tenYears): number =>
  Math.min(longest, Math.max(1, Math.ceil(expiresIn ?? longest)))

/**
 * oidc-provider's adapter on a `Store`: one verb to write a plain token, one to find it.
 *
 * - A code, refresh token, device code or pushed request is used by compare-and-set: `consume` throws unless it is the
 *   first, and the loser revokes the grant (RFC 6749 §4.1.2). Used ones stay findable, with `consumed`, until they
 *   expire; nothing clears the mark.
 * - No id of a token or session stands in the store in clear; see record-keys.ts.
 * - A store that does not answer rejects with `store_unavailable`: nothing is taken for absent.
 */
export function storeAdapter({ store, clock, clients, lengths = {} }: StoreAdapterOptions): AdapterFactory {
  const memory = requestMemory()
  const sessions = sessionRecords({ store, clock, memory })
  const second = () => Math.floor(clock.now() / 1000)
  const kinds = new Map(Object.entries(lengths).map(([kind, length]) => [length, kind]))
  const isOfAnother = (kept: Kept, id: string) => (kinds.get(id.length) ?? kept) !== kept

  /**
   * Every use of a code, refresh token or opaque access token looks for its grant, and a grant that is gone refuses it
   * (`validateGrant`, userinfo, introspection). So removing the one record revokes all of them, also those that are being
   * written this moment; no list of a grant's tokens is needed.
   */
  const revokeGrant = (grantId: string) => store.drop(numberedKey('Grant', numberOf(grantId)))

  /**
   * A grant that this request found is changed only where it still is: one that was revoked meanwhile stays revoked, with all
   * that was given out under it, and so is what this request gives out now.
   */
  const replaceGrant = async (key: string, text: string, seconds: number): Promise<void> => {
    let stored = memory()?.get(key)
    while (stored !== undefined && !(await store.swap(key, stored, text, seconds)))
      stored = await store.get(key)
    if (stored !== undefined) memory()?.set(key, text)
  }

  const ahead = lookAhead()

  /** Whatever is found with a grant has its grant looked for next: it comes along while the session is looked for. */
  const found = (text: string, id: string): AdapterPayload => {
    const payload = read(text, id) as AdapterPayload
    const { grantId } = payload
    if (grantId !== undefined) {
      const key = numberedKey('Grant', numberOf(grantId))
      ahead.begin(key, () => store.get(key))
    }
    return payload
  }

  const plain = (kept: Kept): Adapter => ({
    upsert: (id, payload, expiresIn) =>
      store.put(keyOf(kept, id), write({ ...payload }), lifetime(expiresIn)),
    async find(id) {
      if (isAlias(id) || isOfAnother(kept, id)) return undefined
      const text = await store.get(keyOf(kept, id))
      return text === undefined ? undefined : found(text, id)
    },
    findByUid: () => unsupported(kept),
    findByUserCode: () => unsupported(kept),
    consume: () => unsupported(kept),
    destroy: (id) => store.drop(keyOf(kept, id)),
    revokeByGrantId: async (grantId) => {
      if (grantId) await revokeGrant(grantId)
    },
  })

  /**
   * `afterwards`: seconds for which one whose `exp` is over is still known, so that whoever asks is told so. `mayChange`
   * throws for a record that is not written again.
   */
  const consumable = (kept: Kept, afterwards = 0, mayChange?: (stored: Payload) => void): Adapter => ({
    ...plain(kept),
    async upsert(id, payload, life) {
      const expiresIn = life && payload.exp !== undefined ? life + afterwards : life
      const key = keyOf(kept, id)
      const text = write({ ...payload })
      while (!(await store.add(key, text, lifetime(expiresIn)))) {
        const stored = await store.get(key)
        if (stored === undefined) continue
        mayChange?.(read(stored, id))
        const next =
          isUsed(stored) && !isUsed(text) ? markUsed(text, Number(read(stored, id).consumed)) : text
        if (await store.swap(key, stored, next, lifetime(expiresIn))) return
      }
    },
    async find(id) {
      if (isAlias(id) || isOfAnother(kept, id)) return undefined
      const key = keyOf(kept, id)
      const text = await store.get(key)
      if (text === undefined) return undefined
      memory()?.set(key, text)
      return found(text, id)
    },
    async consume(id) {
      const key = keyOf(kept, id)
      let stored = memory()?.get(key) ?? (await store.get(key))
      while (stored !== undefined && !isUsed(stored)) {
        if (await store.swap(key, stored, markUsed(stored, second()))) return
        stored = await store.get(key)
      }
      const { grantId } = stored === undefined ? {} : read(stored, id)
      if (typeof grantId === 'string') {
        await revokeGrant(grantId)
        const ctx = Provider.ctx
        ctx?.oidc.provider.emit('grant.revoked', ctx, grantId)
      }
      if (kept === 'PushedAuthorizationRequest') throw new errors.InvalidRequestUri('already consumed')
      throw new errors.InvalidGrant('already consumed')
    },
  })

  /** The record of a device code by the alias under which its user code, or the interaction of its sign-in, has it. */
  const deviceCodeBehind = async (alias: string): Promise<AdapterPayload | undefined> => {
    const key = keyOf('DeviceCode', alias)
    const text = await store.get(key)
    if (text === undefined) return undefined
    memory()?.set(key, text)
    return read(text, alias) as AdapterPayload
  }

  const ofDevices = consumable('DeviceCode', afterExpiry, mustBeUnanswered)

  const deviceCodes: Adapter = {
    ...ofDevices,
    async upsert(id, payload, expiresIn) {
      const { userCode } = payload
      if (userCode !== undefined) {
        const pointer = keyOf('userCode', userCode)
        const alias = aliasOf(keyOf('DeviceCode', id))
        const seconds = lifetime(expiresIn && expiresIn + afterExpiry)
        const ours = (await store.add(pointer, alias, seconds)) || (await store.get(pointer)) === alias
        if (!ours) throw new errors.InvalidRequest('the user code is taken: ask again')
      }
      await ofDevices.upsert(id, payload, expiresIn)
    },
    // A browser that comes back from signing in: the interaction has the code by its alias. Nobody else may find by one.
    find: (id) =>
      isAlias(id) && Provider.ctx?.oidc.route === 'device_resume' ? deviceCodeBehind(id) : ofDevices.find(id),
    async findByUserCode(userCode) {
      const alias = await store.get(keyOf('userCode', userCode))
      return alias === undefined ? undefined : deviceCodeBehind(alias)
    },
  }

  const grants: Adapter = {
    ...plain('Grant'),
    async upsert(id, payload, expiresIn) {
      const seconds = lifetime(expiresIn, longestLife)
      const { accountId } = payload
      const key = numberedKey('Grant', numberOf(id))
      const text = writeGrant({ ...payload })
      await Promise.all([
        memory()?.has(key) ? replaceGrant(key, text, seconds) : store.put(key, text, seconds),
        accountId === undefined ? undefined : indexGrant(store, clock, accountId, id, seconds),
      ])
    },
    async find(id) {
      const key = numberedKey('Grant', numberOf(id))
      const text = await (ahead.take(key) ?? store.get(key))
      if (text !== undefined) memory()?.set(key, text)
      return text === undefined ? undefined : { ...readGrant(text), jti: id }
    },
    destroy: revokeGrant,
  }

  const interactions: Adapter = {
    ...plain('Interaction'),
    async upsert(id, payload, expiresIn) {
      const { login } = (payload.result ?? {}) as { login?: { accountId?: string } }
      const key = keyOf('Interaction', id)
      const seconds = lifetime(expiresIn)
      await Promise.all([
        store.put(key, write({ ...payload }), seconds),
        login?.accountId === undefined ? undefined : indexFinished(store, login.accountId, key, seconds),
      ])
    },
  }

  const ofSessions: Adapter = {
    ...plain('Session'),
    upsert: (id, payload, expiresIn) => sessions.save(id, { ...payload }, lifetime(expiresIn, longestLife)),
    find: sessions.find,
    findByUid: sessions.findByUid,
    destroy: sessions.destroy,
  }

  /** The jti of client assertions and DPoP proofs: oidc-provider looks, then writes; here only the first may write. */
  const replays: Adapter = {
    ...plain('ReplayDetection'),
    async upsert(id, payload, expiresIn) {
      const key = keyOf('ReplayDetection', id)
      const seconds = lifetime(expiresIn) + proofsAhead
      if (await store.add(key, write({ exp: payload.exp }), seconds)) return
      throw new errors.InvalidRequest('the proof was used already')
    },
  }

  /** Each is exchanged for one other: of changes with the same token at the same moment one is given a new token. */
  const registrationTokens: Adapter = {
    ...plain('RegistrationAccessToken'),
    async destroy(id) {
      const taken = await store.take(keyOf('RegistrationAccessToken', id))
      if (taken === undefined && Provider.ctx?.oidc.route === 'client_update')
        throw new errors.InvalidToken('registration access token not found')
    },
  }

  const relyingParties = new Map<string, { payload: AdapterPayload; until: number }>()
  /** So that nothing that was being read while it changed is remembered. */
  let changes = 0
  const changing = async (id: string, change: Promise<void> | undefined) => {
    if (change === undefined) return unsupported('Client')
    await change.finally(() => {
      changes += 1
      relyingParties.delete(id)
    })
  }

  /** Relying parties are durable: they live in the directory and are changed there. */
  const ofClients: Adapter = {
    ...plain('Grant'),
    upsert: (id, payload) => changing(id, clients?.save?.({ ...payload, client_id: id })),
    destroy: (id) => changing(id, clients?.remove?.(id)),
    async find(id) {
      const known = relyingParties.get(id)
      if (known && known.until > clock.now()) return known.payload
      relyingParties.delete(id)
      const before = changes
      const payload = (await clients?.find(id)) as AdapterPayload | undefined
      if (payload === undefined || before !== changes) return payload
      if (relyingParties.size >= mostClients) relyingParties.clear()
      relyingParties.set(id, { payload, until: clock.now() + clientLife })
      return payload
    },
  }

  const special: Record<string, Adapter> = {
    AuthorizationCode: consumable('AuthorizationCode'),
    BackchannelAuthenticationRequest: consumable('BackchannelAuthenticationRequest', 300),
    Client: ofClients,
    DeviceCode: deviceCodes,
    Grant: grants,
    Interaction: interactions,
    PreAuthorizedCode: consumable('PreAuthorizedCode'),
    PushedAuthorizationRequest: consumable('PushedAuthorizationRequest', longSignIn),
    RefreshToken: consumable('RefreshToken'),
    RegistrationAccessToken: registrationTokens,
    ReplayDetection: replays,
    Session: ofSessions,
  }

  const factory: AdapterFactory = (name) => {
    const adapter = special[name]
    if (adapter !== undefined) return adapter
    if (!isKept(name)) throw new TypeError(`no adapter for the model ${name}`)
    return plain(name)
  }
  made.add(factory)
  return factory
}

/** Seconds for which a device and its person are still told that a code has expired, instead of that there is none. */
const afterExpiry = 300

/** `error_description` for whoever answers a device code after somebody else did. */
export const deviceCodeAnswered = 'the device code was answered already'

/** Of two browsers that have the same code in hand, the first answers it; the other changes nothing. */
const mustBeUnanswered = ({ accountId, error }: Payload): void => {
  if (accountId !== undefined || error !== undefined) throw new errors.InvalidRequest(deviceCodeAnswered)
}

const made = new WeakSet<object>()

/** True for an adapter made here, whose `consume` is a compare-and-set already. */
export const spendsByItself = (adapter: object): boolean => made.has(adapter)

async function unsupported(model: string): Promise<never> {
  throw new TypeError(`${model} is not kept that way`)
}

/**
 * What is being looked for on behalf of a request before it asks; each answer is used once, because a request that looks
 * twice may have changed it in between.
 */
function lookAhead() {
  const requests = new WeakMap<object, Map<string, Promise<string | undefined>>>()
  return {
    begin(key: string, look: () => Promise<string | undefined>): void {
      const request = Provider.ctx
      if (request === undefined) return
      const begun = requests.get(request) ?? new Map<string, Promise<string | undefined>>()
      requests.set(request, begun)
      const answer = look()
      // Whoever takes it hears of the failure; perhaps nobody does.
      answer.catch(() => {})
      begun.set(key, answer)
    },
    take(key: string): Promise<string | undefined> | undefined {
      const begun = Provider.ctx && requests.get(Provider.ctx)
      const answer = begun?.get(key)
      begun?.delete(key)
      return answer
    },
  }
}

/**
 * What a request found, so that its compare-and-set needs no second look. It must not outlive the request: another
 * may have changed the record since.
 */
function requestMemory(): Memory {
  const requests = new WeakMap<object, Map<string, string>>()
  return () => {
    const request = Provider.ctx
    if (request === undefined) return undefined
    const known = requests.get(request) ?? new Map<string, string>()
    requests.set(request, known)
    return known
  }
}
