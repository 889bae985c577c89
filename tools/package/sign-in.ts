import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { generateSync } from 'otplib'
import { Browser } from '../../test/support/browser.ts'
import { freePort } from '../../test/support/machine.ts'
import { discoverRelyingParty } from '../../test/support/relying-party.ts'
import { answerPage, recoveryCodesOn, secretOn } from '../../test/support/steps.ts'

/** The client and the person of the README's `host.js`. */
const client = { client_id: 'app', client_secret: 'the secret of app' }
const request = { redirect_uri: 'http://localhost:8080/callback', scope: 'openid' }
const person = { username: 'maria', password: 'correct horse battery staple' }

/** Makes the README's two files the app of the project, starts it, and signs in twice. */
export const signInAtReadmeServer = async (project: string): Promise<void> => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  for (const name of ['server.js', 'host.js']) await writeFile(join(project, name), blockOf(readme, name))
  const issuer = `http://localhost:${await freePort()}`
  const server = spawn(process.execPath, ['server.js'], {
    cwd: project,
    env: {
      ISSUER: issuer,
      SEALING_KEY: randomBytes(32).toString('base64'),
      COOKIE_KEY: randomBytes(32).toString('hex'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said: string[] = []
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => said.push(String(chunk)))
  try {
    await answering(issuer, server)
    await signInTwice(issuer)
  } catch (error) {
    throw new Error(`the server of the README: ${(error as Error).message}\n${said.join('')}`, {
      cause: error,
    })
  } finally {
    await end(server)
  }
}

const lines = 20

/** The block of the README that begins with the file's name. */
const blockOf = (readme: string, name: string): string => {
  const block = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].find(([, code]) =>
    code?.startsWith(`// ${name}\n`),
  )
  const code = block?.[1]
  assert.ok(code, `README.md has no js block that begins with \`// ${name}\``)
  const used = code.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'))
  if (name === 'server.js')
    assert.ok(used.length <= lines, `the plugin takes ${used.length} lines, not ${lines}`)
  return code
}

const answering = async (issuer: string, server: ChildProcess): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}`)
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined)
    if (answer?.ok) return
    await wait(100)
  }
  throw new Error('it does not answer')
}

const end = async (server: ChildProcess): Promise<void> => {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  server.kill()
  await ended
}

/** A step of an authenticator app, `later` times 30 seconds from now. */
const codeOf = (secret: string, later = 0): string =>
  generateSync({ secret, epoch: Math.floor(Date.now() / 1000) + later * 30 })

const signInTwice = async (issuer: string): Promise<void> => {
  const rp = await discoverRelyingParty(issuer, client)
  const browser = new Browser()

  const first = await rp.begin(request)
  const login = await browser.get(first.url)
  assert.equal(
    (await browser.post(login.url, { ...person, password: 'wrong' })).url.pathname,
    login.url.pathname,
  )
  const enrol = await browser.post(login.url, person)
  const secret = secretOn(enrol)
  const confirming = codeOf(secret)
  const codesPage = await answerPage(browser, enrol, {
    intent: 'confirm',
    code: confirming,
    label: 'My phone',
  })
  assert.equal(recoveryCodesOn(codesPage).length, 10)
  const back = await answerPage(browser, codesPage, { intent: 'saved' })
  assertTwoFactors((await first.finish(back.url)).claims())

  const second = await rp.begin({ ...request, prompt: 'login' })
  const again = await browser.get(second.url)
  const asked = await browser.post(again.url, person)
  const refused = await answerPage(browser, asked, { intent: 'answer', code: confirming })
  assert.equal(refused.status, 422, 'the code that confirmed the enrolment is refused')
  const done = await answerPage(browser, asked, { intent: 'answer', code: codeOf(secret, 1) })
  assertTwoFactors((await second.finish(done.url)).claims())
}

const assertTwoFactors = (claims: Record<string, unknown> | undefined): void => {
  assert.equal(claims?.['sub'], 'maria')
  assert.equal(claims?.['acr'], 'https://refeds.org/profile/mfa')
  assert.deepEqual(claims?.['amr'], ['pwd', 'otp', 'mfa'])
}
