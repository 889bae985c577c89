import assert from 'node:assert/strict'
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import { shorten, stepsOfWorld, walk } from './walk.ts'
import type { RunPolicy } from './what-is-demanded.ts'
import { aged, ladders } from './whatever.ts'

/** Of all runs together. */
const steps = Number(process.env['ASSURANCE_STEPS'] ?? 104_000)

/** Another one each time, unless it is named: `FC_SEED=… npx mocha test/properties/assurance.test.ts`. */
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)

const plain: RunPolicy = {
  mode: 'required',
  trust: 'off',
  days: 30,
  ladder: ladders.refeds,
  factors: {},
  groups: {},
  reactions: {},
  attesting: false,
}
const hour = 3_600
const [, mfa = '', phr = ''] = ladders.refeds.map(({ acr }) => acr)

const policies: Readonly<Record<string, RunPolicy>> = {
  'everybody needs two factors': plain,
  'devices are trusted by their cookies': { ...plain, trust: 'cookie' },
  'devices are trusted by their keys': {
    ...plain,
    trust: 'bound',
    groups: { staff: { trustedDevices: false } },
  },
  'whoever has a second factor needs it': { ...plain, mode: 'optional', trust: 'cookie', days: 7 },
  'a second factor is for those who ask for it': {
    ...plain,
    mode: 'off',
    trust: 'bound',
    groups: { staff: { minimum: mfa }, guards: { factors: { webauthn: 'require' } } },
  },
  'second factors grow old': {
    ...plain,
    mode: 'optional',
    trust: 'cookie',
    ladder: aged(ladders.refeds, 24 * hour, hour, 900),
    attesting: true,
  },
  'groups have rules, and keys are attested': {
    ...plain,
    attesting: true,
    groups: {
      staff: { minimum: phr, factors: { 'recovery-code': 'forbid' } },
      guards: { factors: { webauthn: 'require', totp: 'forbid' }, trustedDevices: false },
    },
    factors: { 'recovery-code': 'forbid' },
  },
  'where somebody comes from matters': {
    ...plain,
    mode: 'off',
    trust: 'cookie',
    ladder: ladders.spid,
    reactions: {
      'new-device': 'step-up',
      'new-country': 'refuse',
      'forbidden-network': 'step-up',
      'many-failures': 'step-up',
    },
  },
}

describe(`a random walk of sign-ins, step-ups, removals, locks and refreshes (FC_SEED=${seed})`, () => {
  const { setTimeout: pause } = timers
  before(() => {
    // Whoever sends a form twice is waited for; nobody does so here, and the steps would take hours.
    timers.setTimeout = (async () => undefined) as unknown as typeof pause
    syncBuiltinESMExports()
  })
  after(() => {
    timers.setTimeout = pause
    syncBuiltinESMExports()
  })

  const counts = new Map<string, number>()
  let taken = 0

  for (const [index, [name, policy]] of Object.entries(policies).entries())
    it(`never gets more than was proven, nor less than is demanded, where ${name}`, async function () {
      this.timeout(600_000)
      const worlds = Math.ceil(steps / Object.keys(policies).length / stepsOfWorld)
      for (let world = 0; world < worlds; world++) {
        const own = (seed + index * 1_000_003 + world * 7_919) >>> 0
        const all = Array.from({ length: stepsOfWorld }, (_, step) => step)
        const broken = await walk(policy, own, all, counts)
        taken += stepsOfWorld
        if (!broken) continue
        const short = await shorten(policy, own, broken)
        assert.fail(
          `FC_SEED=${seed}, world ${own} of "${name}", steps ${short.steps.join()}:\n${[
            ...short.broken.story,
            '→',
          ].join(
            '\n',
          )} ${short.broken.error instanceof Error ? short.broken.error.stack : short.broken.error}`,
        )
      }
    })

  it('was long enough, and saw all there is to see', () => {
    console.log(Object.fromEntries([...counts].sort()), taken)
    assert.ok(taken >= steps)
  })
})
