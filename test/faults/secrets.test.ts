import assert from 'node:assert/strict'
import { createLog } from '../../src/log.ts'
import { Browser } from '../support/browser.ts'
import { cheapHasher, password, startProvider, type TestProvider } from '../support/provider.ts'
import { startRedis } from '../support/redis.ts'
import { codeOf, testClient } from '../support/relying-party.ts'
import { codeNow, recoveryCodesOn, secretOn, wrongCode } from '../support/steps.ts'

describe('the log', function () {
  this.timeout(60_000)

  it('at its finest level holds no secret of a whole flow, faults included', async () => {
    const lines: string[] = []
    const log = createLog('trace', { write: (line) => void lines.push(line) })
    // What is printed past the log is seen by the same people.
    const printed: string[] = []
    const { log: logging, info, warn, error } = console
    const catchAll = (...given: unknown[]) => void printed.push(given.map(String).join(' '))
    let fail = false
    const cheap = cheapHasher()
    const hasher = {
      ...cheap,
      verify: async (phc: string | undefined, text: string) => {
        if (fail) throw new Error('the hasher failed')
        return cheap.verify(phc, text)
      },
    }
    const redis = await startRedis()
    await using op: TestProvider = await startProvider({ redis: redis.url, parts: { log, hasher } })
    const secrets: Record<string, string> = { password, 'client secret': testClient.client_secret }
    Object.assign(console, { log: catchAll, info: catchAll, warn: catchAll, error: catchAll })
    try {
      const browser = new Browser()
      const begun = await op.begin({ login_hint: 'maria@example.org' }, browser)
      await op.typePassword(begun, { password: 'a wrong password of mine' })
      secrets['wrong password'] = 'a wrong password of mine'
      const enrolling = await op.choose(await op.typePassword(begun))
      const seed = secretOn(enrolling.page)
      secrets['seed'] = seed
      const confirming = codeNow(seed, op.clock)
      const issuing = await op.submit(enrolling, { intent: 'confirm', code: confirming, label: 'x' })
      const codes = recoveryCodesOn(issuing.page)
      for (const [index, code] of codes.entries()) {
        secrets[`recovery code ${index}`] = code
        secrets[`recovery code ${index}, plain`] = code.replaceAll('-', '')
      }
      const signedIn = await op.redeem(await op.submit(issuing, { intent: 'saved' }))
      const refreshed = await op.rp.refresh(signedIn.tokens.refresh_token as string)
      await op.rp.introspect(signedIn.tokens.access_token)
      await op.rp.userinfo(signedIn.tokens.access_token, op.maria.id)
      for (const [name, tokens] of [
        ['first', signedIn.tokens],
        ['refreshed', refreshed],
      ] as const) {
        secrets[`access token, ${name}`] = tokens.access_token
        secrets[`refresh token, ${name}`] = tokens.refresh_token as string
        secrets[`id token, ${name}`] = tokens.id_token as string
      }
      secrets['authorization code'] = codeOf(signedIn.page) as string
      secrets['state'] = signedIn.request.url.searchParams.get('state') as string

      const asked = await op.begin({ prompt: 'login' }, browser)
      const second = await op.typePassword(asked)
      const wrong = wrongCode(seed, op.clock)
      await op.submit(second, { intent: 'answer', code: wrong })
      await op.submit(second, { intent: 'answer', code: confirming })
      const recovery = await op.submit(second, { intent: 'switch', factor: 'recovery-code' })
      await op.submit(recovery, { intent: 'answer', code: '0000-00000-0000' })
      await op.submit(recovery, { intent: 'answer', code: codes[0] as string })
      const right = op.nextCode(seed)
      const third = await op.submit(await op.atSecondStep({}, new Browser()), {
        intent: 'answer',
        code: right,
      })
      for (const code of [confirming, wrong, right]) secrets[`code ${code}`] = code
      secrets['another authorization code'] = codeOf(third.page) ?? 'none was issued'

      // Errors of every kind: the provider's own, ours, a broken part, a store that is gone.
      await assert.rejects(
        third.request.finish(
          new URL(third.page.url.href.replace(/code=[^&]+/, 'code=forged-authorization-code')),
        ),
      )
      await assert.rejects(op.rp.refresh('a-forged-refresh-token'))
      secrets['forged code'] = 'forged-authorization-code'
      secrets['forged token'] = 'a-forged-refresh-token'
      await browser.get(`${op.issuer}/auth?client_id=nobody&code=${right}`)
      await browser.get(`${op.issuer}/nowhere?access_token=${signedIn.tokens.access_token}`)
      await fetch(`${op.issuer}/me?access_token=${signedIn.tokens.access_token}`)
      await fetch(`${op.issuer}/token`, {
        method: 'POST',
        headers: { authorization: 'Basic !!!' },
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: 'x',
          client_secret: testClient.client_secret,
          code_verifier: 'v'.repeat(50),
        }),
      })
      secrets['verifier'] = 'v'.repeat(50)
      fail = true
      const broken = await op.begin()
      assert.equal((await op.typePassword(broken)).page.status, 500)
      fail = false
      const last = await op.typePassword(broken)
      await redis.kill()
      await op.submit(last, { intent: 'answer', code: op.nextCode(seed) })
      await op.rp.refresh(refreshed.refresh_token as string).catch(() => {})
      for (const cookie of browser.cookies())
        if (cookie.value.length > 12) secrets[`cookie ${cookie.name}`] = cookie.value
      for (const key of op.config.keys.cookies ?? []) secrets['cookie key'] = key
      secrets['sealing key'] = op.config.keys.sealing?.[0]?.key as string
      secrets['signing key'] = String(op.config.keys.signing?.[0]?.['d'])
      secrets['password hash'] = op.maria.passwordHash
    } finally {
      Object.assign(console, { log: logging, info, warn, error })
      await op.close()
    }

    assert.ok(lines.length > 30, `${lines.length} lines`)
    assert.ok(
      lines.some((line) => line.includes('the hasher failed')),
      'the faults were logged',
    )
    assert.ok(lines.some((line) => /store_unavailable|not reachable/.test(line)))
    const text = [...lines, ...printed].join('\n')
    const found = Object.entries(secrets).filter(([, secret]) => {
      // Six digits are found in many a time and id: a code must stand by itself.
      if (/^\d{6}$/.test(secret)) return new RegExp(`(?<![\\d.])${secret}(?![\\d.])`).test(text)
      return text.includes(secret) || text.includes(encodeURIComponent(secret))
    })
    assert.deepEqual(
      found.map(([name]) => name),
      [],
    )
    // Nor does anything reach the output past the log.
    assert.deepEqual(
      printed.filter((line) => !line.includes('oidc-provider WARNING')),
      [],
    )
    for (const line of lines) assert.doesNotThrow(() => JSON.parse(line))
  })
})
