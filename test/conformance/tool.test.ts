import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Answer, Browser } from '../support/browser.ts'
import { answerIn, callback, type Profile, startProfile } from './profile.ts'

type Task = Profile['op']['plan']['browser'][number]['tasks'][number]

/** As the suite matches addresses: `*` stands for anything. */
const matches = (pattern: string, { href }: URL): boolean => {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(href)
}

/** Does what the plan's tasks say, as far as our pages go; like the suite it knows ids and `//button[@…='…']` only. */
const automate = async (browser: Browser, first: Answer, tasks: readonly Task[], issuer: string) => {
  let page = first
  const done: string[] = []
  for (const { task, match, optional, commands = [] } of tasks) {
    if (!matches(match, page.url)) {
      assert.ok(optional, `${task}: ${page.url}`)
      continue
    }
    if (page.url.origin !== issuer) return { page, done: [...done, task] }
    const fields: Record<string, string> = {}
    for (const [command, kind, target, ...rest] of commands) {
      const mayLack = rest.at(-1) === 'optional'
      if (command === 'text') {
        const there = page.body.includes(`id="${target}"`)
        assert.ok(there || mayLack, `${task}: no ${target}`)
        if (there) fields[String(target)] = String(rest[0])
      } else if (command === 'click') {
        const [, name = '', value = ''] = /^\/\/button\[@(\w+)='([^']+)'\]$/.exec(String(target)) ?? []
        assert.equal(kind, 'xpath')
        const button = new RegExp(`<button [^>]*${name}="${value}"[^>]*>`).exec(page.body)?.[0]
        assert.ok(button || mayLack, `${task}: no button ${value}`)
        if (!button) continue
        const form = page.body.slice(page.body.lastIndexOf('<form', page.body.indexOf(button)))
        for (const [, field = '', typed = ''] of form
          .slice(0, form.indexOf('</form>'))
          .matchAll(/<input id="(\w+)" value="([^"]+)"/g))
          fields[field] ??= typed
        done.push(task)
        page = await browser.post(page.url, { intent: value, ...fields })
      } else {
        const text = String(rest[1] ?? '')
        assert.match(page.body, new RegExp(text), `${task}: ${text}`)
        done.push(`${task}: ${text}`)
      }
    }
  }
  return { page, done }
}

describe('npm run conformance', function () {
  this.timeout(60_000)
  let at: Profile
  before(async () => {
    at = await startProfile()
  })
  after(() => at.close())

  const url = (parameters: Record<string, string> = {}) =>
    `${at.issuer}/auth?${new URLSearchParams({
      client_id: at.op.clients.client.client_id,
      redirect_uri: callback,
      response_type: 'code',
      scope: 'openid',
      ...parameters,
    })}`
  const visitOf = (target: string, name?: keyof Profile['op']['plan']['override']) => {
    const visits = name ? at.op.plan.override[name]?.browser : at.op.plan.browser
    const visit = visits?.find(({ match }) => matches(match, new URL(target)))
    assert.ok(visit)
    return visit.tasks
  }

  it('makes a plan by which the suite’s browser comes through our pages', async () => {
    const browser = at.browser()
    const { page, done } = await automate(browser, await browser.get(url()), visitOf(url()), at.issuer)
    assert.deepEqual(done, ['Password', 'Second factor', 'Verify complete'])
    assert.ok(answerIn('query', page)['code'])
    // With the session there is no page on the way.
    const again = await automate(browser, await browser.get(url()), visitOf(url()), at.issuer)
    assert.deepEqual(again.done, ['Verify complete'])
    const login = url({ prompt: 'login' })
    const pictured = await automate(
      browser,
      await browser.get(login),
      visitOf(login, 'oidcc-prompt-login'),
      at.issuer,
    )
    assert.deepEqual(pictured.done, ['Password: Sign in', 'Password', 'Second factor', 'Verify complete'])
  })

  it('makes one by which it finds the error page', async () => {
    const bad = url({ redirect_uri: 'https://evil.example/' })
    const tasks = visitOf(bad, 'oidcc-ensure-registered-redirect-uri')
    const browser = at.browser()
    const { done } = await automate(browser, await browser.get(bad), tasks, at.issuer)
    assert.deepEqual(done, ['Expect the error page: This did not work'])
  })

  it('types codes that go on being right after many that nobody sent', async () => {
    const browser = at.browser()
    let page = await browser.get(url())
    const { password } = at.op.people[0]
    page = await browser.post(page.url, { intent: 'sign-in', username: 'maria', password })
    const codes = new Set<string>()
    for (let pressed = 0; pressed < 25; pressed++) {
      page = await browser.get(page.url)
      codes.add(/<input id="code" value="(\d{6})"/.exec(page.body)?.[1] ?? '')
    }
    assert.ok(codes.size >= 9 && !codes.has(''), `${codes.size} codes`)
    const { end, met } = await at.walk(browser, page)
    assert.deepEqual(met, ['second factor'])
    assert.ok(answerIn('query', end)['code'])
  })

  it('types none for a wrong password, and a wrong code stays wrong', async () => {
    const browser = at.browser()
    let page = await browser.get(url())
    page = await browser.post(page.url, { intent: 'sign-in', username: 'maria', password: 'wrong password' })
    assert.equal(page.status, 401)
    assert.doesNotMatch(page.body, /id="code"/)
    const { password } = at.op.people[0]
    page = await browser.post(page.url, { intent: 'sign-in', username: 'maria', password })
    page = await browser.post(page.url, { intent: 'answer', code: '000000' })
    assert.notEqual(page.url.origin, new URL(callback).origin)
    assert.match(page.body, /id="error"/)
  })

  it('believes nobody who says how they were asked', async () => {
    const response = await at.fetch(`${at.issuer}/.well-known/openid-configuration`, {
      headers: {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        forwarded: 'host=evil.example',
      },
    })
    assert.doesNotMatch(await response.text(), /evil\.example|"http:/)
  })

  it('runs config/conformance.yaml, where the second factor is on', () => {
    const written = parse(
      readFileSync(new URL('../../config/conformance.yaml', import.meta.url), 'utf8'),
    ) as {
      policy: { secondFactor: string }
      mode: string
    }
    assert.deepEqual([written.mode, written.policy.secondFactor], ['production', 'required'])
  })
})
