import assert from 'node:assert/strict'
import { errors, type Provider } from 'oidc-provider'
import type { Outcome } from '../../src/challenge/challenge.ts'
import { type SignIn, unproven } from '../../src/challenge/machine.ts'
import { systemClock } from '../../src/clock.ts'
import type { Standing } from '../../src/directory/directory.ts'
import { embeddedStore, refedsLadder, totp } from '../../src/index.ts'
import { silentLog } from '../../src/log.ts'
import { createBackchannel } from '../../src/plugin/backchannel.ts'
import { createJudge } from '../../src/plugin/judge.ts'
import { checkOptions } from '../../src/plugin/options.ts'
import { createProofMemory } from '../../src/plugin/proofs.ts'

type Result = { accountId?: string; scope?: string } | Error
const mfa = refedsLadder[1]?.acr

/** A provider that keeps one request and hears what becomes of it, and a challenge that says whatever a test wants. */
const open = (standing: Standing = { factors: ['push'], lockedAt: null }) => {
  const store = embeddedStore(':memory:')
  const results: Array<[Result, Record<string, unknown> | undefined]> = []
  const begun: Array<{ uid: string; authReqId?: string | undefined }> = []
  const reasons: unknown[] = []
  const state = { ping: 'ok', keeps: true, send: 'moved' as 'moved' | 'pause' | 'fails', isAsked: false }
  const request: Record<string, unknown> = {
    jti: 'the-auth-req-id',
    accountId: 'maria',
    clientId: 'bank',
    scope: 'openid',
    params: { binding_message: 'Order 7' },
    remainingTTL: 60,
  }
  class Grant {
    accountId: string
    scope = ''
    constructor({ accountId }: { accountId: string }) {
      this.accountId = accountId
    }
    addOIDCScope(scope: string) {
      this.scope = scope
    }
    async save() {
      return 'grant'
    }
  }
  const provider = {
    Grant,
    Client: { find: async () => ({ clientId: 'bank' }) },
    BackchannelAuthenticationRequest: {
      find: async (id: string) => (id === request['jti'] ? request : undefined),
    },
    async backchannelResult(_request: object, result: Result, options?: Record<string, unknown>) {
      results.push([result, options])
      if (state.keeps) request[result instanceof Error ? 'error' : 'grantId'] = 'kept'
      if (state.ping !== 'ok' || !state.keeps) throw new Error('it cannot be done')
    },
  } as unknown as Provider
  const signIn = (stage: SignIn['stage'], over: Partial<SignIn> = {}): SignIn => ({
    purpose: 'backchannel',
    authReqId: 'the-auth-req-id',
    accountId: 'maria',
    clientId: 'bank',
    primary: { amr: [], at: 0 },
    rules: { required: [], forbidden: [] },
    ...unproven,
    proven: ['pop', 'mca', 'mfa'],
    factors: ['push'],
    proofs: { push: { at: Math.floor(systemClock.now() / 1000) } },
    stage,
    ...over,
  })
  const asking: SignIn['stage'] = { name: 'asking', factor: 'push', question: {} }
  const memory = createProofMemory(store)
  const backchannel = createBackchannel({
    provider: () => provider,
    challenge: {
      async beginElsewhere(uid, { authReqId }) {
        begun.push({ uid, authReqId })
        return standing.factors.includes('push') ? signIn(asking) : undefined
      },
      async send(): Promise<Outcome> {
        if (state.send === 'fails') throw new Error('the store does not answer')
        return state.send === 'moved'
          ? { kind: 'moved', signIn: signIn(asking) }
          : { kind: 'refused', signIn: signIn(asking), refusal: { reason: 'pause', seconds: 9 } }
      },
    },
    judge: createJudge(checkOptions({ factors: [totp(), { ...totp(), name: 'push' }] }).policy, {
      directory: { standing: async () => standing },
      memory,
      devices: { trustOf: async () => undefined, signalsOfRequest: () => [] },
      clock: systemClock,
      groupsOf: async () => [],
    }),
    memory,
    ladder: refedsLadder,
    clock: systemClock,
    async record(_type, { reason }) {
      reasons.push(reason)
    },
    log: silentLog,
    isAsked: () => state.isAsked,
    once: (name) => store.add(name, '1', 60),
  })
  const ask = () => backchannel.ask(request as never, {})
  return { ...backchannel, ask, request, results, begun, reasons, state, signIn, asking, standing, memory }
}

const proven = { name: 'proven' } as const

describe('the back channel', () => {
  it('asks under a name that does not hold the auth_req_id, and says nothing yet', async () => {
    const { ask, begun, results } = open()
    await ask()
    assert.equal(begun.length, 1)
    assert.equal(begun[0]?.authReqId, 'the-auth-req-id')
    assert.match(String(begun[0]?.uid), /^ciba-[\w-]{43}$/)
    assert.deepEqual(results, [])
  })

  it('approves with what was proven, and remembers it', async () => {
    const { finish, signIn, results, memory } = open()
    await finish({ kind: 'moved', signIn: signIn(proven) })
    const [[grant, options]] = results as [[Result, Record<string, unknown>]]
    assert.deepEqual({ ...grant }, { accountId: 'maria', scope: 'openid' })
    const { acr, amr, sessionUid, authTime, expiresWithSession } = options
    assert.deepEqual([acr, amr, expiresWithSession], [mfa, ['pop', 'mca', 'mfa'], false])
    const known = { accountId: 'maria', sessionUid: String(sessionUid), at: Number(authTime) }
    assert.ok((await memory.proofsOf({ ...known, amr: ['mca', 'mfa', 'pop'] }))?.['push'])
  })

  it('takes the first answer, whatever comes after it', async () => {
    const { finish, signIn, asking, results } = open()
    await Promise.all([
      finish({ kind: 'moved', signIn: signIn(asking) }),
      finish({ kind: 'moved', signIn: signIn(proven) }),
    ])
    await finish({ kind: 'moved', signIn: signIn(proven) })
    assert.equal(results.length, 1)
    assert.ok(results[0]?.[0] instanceof errors.AccessDenied)
  })

  it('approves nothing that the policy does not allow any more', async () => {
    const { finish, signIn, results, standing } = open()
    standing.lockedAt = 1
    await finish({ kind: 'moved', signIn: signIn(proven) })
    assert.ok(results[0]?.[0] instanceof errors.AccessDenied)
  })

  const ends: Record<string, (scene: ReturnType<typeof open>) => Outcome> = {
    'a refusal': ({ signIn, asking }) => ({ kind: 'moved', signIn: signIn(asking) }),
    'a report': ({ signIn }) => ({ kind: 'moved', signIn: signIn({ name: 'reported' }) }),
    'a lock': ({ signIn }) => ({ kind: 'moved', signIn: signIn({ name: 'locked' }) }),
    'something else to prove': ({ signIn }) => ({
      kind: 'moved',
      signIn: signIn({ name: 'choosing', replaces: [] }),
    }),
    'an answer that may not be judged now': ({ signIn, asking }) => ({
      kind: 'refused',
      signIn: signIn(asking),
      refusal: { reason: 'wait', seconds: 30 },
    }),
    'a wrong answer': ({ signIn, asking }) => ({
      kind: 'refused',
      signIn: signIn(asking),
      refusal: { reason: 'unverified' },
    }),
  }
  for (const [what, outcome] of Object.entries(ends))
    it(`${what} denies`, async () => {
      const scene = open()
      await scene.finish(outcome(scene))
      assert.equal(scene.results.length, 1)
      assert.ok(scene.results[0]?.[0] instanceof errors.AccessDenied)
    })

  const leaves: Record<string, (scene: ReturnType<typeof open>) => Outcome> = {
    'a sign-in that is gone': () => ({ kind: 'gone' }),
    'a sign-in in a browser': ({ signIn }) => {
      const { authReqId: _, ...rest } = signIn(proven)
      return { kind: 'moved', signIn: { ...rest, purpose: 'sign-in' } }
    },
    'one that somebody else is answering': ({ signIn, asking }) => ({
      kind: 'refused',
      signIn: signIn(asking),
      refusal: { reason: 'elsewhere' },
    }),
    'nonsense, while the question waits': ({ signIn, asking, state }) => {
      state.isAsked = true
      return { kind: 'refused', signIn: signIn(asking), refusal: { reason: 'malformed' } }
    },
    'a request that has expired': ({ signIn, request }) => {
      request['jti'] = 'another'
      return { kind: 'moved', signIn: signIn(proven) }
    },
  }
  for (const [what, outcome] of Object.entries(leaves))
    it(`${what} is left alone`, async () => {
      const scene = open()
      await scene.finish(outcome(scene))
      assert.deepEqual(scene.results, [])
    })

  it('denies at once, and keeps why, where nobody can be asked', async () => {
    const locked = open({ factors: ['push'], lockedAt: 1 })
    const none = open({ factors: ['totp'], lockedAt: null })
    const waiting = open()
    waiting.state.send = 'pause'
    for (const [{ ask, results, reasons, begun }, reason, asked] of [
      [locked, 'locked', 0],
      [none, 'unreachable', 0],
      [waiting, 'pause', 1],
    ] as const) {
      await ask()
      assert.ok(results[0]?.[0] instanceof errors.AccessDenied)
      assert.deepEqual([results.length, reasons, begun.length], [1, [reason], asked])
    }
  })

  it('denies, and lets it be known, where something fails', async () => {
    const { ask, state, results } = open()
    state.send = 'fails'
    await assert.rejects(ask(), /does not answer/)
    assert.ok(results[0]?.[0] instanceof errors.AccessDenied)
  })

  it('a ping that fails takes nothing back; a result that is not kept is an error', async () => {
    const lost = open()
    lost.state.ping = 'lost'
    await lost.finish({ kind: 'moved', signIn: lost.signIn(proven) })
    assert.equal(lost.results.length, 1)
    const broken = open()
    broken.state.keeps = false
    await assert.rejects(broken.finish({ kind: 'moved', signIn: broken.signIn(proven) }), /cannot be done/)
  })
})
