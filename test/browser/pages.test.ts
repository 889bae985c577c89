import { deepEqual, equal, match, ok } from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { readDeviceKey } from '../../src/context/device-key.ts'
import { languages } from '../../src/pages/language.ts'
import { pageSamples } from '../../tools/page-samples.ts'
import { objections } from '../support/accessibility.ts'
import { type ShownPages, showPages } from './shown-pages.ts'

const names = (await pageSamples('en', { name: '' })).map(({ name }) => name)

describe('pages in Chromium', function () {
  this.timeout(60_000)

  let shown: ShownPages
  let browser: Browser
  let origin: string
  let foreign: string
  let posts: ShownPages['posts']

  before(async function () {
    this.timeout(180_000)
    shown = await showPages()
    ;({ browser, origin, foreign, posts } = shown)
  })
  after(() => shown?.close())
  beforeEach(() => {
    posts.length = 0
  })

  const open: ShownPages['open'] = (path, options) => shown.open(path, options)

  describe('have nothing to object to for axe, the policy and a narrow screen', () => {
    // 320 px wide is what 200 % of zoom leaves of 640 (WCAG 1.4.4, 1.4.10).
    const viewport = { width: 320, height: 700 }
    const tabs = new Map<string, Awaited<ReturnType<typeof open>>>()

    before(async () => {
      for (const language of languages) tabs.set(language, await open(`/${language}/login`, { viewport }))
    })

    after(() => Promise.all([...tabs.values()].map(({ page }) => page.context().close())))

    for (const name of names)
      it(`${name}, in ${languages.join(' and ')}`, () =>
        // Each in a tab of its own, at the same time: it is the processor that takes the time.
        Promise.all(
          [...tabs].map(async ([language, { page, complaints }]) => {
            complaints.length = 0
            await page.goto(`${origin}/${language}/${name}`)
            deepEqual([...(await objections(page)), ...complaints], [], language)
          }),
        ))
  })

  it('shows the logo from the relying party', async () => {
    const { page } = await open('/it/login')
    equal(await page.evaluate("document.querySelector('.logo').naturalWidth > 0"), true)
    await page.context().close()
  })

  it('loads nothing but the page and the logo', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const requested: string[] = []
    page.on('request', (request) => requested.push(request.url()))
    await page.goto(`${origin}/it/enrol`)
    deepEqual(
      requested.filter((url) => !url.startsWith('data:')),
      [`${origin}/it/enrol`, `${foreign}/logo.svg`],
    )
    await context.close()
  })

  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
      const submit = async (path: string, act: (page: Page) => Promise<void>) => {
        const { page, complaints } = await open(path, { javaScriptEnabled })
        await act(page)
        // The redirect to another origin after a POST is what `form-action` would have blocked.
        await page.waitForURL(`${foreign}/callback?code=x`)
        deepEqual(complaints, [])
        await page.context().close()
        equal(posts.length, 1)
        // Where Sec-Fetch-Site is missing the guard needs this header to be ours, not "null".
        equal(posts[0]?.origin, origin)
        return posts[0]?.fields
      }

      it('signs in by the keyboard alone', async () => {
        const fields = await submit('/en/login', async (page) => {
          await page.locator('[name=username]:focus').waitFor()
          await page.keyboard.type('maria')
          await page.keyboard.press('Tab')
          await page.keyboard.type('correct horse')
          await page.keyboard.press('Enter')
        })
        deepEqual(fields, { username: 'maria', password: 'correct horse', intent: 'sign-in' })
      })

      it('takes a pasted code with spaces', async () => {
        const fields = await submit('/it/totp', async (page) => {
          await page.locator('[name=code]:focus').waitFor()
          await page.keyboard.insertText('123 456')
          await page.keyboard.press('Enter')
        })
        deepEqual(fields, { code: '123 456', intent: 'answer' })
      })

      it('asks not to be asked again, by the keyboard alone', async () => {
        const fields = await submit('/it/totp-trust', async (page) => {
          await page.locator('[name=code]:focus').waitFor()
          await page.keyboard.type('123456')
          await page.keyboard.press('Tab')
          await page.keyboard.press('Space')
          await page.keyboard.press('Tab')
          await page.keyboard.press('Enter')
        })
        deepEqual(fields, { code: '123456', trust: 'on', intent: 'answer' })
      })

      it('answers while a wait is shown, at the latest when it is over', async () => {
        await submit('/en/one-second', async (page) => {
          await page.getByLabel('Code').fill('123456')
          await page.getByRole('button', { name: /^Continue/ }).click()
        })
      })

      it('switches to another way', async () => {
        const fields = await submit('/en/totp', (page) =>
          page.getByRole('button', { name: 'Use a recovery code' }).click(),
        )
        deepEqual(fields, { factor: 'recovery-code', intent: 'switch' })
      })

      it('gives up', async () => {
        const fields = await submit('/it/totp', (page) =>
          page.getByRole('button', { name: 'Annulla l’accesso' }).click(),
        )
        deepEqual(fields, { intent: 'give-up' })
      })

      it('enrols', async () => {
        const fields = await submit('/it/enrol', async (page) => {
          await page.getByLabel('Codice').fill('123456')
          await page.getByLabel('Codice').press('Enter')
        })
        deepEqual(fields, { code: '123456', label: 'Il mio telefono', intent: 'confirm' })
      })

      const press = async (path: string, name: string) => {
        posts.length = 0
        return submit(path, (page) => page.getByRole('button', { name }).click())
      }

      it('chooses what to set up, chooses again, or gives up', async () => {
        deepEqual(await press('/it/choose', 'Passkey o chiave di sicurezza'), {
          factor: 'webauthn',
          intent: 'choose',
        })
        deepEqual(await press('/en/enrol', 'Choose another way'), { intent: 'choose-again' })
        deepEqual(await press('/it/choose', 'Annulla l’accesso'), { intent: 'give-up' })
        deepEqual(await press('/it/account-choose', 'Annulla'), { intent: 'give-up' })
      })

      it('removes, renames and makes codes on the security page', async () => {
        deepEqual(await press('/en/account-remove', 'Remove'), { intent: 'remove' })
        deepEqual(await press('/it/account-codes', 'Creane di nuovi'), { intent: 'new-codes' })
        posts.length = 0
        const renamed = await submit('/it/account-rename', async (page) => {
          await page.getByLabel('Nome').fill('Chiave blu')
          await page.getByLabel('Nome').press('Enter')
        })
        deepEqual(renamed, { label: 'Chiave blu', intent: 'rename' })
      })

      it('confirms that the recovery codes are saved', async () => {
        const fields = await submit('/en/recovery-codes', async (page) => {
          const download = page.waitForEvent('download')
          await page.getByRole('link', { name: 'Download' }).click()
          equal((await download).suggestedFilename(), 'recovery-codes.txt')
          await page.getByLabel('I have saved these codes').check()
          await page.getByRole('button', { name: 'Continue' }).click()
        })
        deepEqual(fields, { saved: 'on', intent: 'saved' })
      })

      it('sets up again, replacing what is lost', async () => {
        const again = (page: Page) => page.getByRole('button', { name: 'Set up again' }).click()
        deepEqual(await submit('/en/recovered', again), { 'lost-c1': 'on', intent: 'enrol' })
        posts.length = 0
        // Of several none is lost before somebody says so.
        deepEqual(await submit('/en/recovered-several', again), { intent: 'enrol' })
        posts.length = 0
        const fields = await submit('/it/recovered-several', async (page) => {
          await page.getByLabel('Telefono').check()
          await page.getByRole('button', { name: 'Configura di nuovo' }).click()
        })
        deepEqual(fields, { 'lost-c3': 'on', intent: 'enrol' })
      })

      it('leaves a sign-in that is locked or turned away, and refuses consent', async () => {
        deepEqual(await press('/en/locked', 'Back to Bottega Aurora'), { intent: 'leave' })
        deepEqual(await press('/it/turned-away', 'Torna a Bottega Aurora'), { intent: 'leave' })
        posts.length = 0
        deepEqual(
          await submit('/en/consent', (page) => page.getByRole('button', { name: 'Don’t allow' }).click()),
          { intent: 'deny' },
        )
      })
    })
  }

  it('has no button that does nothing without JavaScript', async () => {
    for (const name of ['login', 'login-passkey', 'recovery-codes', 'totp-wait', 'webauthn-wait']) {
      const { page } = await open(`/en/${name}`, { javaScriptEnabled: false })
      equal(await page.locator('button[type=button]:visible, button:disabled').count(), 0)
      await page.context().close()
    }
  })

  it('sends what a key of the browser signs, where it shall be trusted by one', async () => {
    const { page, complaints } = await open('/en/totp-trust-key')
    await page.getByRole('checkbox').check()
    await page.getByLabel('Code').fill('123456')
    await page.getByLabel('Code').press('Enter')
    await page.waitForURL(`${foreign}/callback?code=x`)
    deepEqual(complaints, [])
    await page.context().close()
    const { 'device-key': proof = '', ...others } = posts[0]?.fields ?? {}
    deepEqual(others, { code: '123456', trust: 'on', intent: 'answer' })
    const asked = { issuer: 'https://id.example', uid: 'sample-interaction' }
    ok(await readDeviceKey(proof, asked))
    equal(await readDeviceKey(proof, { ...asked, uid: 'another' }), undefined)
  })

  it('says that passkeys need JavaScript, and what to do without', async () => {
    for (const [name, intent] of [
      ['webauthn', 'switch'],
      ['webauthn-enrol', 'choose-again'],
    ]) {
      const { page } = await open(`/it/${name}`, { javaScriptEnabled: false })
      match(await page.locator('main').innerText(), /richiede JavaScript.*scegli un altro modo/s)
      equal(await page.locator('[value=answer]:visible, [value=confirm]:visible').count(), 0)
      await page.locator(`[value=${intent}]`).first().click()
      await page.waitForURL(`${foreign}/callback?code=x`)
      await page.context().close()
    }
    deepEqual(
      posts.map(({ fields }) => fields?.intent),
      ['switch', 'choose-again'],
    )
  })

  it('refuses a form that another site sends', async () => {
    const { page } = await open(`${foreign}/attack`)
    await page.getByRole('button').click()
    await page.waitForURL(`${origin}/en/totp`)
    deepEqual(posts, [{ origin: foreign, refused: 'cross_site' }])
    await page.context().close()
  })

  it('links an error to its field, which has the focus', async () => {
    const { page } = await open('/it/totp-clock')
    match(await page.title(), /^Errore: /)
    const focused = page.locator(':focus')
    equal(await focused.getAttribute('name'), 'code')
    equal(await focused.getAttribute('aria-describedby'), await page.getByRole('alert').getAttribute('id'))
    equal(await focused.getAttribute('aria-invalid'), 'true')
    await page.context().close()
  })

  it('shows and hides the password, and sends it hidden', async () => {
    const { page } = await open('/en/login')
    const password = page.locator('#password')
    await page.getByRole('button', { name: 'Show password' }).click()
    equal(await password.getAttribute('type'), 'text')
    await page.getByRole('button', { name: 'Hide password' }).click()
    equal(await password.getAttribute('type'), 'password')
    await page.context().close()
  })

  it('counts a wait down and says when it is over', async () => {
    const { page } = await open('/en/totp-wait')
    const button = page.getByRole('button', { name: /^Continue/ })
    equal(await button.isDisabled(), true)
    match((await button.textContent()) ?? '', /^Continue \(0:\d\d\)$/)
    await page.goto(`${origin}/en/one-second`)
    await page.getByText('You can try again now.').waitFor()
    equal(await button.isDisabled(), false)
    equal(await button.textContent(), 'Continue')
    await page.context().close()
  })

  it('sends a form once, however often its button is pressed', async () => {
    const { page } = await open('/en/login')
    await page.locator('#username').fill('maria')
    await page.locator('#password').fill('correct horse')
    await page.evaluate("for (let i = 0; i < 5; i++) document.querySelector('.primary').click()")
    await page.waitForURL(`${foreign}/callback?code=x`)
    equal(posts.length, 1)
    await page.context().close()
  })

  it('copies the recovery codes', async () => {
    const { page } = await open('/en/recovery-codes', { permissions: ['clipboard-read', 'clipboard-write'] })
    await page.getByRole('button', { name: 'Copy' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    const copied = String(await page.evaluate('navigator.clipboard.readText()')).split('\n')
    ok(copied.length === 10 && copied.every((code) => /^\w{4}-\w{5}-\w{4}$/.test(code)))
    await page.context().close()
  })

  it('asks for another code, or elsewhere, without the field that is empty', async () => {
    const press = async (path: string, name: string, act?: (page: Page) => Promise<void>) => {
      posts.length = 0
      const { page, complaints } = await open(path)
      await act?.(page)
      await page.getByRole('button', { name }).click()
      await page.waitForURL(`${foreign}/callback?code=x`)
      deepEqual(complaints, [])
      await page.context().close()
      return posts[0]?.fields
    }
    deepEqual(await press('/it/sms', 'Mandami un codice a'), { intent: 'send' })
    deepEqual(await press('/en/sms-sent', 'Send another code'), { code: '', intent: 'send' })
    deepEqual(await press('/en/sms-enrol-code', 'Send another code'), { code: '', intent: 'address' })
    const elsewhere = await press('/it/sms-enrol-code', 'Mandami un codice', async (page) => {
      await page.getByText('Usa un altro numero').click()
      await page.getByLabel('Numero di telefono').fill('+39 320 123 4567')
    })
    deepEqual(elsewhere, { address: '+39 320 123 4567', intent: 'address' })
  })

  it('takes what a token shows or types, with one serial number', async () => {
    for (const [path, fields] of [
      ['/en/hardware-token-enrol', { serial: 'FT-20461187', code: '123456 654321', intent: 'confirm' }],
      ['/it/hardware-token-enrol-several', { serial: 'FT-20461187', code: '12345678', intent: 'confirm' }],
      ['/it/hardware-token-key', { code: 'cccccccccccbdefghijklnrtuvcbdefghijklnrtuvcb', intent: 'answer' }],
    ] as const) {
      posts.length = 0
      const { page } = await open(path)
      await page.locator('[name=code]:focus').waitFor()
      await page.keyboard.type(fields.code)
      await page.keyboard.press('Enter')
      await page.waitForURL(`${foreign}/callback?code=x`)
      await page.context().close()
      deepEqual(posts[0]?.fields, fields)
    }
  })
})
