import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { languages } from '../../src/pages/language.ts'
import { createPages } from '../../src/pages/render.ts'
import type { FactorDraft, FactorQuestion, Language, Views } from '../../src/pages/views.ts'
import { pageSamples } from '../../tools/page-samples.ts'

const now = Date.UTC(2026, 5, 10, 12)
const pages = createPages({ brand: { name: 'Duepassi' }, secure: true, clock: { now: () => now } })

type Question = Extract<FactorQuestion, { name: 'push' }>

const pending: Question = {
  name: 'push',
  state: 'pending',
  number: '427190',
  secondsLeft: 58,
  resendIn: 14,
  devices: ['iPhone'],
  watch: 'state-of-it',
  seen: false,
  reached: null,
}

const asking = (
  factor: Partial<Question>,
  more: Partial<Views['interaction/second-factor']> = {},
  language: Language = 'en',
): string =>
  pages.render({
    view: 'interaction/second-factor',
    language,
    locals: { factor: { ...pending, ...factor }, others: ['totp'], ...more },
  }).body

const over = (state: Question['state'], more: Partial<Question> = {}): Question => ({
  name: 'push',
  state,
  devices: ['iPhone'],
  resendIn: 0,
  ...more,
})

const ended = (factor: Question, language: Language = 'en'): string =>
  pages.render({ view: 'interaction/second-factor', language, locals: { factor, others: [] } }).body

const enrolling = (
  factor: FactorDraft,
  more: Partial<Views['interaction/enrol']> = {},
  language: Language = 'en',
): string =>
  pages.render({
    view: 'interaction/enrol',
    language,
    locals: { factor, otherWays: false, action: '/step', ...more },
  }).body

const mainOf = (body: string): string => /<main.*<\/main>/s.exec(body)?.[0] ?? ''
const headOf = (body: string): string => /<head>.*<\/head>/s.exec(body)?.[0] ?? ''
const button = (body: string, intent: string): string =>
  body.match(new RegExp(`<button[^>]* value="${intent}"[^>]*>`))?.[0] ?? ''
const formWith = (body: string, text: string): string =>
  (mainOf(body).match(/<form.*?<\/form>/gs) ?? []).find((form) => form.includes(text)) ?? ''
const refreshOf = (body: string): string | undefined =>
  /<noscript><meta http-equiv="refresh" content="(\d+)"><\/noscript>/.exec(headOf(body))?.[1]
/** The script that watches; its text stands in the page. */
const watches = (body: string): boolean => body.includes('new EventSource(')

describe('the page that waits for a phone', () => {
  it('shows the number in groups, and says it digit by digit', () => {
    const body = asking({})
    match(body, /<span aria-hidden="true">427\u00a0190<\/span> <span class="sr">The number is 4 2 7 1 9 0\.</)
    match(asking({ number: '07' }, {}, 'it'), />07<\/span> <span class="sr">Il numero è 0 7\.</)
    match(asking({ number: '4270' }), /<span aria-hidden="true">4270</)
  })

  it('names the phones, as far as they have names', () => {
    const named = (devices: string[], language: Language) => mainOf(asking({ devices }, {}, language))
    match(named(['iPhone', ''], 'en'), /Open the request on “iPhone” and type/)
    match(named(['iPhone', 'Pixel'], 'en'), /on “iPhone” or “Pixel” and/)
    match(named(['iPhone', 'Pixel'], 'it'), /richiesta su “iPhone” o “Pixel” e scrivi/)
    match(named([''], 'en'), /on your phone and type/)
    match(named([''], 'it'), /richiesta sul telefono e scrivi/)
    doesNotMatch(named(['<img src=x>'], 'en'), /<img/)
  })

  it('says in a live region what is known of the request, and what else it may become', () => {
    const said = (more: Partial<Question>) =>
      /<p class="note" role="status" data-status="([^"]*)">([^<]*)</.exec(asking(more)) ?? []
    match(said({})[2] ?? '', /on its way.*open the Duepassi app/)
    match(said({ reached: 2 })[2] ?? '', /on its way/)
    match(said({ reached: 0 })[2] ?? '', /No phone could be told/)
    match(said({ seen: true, reached: 0 })[2] ?? '', /open on your phone\./)
    const texts = JSON.parse((said({})[1] ?? '').replaceAll('&#34;', '"'))
    deepEqual(Object.keys(texts), ['seen', 'none', 'told'])
    equal(texts.seen, said({ seen: true })[2])
  })

  it('counts down, watches, and is read anew every few seconds where there is no JavaScript', () => {
    const body = asking({})
    match(body, /Time left: <span data-left="58">58 seconds</)
    match(body, /<div role="status" data-watch="state-of-it">/)
    ok(watches(body))
    equal(refreshOf(body), '3')
    // An error has to be readable first.
    equal(refreshOf(asking({}, { error: { key: 'error.push.wrong' } })), '20')
    doesNotMatch(mainOf(body), /http-equiv/)
  })

  it('is read anew at its own address, without the fragment, and at no other host', () => {
    const sent = (url: string): string => {
      let body = ''
      const end = (text: string) => {
        body = text
      }
      const res = { setHeader: () => {}, end }
      pages.send({ url, method: 'GET' } as IncomingMessage, res as unknown as ServerResponse, {
        view: 'interaction/second-factor',
        language: 'en',
        locals: { factor: pending, others: [] },
      })
      return /http-equiv="refresh" content="([^"]*)"/.exec(headOf(body))?.[1] ?? ''
    }
    equal(sent('/x/second-factor?a=b'), '3;url=/x/second-factor?a=b')
    equal(sent('/x?"><b>'), '3;url=/x?&#34;&gt;&lt;b&gt;')
    for (const url of ['//evil.example', '/\\evil.example', 'https://evil.example/', '*'])
      equal(sent(url), '3')
  })

  it('sends again by a form of its own, not before the time', () => {
    const body = asking({})
    match(body, /<form method="post" id="send" hidden><\/form>/)
    match(button(body, 'send'), /form="send".* data-wait="14"/)
    match(body, /<noscript><p class="small">You can have another request sent in 14 seconds\.</)
    const ready = asking({ resendIn: 0 })
    doesNotMatch(button(ready, 'send'), /data-wait/)
    doesNotMatch(ready, /another request sent in/)
    const { resendIn, ...never } = pending
    equal(button(ended(never), 'send'), '')
  })

  it('takes the code without network, in a form that Enter submits', () => {
    const form = formWith(asking({}, { trust: { days: 30 } }), 'name="code"')
    match(form, /<details>\s*<summary>Phone without network\? Use its code</)
    match(form, /name="code"[^>]*inputmode="numeric"[^>]*required/)
    equal((form.match(/<button/g) ?? []).length, 1)
    match(button(form, 'answer'), /class="button primary"/)
    match(form, /name="trust"/)
    doesNotMatch(form, / autofocus/)
  })

  it('opens the code where it was wrong, and holds up the button for as long as it takes', () => {
    const wrong = asking({}, { error: { key: 'error.push.wrong' }, waitSeconds: 30 })
    match(wrong, /<details open>/)
    match(wrong, /name="code"[^>]* aria-describedby="code-hint error" aria-invalid="true"/)
    match(button(wrong, 'answer'), /data-wait="30"/)
    match(button(wrong, 'send'), /data-wait="30"/)
    const pause = asking({}, { error: { key: 'error.push.pause', values: { seconds: 80 } } })
    match(button(pause, 'send'), /data-wait="80"/)
    doesNotMatch(button(pause, 'answer'), /data-wait/)
    doesNotMatch(mainOf(pause), /<details open>|aria-invalid/)
  })

  it('has a twin that stays, to type in where there is no JavaScript', () => {
    const waiting = asking({ byCode: { open: false, url: '?a=b&typing=on' } })
    match(waiting, /<noscript><a class="button quiet" href="\?a=b&amp;typing=on">/)
    match(formWith(waiting, 'name="code"'), /^<form method="post" class="needs-script">/)
    const typing = asking({ byCode: { open: true, url: '?typing=on' } })
    equal(refreshOf(typing), undefined)
    match(formWith(typing, 'name="code"'), /^<form method="post">\s*<details open>.* autofocus/s)
    doesNotMatch(typing, /href="\?typing/)
  })

  it('is looked at again while an answer is being judged', () => {
    equal(refreshOf(ended(over('wrong', { watch: 'judging' }))), '3')
    equal(refreshOf(ended(over('wrong', { watch: 'other' }))), undefined)
    ok(watches(ended(over('wrong', { watch: 'other' }))))
    ok(!watches(ended(over('wrong'))))
  })
})

describe('the page of a browser that can confirm by itself', () => {
  const here = {
    id: 'the-id',
    nonce: 'the-nonce',
    shown: '{"a":"<b>"}',
    issuer: 'https://id.example',
    tag: 't',
  }

  it('offers that where its key is found, and a phone in any case; the number is shown to nobody', () => {
    const body = asking({ here }, { trust: { days: 30 } })
    const main = mainOf(body)
    match(main, /<h1>Confirm that it is you<\/h1>/)
    const [, data = ''] = /<div hidden data-here="([^"]*)"/.exec(main) ?? []
    deepEqual(JSON.parse(data.replaceAll('&#34;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>')), here)
    const form = formWith(body, 'name="response"')
    match(button(form, 'answer'), /class="button primary"/)
    match(form, /name="trust"/)
    match(main, /id="send" hidden><input type="hidden" name="elsewhere" value="on"><\/form>/)
    match(button(main, 'send'), /class="button primary send" form="send"/)
    doesNotMatch(main, /427|name="code"|data-left/)
    equal(refreshOf(body), undefined)
    match(main, /data-watch="state-of-it" data-seconds="58"/)
  })

  it('brings the keys of the app, then what uses them; no other page does', () => {
    const body = asking({ here })
    const [keys, uses] = ['globalThis.duepassiAuthenticator = ', 'keys.decide('].map((text) =>
      body.indexOf(text),
    )
    ok(keys !== undefined && uses !== undefined && keys > 0 && keys < uses)
    ok(watches(body))
    doesNotMatch(asking({}), /duepassiAuthenticator/)
  })
})

describe('the page of a request that is over, or was never made', () => {
  for (const [state, english, italian] of [
    ['unsent', /We send a request to your phone/, /Mandiamo una richiesta al telefono/],
    ['expired', /not answered in time.*Have another/, /non ha avuto risposta in tempo.*Manda un’altra/],
    ['denied', /denied on your phone/, /rifiutata dal telefono/],
    ['wrong', /was not right/, /non era corretta/],
    ['superseded', /another sign-in.*“It was not me”/, /un altro accesso.*“Non ero io”/],
  ] as const) {
    it(`says so, and what to do: ${state}`, () => {
      const body = ended(over(state))
      match(mainOf(body), english)
      match(mainOf(ended(over(state), 'it')), italian)
      match(button(body, 'send'), /class="button primary/)
      match(body, /name="code"/)
      doesNotMatch(mainOf(body), /class="number"|data-left/)
      equal(refreshOf(body), undefined)
    })
  }

  it('sends no more where no more may be sent, and says that', () => {
    const { resendIn, ...never } = over('expired')
    const body = ended(never)
    equal(button(body, 'send'), '')
    match(mainOf(body), /No more requests can be sent in this sign-in/)
    doesNotMatch(mainOf(body), /Have another one sent/)
  })
})

describe('adding a phone', () => {
  const scan = {
    name: 'push',
    step: 'scan',
    uri: 'https://id.example/authenticator/#e=the-token',
    qrSvg: '<svg id="qr"></svg>',
    code: 'K7QP-2M9X-RT',
    expiresAt: now + 300_000,
    watch: 'scanning',
  } as const

  it('begins with a picture, a link for this very phone, and a code to type', () => {
    const body = enrolling(scan)
    const main = mainOf(body)
    match(main, /<a class="qr" href="https:\/\/id\.example\/authenticator\/#e=the-token">.*<svg id="qr">/s)
    equal(main.split('K7QP-2M9X-RT').length, 3)
    match(main, /<code class="secret address">https:\/\/id\.example\/authenticator\/</)
    match(main, /Add to Home Screen/)
    match(main, /data-left="300">5 minutes</)
    match(main, /data-watch="scanning"/)
    equal(refreshOf(body), '3')
    equal(button(body, 'send'), '')
  })

  it('shows a new picture once the old one is worth nothing', () => {
    const body = enrolling({ ...scan, expiresAt: now })
    match(button(body, 'send'), /class="button primary/)
    doesNotMatch(mainOf(body), /<svg id="qr">|K7QP|the-token/)
    equal(refreshOf(body), undefined)
  })

  it('asks for the number that the phone shows, and for a name', () => {
    const confirm = { name: 'push', step: 'confirm', label: 'iPhone "di" Maria', watch: 'w' } as const
    const body = enrolling(confirm)
    const form = formWith(body, 'name="code"')
    match(form, /name="code"[^>]*inputmode="numeric"[^>]* required autofocus>/)
    match(form, /name="label" type="text" value="iPhone &#34;di&#34; Maria" maxlength="60"/)
    // Enter sends the number.
    ok(form.indexOf('value="confirm"') < form.indexOf('value="send"'))
    match(button(form, 'send'), /formnovalidate/)
    equal(refreshOf(body), undefined)
    match(
      enrolling(confirm, { error: { key: 'error.push.wrong' } }),
      /aria-describedby="error" aria-invalid="true"/,
    )
  })

  it('ends with a test, which can be sent again', () => {
    const test = { name: 'push', step: 'test', number: '427', expiresAt: now + 60_000, watch: 'w' } as const
    const body = enrolling(test)
    match(body, /<h1>Try it out<\/h1>/)
    match(body, /The number is 4 2 7\./)
    match(button(body, 'send'), /class="button plain/)
    equal(refreshOf(body), '3')
    const late = enrolling({ ...test, number: '', expiresAt: 0 })
    match(late, /The test did not succeed/)
    match(button(late, 'send'), /class="button primary/)
    doesNotMatch(mainOf(late), /class="number"/)
  })
})

describe('pages of approving on a phone', () => {
  for (const language of languages)
    it(`can be shown in each of their states, and every id is there once: ${language}`, async () => {
      const samples = (await pageSamples(language, { name: 'Shop', uri: 'https://shop.example/' })).filter(
        ({ name }) => /push|reported/.test(name),
      )
      ok(samples.length > 20)
      for (const { name, page } of samples) {
        const { body } = pages.render(page)
        const ids = [...mainOf(body).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
        equal(new Set(ids).size, ids.length, name)
        doesNotMatch(mainOf(body), /undefined|\[object/, name)
      }
    })

  it('say what happens after "it was not me", and lead back', () => {
    const at = (language: Language) =>
      pages.render({
        view: 'interaction/reported',
        language,
        client: { name: 'Shop' },
        locals: {},
      }).body
    match(at('en'), /it was not you\. So the sign-in was ended.*you choose a new one/s)
    match(at('it'), /non eri tu\. Per questo l’accesso è stato interrotto/)
    match(at('en'), /<button[^>]* value="leave">Back to Shop</)
  })
})
