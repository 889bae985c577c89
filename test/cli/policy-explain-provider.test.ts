import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { decodeJwt } from 'jose'
import { stringify } from 'yaml'
import { runCli } from '../../src/cli/cli.ts'
import type { PolicyExplanation, Stage } from '../../src/cli/explanation.ts'
import { Browser } from '../support/browser.ts'
import { type AtPage, startProvider, type TestProvider } from '../support/provider.ts'
import { codeOf, errorOf } from '../support/relying-party.ts'

const [sfa, mfa] = ['https://refeds.org/profile/sfa', 'https://refeds.org/profile/mfa'] as const

/** What `policy explain` says of maria, with the configuration of a provider that runs. */
const explained = async (op: TestProvider, ...args: string[]): Promise<PolicyExplanation> => {
  const folder = mkdtempSync(join(tmpdir(), 'duepassi-explain-'))
  const file = join(folder, 'duepassi.yaml')
  writeFileSync(file, stringify(op.config))
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const argv = ['policy', 'explain', '--account', 'maria', '--client', 'rp', '--json', ...args]
  const status = await runCli(argv, {
    env: { DUEPASSI_CONFIG: file },
    stdin: new PassThrough().end(),
    stdout,
    stderr,
  })
  rmSync(folder, { recursive: true, force: true })
  assert.equal(status, 0, String(stderr.read()))
  return JSON.parse(String(stdout.read()))
}

const stageAfter = ({ stages }: PolicyExplanation, ...proven: string[]): Stage => {
  const stage = stages.find((one) => one.proven.join() === proven.join())
  assert.ok(stage, `nothing is said of ${proven.join(' and ')}`)
  return stage
}

/** What the provider did, in the words of a decision. */
const done = async (op: TestProvider, at: AtPage): Promise<string> => {
  if (errorOf(at.page) !== null) return `refused ${errorOf(at.page)}`
  if (codeOf(at.page) !== null) {
    const { tokens } = await op.redeem(at)
    return `allowed ${decodeJwt(tokens.id_token as string)['acr']}`
  }
  if (at.page.body.includes('value="choose"')) return 'enrol'
  return at.page.body.includes('name="code"') ? 'step-up' : `a page: ${at.page.status}`
}

const said = ({ decision }: Stage): string => {
  if (decision.kind === 'allowed') return `allowed ${decision.acr}`
  if (decision.kind !== 'refused') return decision.kind
  return `refused ${decision.because === 'unreachable' ? 'unmet_authentication_requirements' : decision.because}`
}

/** A sign-in from an address, through a proxy that tells it. */
class BrowserFrom extends Browser {
  readonly #address: string
  constructor(address: string) {
    super()
    this.#address = address
  }

  override once(url: string | URL, init: RequestInit = {}) {
    const { headers } = init
    return super.once(url, {
      ...init,
      headers: { ...(headers as Record<string, string>), 'x-forwarded-for': this.#address },
    })
  }
}

describe('duepassi policy explain, beside the provider that runs', () => {
  it('says what it does: set up first, then asked, then let in', async () => {
    await using op = await startProvider()
    const before = stageAfter(await explained(op), 'password')
    assert.deepEqual([said(before), before.rule], ['enrol', 'mode'])
    assert.equal(await done(op, await op.atSecondStep()), said(before))
    const { secret } = await op.enrol()
    const explanation = await explained(op, '--new-device')
    const alone = stageAfter(explanation, 'password')
    assert.deepEqual([said(alone), alone.rule, alone.asks], ['step-up', 'mode', ['totp', 'recovery-code']])
    const code = op.nextCode(secret)
    const at = await op.atSecondStep()
    assert.equal(await done(op, at), said(alone))
    const both = stageAfter(explanation, 'password', 'totp')
    assert.equal(said(both), `allowed ${mfa}`)
    assert.equal(await done(op, await op.submit(at, { intent: 'answer', code })), said(both))
  })

  it('says what it does in a trusted browser, and with prompt=login there', async () => {
    await using op = await startProvider({ config: { policy: { trustedDevices: { kind: 'cookie' } } } })
    const browser = new Browser()
    const { secret } = await op.enrol(browser)
    op.clock.advance(7200)
    const code = op.nextCode(secret)
    await op.submit(await op.atSecondStep({}, browser), { intent: 'answer', code, trust: 'on' })
    op.clock.advance(7200)
    for (const [args, parameters, expected, rule] of [
      [['--prompt', 'login'], { prompt: 'login' }, 'step-up', 'mode'],
      [[], {}, `allowed ${sfa}`, 'trusted-device'],
    ] as const) {
      const explanation = await explained(op, '--trusted-device', ...args)
      assert.equal(explanation.trust?.supposed, false)
      const stage = stageAfter(explanation, 'password', 'trusted-device')
      assert.deepEqual([said(stage), stage.rule], [expected, rule])
      assert.equal(await done(op, await op.atSecondStep(parameters, browser)), expected)
    }
  })

  it('says what it does from another country', async () => {
    const policy = {
      secondFactor: 'off',
      context: { reactions: { 'new-country': 'step-up' } },
    } as const
    await using op = await startProvider({
      config: { proxy: true, policy, places: { file: 'test/support/places.mmdb' } },
    })
    const atHome = new BrowserFrom('192.0.2.9')
    await op.enrol(atHome, { acr_values: mfa })
    for (const [address, expected, rule] of [
      ['192.0.2.8', `allowed ${sfa}`, 'mode'],
      ['203.0.113.9', 'step-up', 'signal:new-country'],
    ] as const) {
      const stage = stageAfter(await explained(op, '--from', address, '--new-device'), 'password')
      assert.deepEqual([said(stage), stage.rule], [expected, rule])
      assert.equal(await done(op, await op.atSecondStep({}, new BrowserFrom(address))), expected)
    }
  })

  it('says what it does where nobody can reach what is demanded', async () => {
    await using op = await startProvider({ client: { minimum_acr: 'phrh' } })
    const stage = stageAfter(await explained(op), 'password')
    assert.deepEqual(
      [said(stage), stage.rule],
      ['refused unmet_authentication_requirements', 'client:minimum_acr'],
    )
    assert.equal(await done(op, await op.atSecondStep()), said(stage))
  })
})
